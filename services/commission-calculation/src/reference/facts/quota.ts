/**
 * Quotas of a payee under the components of a plan: the recorded facts, and the quotas in force that follow from them.
 */
import type { Quota as QuotaInForce } from '@tantieme/commission-engine/earn/payee-terms';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DAY_DESCRIPTION, isDay } from '@tantieme/time/day';
import { decimalFault, formatRate, parseDecimal } from '@tantieme/money/decimal';
import type { Quota, QuotaFact } from '@tantieme/contracts/reference';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { QUOTAS_MAX } from '../../limits.js';
import { isWithdrawal, notWithdrawn, withdrawalSuffix } from './withdrawal.js';

/** All facts of a payee and a plan, by `identityOfQuota`. */
export type QuotasOfPayee = ReadonlyMap<string, QuotaFact>;

export interface QuotaRecorded {
  readonly type: 'QuotaRecorded';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: {
    readonly quota: QuotaFact;
    /** All quotas in force after this fact. */
    readonly inForce: readonly QuotaInForce[];
  };
}

/** Identity of a quota among the facts of its payee and plan. */
export function identityOfQuota(quota: QuotaFact): string {
  return quotaIdentity(quota, withdrawalSuffix(quota));
}

function quotaIdentity({ component, from, revision }: QuotaFact, suffix = ''): string {
  return `${from} ${revision}${suffix} ${component}`;
}

/** No event for a repeated fact. @throws {DomainError} `FactConflict` where the same identity has other content */
export function recordQuota(quota: QuotaFact, at: string, known: QuotasOfPayee): readonly QuotaRecorded[] {
  const before = known.get(identityOfQuota(quota));
  if (before !== undefined) {
    if (isWithdrawal(quota) || isWithdrawal(before)) return [];
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
  // What is recorded can always be withdrawn.
  const isKnown = isWithdrawal(quota) && known.has(quotaIdentity(quota));
  if (known.size >= QUOTAS_MAX && !isKnown)
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
export function normalQuota<Fact extends QuotaFact>(fact: Fact): Fact;
export function normalQuota(fact: QuotaFact): QuotaFact {
  const { payee, plan, component, from, revision } = fact;
  // The content that a withdrawal repeats does not count.
  if (isWithdrawal(fact)) {
    assertValid(dayFaults('from', from));
    return { payee, plan, component, from, revision, withdrawn: fact.withdrawn };
  }
  const { until, amount } = fact;
  const amountFault = decimalFault(amount) ?? (amount.startsWith('-') ? `${amount} is below zero` : undefined);
  assertValid([
    ...dayFaults('from', from),
    ...(until === undefined ? [] : dayFaults('until', until)),
    ...(until !== undefined && isDay(until) && until <= from
      ? [{ field: 'until', reason: 'is not after from; it is the first day without the quota' }]
      : []),
    ...(amountFault === undefined ? [] : [{ field: 'amount', reason: amountFault }]),
  ]);
  const exact = formatRate(parseDecimal(amount));
  return omitUndefined({ payee, plan, component, from, until, amount: exact, revision });
}

function assertValid(faults: readonly { readonly field: string; readonly reason: string }[]): void {
  if (faults.length === 0) return;
  throw new DomainError(
    'FactInvalid',
    `the quota is not valid: ${faults.map(({ field, reason }) => `${field} ${reason}`).join('; ')}`,
    'invalid',
    faults,
  );
}

function dayFaults(field: string, day: string): readonly { readonly field: string; readonly reason: string }[] {
  return isDay(day) ? [] : [{ field, reason: `${JSON.stringify(day)} is not ${DAY_DESCRIPTION}` }];
}

/**
 * The quotas in force, without those that are withdrawn: for each component and day the highest revision, and of one
 * revision the fact with the latest first day. Spans do not overlap, and neighbouring spans differ. In order of component, then day.
 */
export function quotasInForce(recorded: readonly QuotaFact[]): readonly QuotaInForce[] {
  const facts = notWithdrawn(recorded, quotaKey);
  const components = [...new Set(facts.map(({ component }) => component))].sort();
  return components.flatMap((component) => spansOf(facts.filter((fact) => fact.component === component)));
}

/** What all revisions of a quota have in common. */
export function quotaKey({ component, from }: QuotaFact): string {
  return `${from} ${component}`;
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
