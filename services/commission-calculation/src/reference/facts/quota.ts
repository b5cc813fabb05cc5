/**
 * Quotas of a payee under the components of a plan: the recorded facts, and the quotas in force that follow from them.
 */
import type { Quota as QuotaInForce } from '@tantieme/commission-engine/earn/payee-terms';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DAY_DESCRIPTION, isDay } from '@tantieme/time/day';
import { decimalFault, formatRate, parseDecimal } from '@tantieme/money/decimal';
import type { Quota } from '@tantieme/contracts/reference';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { QUOTAS_MAX } from '../../limits.js';

/** All facts of a payee and a plan, by `identityOfQuota`. */
export type QuotasOfPayee = ReadonlyMap<string, Quota>;

export interface QuotaRecorded {
  readonly type: 'QuotaRecorded';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: {
    readonly quota: Quota;
    /** All quotas in force after this fact. */
    readonly inForce: readonly QuotaInForce[];
  };
}

/** Identity of a quota among the facts of its payee and plan. */
export function identityOfQuota({ component, from, revision }: Quota): string {
  return `${from} ${revision} ${component}`;
}

/** No event for a repeated fact. @throws {DomainError} `FactConflict` where the same identity has other content */
export function recordQuota(quota: Quota, at: string, known: QuotasOfPayee): readonly QuotaRecorded[] {
  const before = known.get(identityOfQuota(quota));
  if (before !== undefined) {
    const differing = (['amount', 'until'] as const).filter((field) => before[field] !== quota[field]);
    if (differing.length === 0) return [];
    throw new DomainError(
      'FactConflict',
      `revision ${quota.revision} of the quota of ${quota.payee} for ${quota.component} from ${quota.from} has other content; send a correction with a higher revision`,
      'conflict',
      differing.map((field) => ({
        field,
        reason: `is recorded as ${before[field] ?? 'absent'}, not ${quota[field] ?? 'absent'}`,
      })),
    );
  }
  if (known.size >= QUOTAS_MAX)
    throw new DomainError(
      'QuotasTooMany',
      `${quota.payee} has ${known.size} quotas under ${quota.plan}, the most that a payee can have`,
    );
  const inForce = quotasInForce([...known.values(), quota]);
  return [{ type: 'QuotaRecorded', version: 1, occurredAt: at, data: { quota, inForce } }];
}

/**
 * The fact in its normal form: an amount without trailing zeros.
 * @throws {DomainError} `FactInvalid` with every field and reason
 */
export function normalQuota({ payee, plan, component, from, until, amount, revision }: Quota): Quota {
  const amountFault = decimalFault(amount) ?? (amount.startsWith('-') ? `${amount} is below zero` : undefined);
  const faults = [
    ...dayFaults('from', from),
    ...(until === undefined ? [] : dayFaults('until', until)),
    ...(until !== undefined && isDay(until) && until <= from
      ? [{ field: 'until', reason: 'is not after from; it is the first day without the quota' }]
      : []),
    ...(amountFault === undefined ? [] : [{ field: 'amount', reason: amountFault }]),
  ];
  if (faults.length > 0)
    throw new DomainError(
      'FactInvalid',
      `the quota is not valid: ${faults.map(({ field, reason }) => `${field} ${reason}`).join('; ')}`,
      'invalid',
      faults,
    );
  const exact = formatRate(parseDecimal(amount));
  return omitUndefined({ payee, plan, component, from, until, amount: exact, revision });
}

function dayFaults(field: string, day: string): readonly { readonly field: string; readonly reason: string }[] {
  return isDay(day) ? [] : [{ field, reason: `${JSON.stringify(day)} is not ${DAY_DESCRIPTION}` }];
}

/**
 * The quotas in force: for each component and day the highest revision, and of one revision the fact with the latest
 * first day. Spans do not overlap, and neighbouring spans differ. In order of component, then day.
 */
export function quotasInForce(facts: readonly Quota[]): readonly QuotaInForce[] {
  const components = [...new Set(facts.map(({ component }) => component))].sort();
  return components.flatMap((component) => spansOf(facts.filter((fact) => fact.component === component)));
}

function spansOf(facts: readonly Quota[]): readonly QuotaInForce[] {
  const strongestFirst = facts.toSorted(
    (left, right) => right.revision - left.revision || (left.from < right.from ? 1 : left.from > right.from ? -1 : 0),
  );
  const edges = [...new Set(facts.flatMap(({ from, until }) => (until === undefined ? [from] : [from, until])))].sort();
  const spans: QuotaInForce[] = [];
  for (const [index, from] of edges.entries()) {
    const until = edges[index + 1];
    const fact = strongestFirst.find((one) => one.from <= from && (one.until === undefined || from < one.until));
    if (fact === undefined) continue;
    const { component, amount } = fact;
    const last = spans.at(-1);
    const start =
      last !== undefined && last.until === from && last.amount === amount ? (spans.pop()?.from ?? from) : from;
    spans.push(omitUndefined({ component, from: start, until, amount }));
  }
  return spans;
}
