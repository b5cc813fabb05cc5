/** Quotas: what a payee is to reach under the components of a plan. All that is known, and what is in force of it, as the engine takes it. */
import type { Quota as QuotaInForce } from '@tantieme/commission-engine/earn/payee-terms';
import { DAY_DESCRIPTION, isDay } from '@tantieme/time/day';
import { decimalFault, formatRate, parseDecimal } from '@tantieme/money/decimal';
import type { Quota } from '@tantieme/contracts/reference';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

/** All that is known of a payee and a plan, by `identityOfQuota`. */
export type QuotasOfPayee = ReadonlyMap<string, Quota>;

/** Facts of one payee and plan at the most: each of their events and messages holds all that is in force. */
export const QUOTAS_MAX = 1000;

export interface QuotaTaken {
  readonly type: 'QuotaTaken';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: {
    readonly quota: Quota;
    /** All that is in force after it. */
    readonly inForce: readonly QuotaInForce[];
  };
}

/** Within the facts of a payee and plan. */
export function identityOfQuota({ component, from, revision }: Quota): string {
  return `${from} ${revision} ${component}`;
}

/** No event for a fact that is known. @throws {DomainError} `FactConflict` where its identity is known with other content */
export function takeQuota(quota: Quota, at: string, known: QuotasOfPayee): readonly QuotaTaken[] {
  const before = known.get(identityOfQuota(quota));
  if (before !== undefined) {
    const differing = (['amount', 'until'] as const).filter((field) => before[field] !== quota[field]);
    if (differing.length === 0) return [];
    throw new DomainError(
      'FactConflict',
      `revision ${quota.revision} of the quota of ${quota.payee} for ${quota.component} from ${quota.from} is known otherwise`,
      'conflict',
      differing.map((field) => ({
        field,
        reason: `is known as ${before[field] ?? 'nothing'}, not ${quota[field] ?? 'nothing'}`,
      })),
    );
  }
  if (known.size >= QUOTAS_MAX)
    throw new DomainError(
      'QuotasTooMany',
      `${known.size} quotas of ${quota.payee} under ${quota.plan} are known, the most that is taken`,
    );
  const inForce = quotasInForce([...known.values(), quota]);
  return [{ type: 'QuotaTaken', version: 1, occurredAt: at, data: { quota, inForce } }];
}

/**
 * The fact in its one form: an amount without trailing zeros.
 * @throws {DomainError} `FactInvalid` with every field and reason
 */
export function normalQuota({ payee, plan, component, from, until, amount, revision }: Quota): Quota {
  const amountFault = decimalFault(amount) ?? (amount.startsWith('-') ? `${amount} is below zero` : undefined);
  const faults = [
    ...(isDay(from) ? [] : [{ field: 'from', reason: `${JSON.stringify(from)} is not ${DAY_DESCRIPTION}` }]),
    ...(until === undefined || isDay(until)
      ? []
      : [{ field: 'until', reason: `${JSON.stringify(until)} is not ${DAY_DESCRIPTION}` }]),
    ...(until !== undefined && isDay(until) && until <= from
      ? [{ field: 'until', reason: 'is not after from: it is the first day without the quota' }]
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
  return { payee, plan, component, from, ...(until === undefined ? {} : { until }), amount: exact, revision };
}

/**
 * Of every component and day the quota that counts: the highest revision; of one revision that with the latest first day. Spans
 * do not overlap; neighbours differ. In order of component, then day.
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
    spans.push({ component, from: start, ...(until === undefined ? {} : { until }), amount });
  }
  return spans;
}
