/**
 * A payee's terms under a plan besides its credited lines: agreements, quotas, closings, and what they mean for
 * measurements.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { addRates, parseDecimal, powerOfTen, ZERO } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { windowEndDay, windowStartDay } from '@tantieme/time/calendar/periods';
import { daysBetween } from '@tantieme/time/day';
import type { Calendar } from '@tantieme/time/calendar/document';

/**
 * A quota for a whole window, in force from day `from` to the day before `until`. Of overlapping quotas, the later
 * counts.
 */
export interface Quota {
  readonly component: string;
  readonly from: string;
  readonly until?: string;
  /** Decimal text, in the plan's currency or in units. */
  readonly amount: string;
}

/** An agreement of the payee to the plan, in force from day `from` to the day before `until`. */
export interface Agreement {
  readonly from: string;
  readonly until?: string;
}

/** Plain JSON. */
export interface PayeeTerms {
  readonly agreements: readonly Agreement[];
  readonly quotas: readonly Quota[];
  /** Closed periods in order, each with the plan version in force: guarantees and draws are calculated for them. */
  readonly closedPeriods: readonly { readonly period: string; readonly planVersion: string }[];
  /** Tiers that measurements had reached when their window closed: `component window` → tier, from 0. */
  readonly reachedTiers: Readonly<Record<string, number>>;
}

export const NO_PAYEE_TERMS: PayeeTerms = { agreements: [], quotas: [], closedPeriods: [], reachedTiers: {} };

/** Share of a window's days on which an agreement is in force; 1 where no agreement is recorded. */
export function shareOfDays({ agreements }: PayeeTerms, calendar: Calendar, window: string): Rate {
  if (agreements.length === 0) return { numerator: 1n, denominator: 1n };
  const [start, end] = [windowStartDay(calendar, window), windowEndDay(calendar, window)];
  const spans = agreements
    .map(({ from, until }) => ({
      from: from > start ? from : start,
      until: until !== undefined && until < end ? until : end,
    }))
    .filter(({ from, until }) => from < until)
    .sort((left, right) => compareText(left.from, right.from));
  let days = 0;
  let covered = start;
  for (const { from, until } of spans) {
    const first = from > covered ? from : covered;
    if (until <= first) continue;
    days += daysBetween(first, until);
    covered = until;
  }
  return { numerator: BigInt(days), denominator: BigInt(daysBetween(start, end)) };
}

/**
 * The quota of a component in a window, exact, in minor units: each quota counts for the days of the window on which it
 * is in force. Undefined where none is in force on any day of the window.
 */
export function quotaIn(
  { quotas }: PayeeTerms,
  component: string,
  calendar: Calendar,
  window: string,
  decimals: number,
): Rate | undefined {
  const [start, end] = [windowStartDay(calendar, window), windowEndDay(calendar, window)];
  const own = quotas
    .filter((quota) => quota.component === component && quota.from < end && (quota.until ?? end) > start)
    .sort((left, right) => (left.from < right.from ? -1 : left.from > right.from ? 1 : 0));
  if (own.length === 0) return undefined;
  const days = BigInt(daysBetween(start, end));
  const changes = own.flatMap(({ from, until = end }) => [from, until]).filter((day) => start < day && day < end);
  const spans = [...new Set([start, ...changes])].sort();
  let sum = ZERO;
  spans.forEach((first, index) => {
    const inForce = own.findLast(({ from, until = end }) => from <= first && first < until);
    if (inForce === undefined) return;
    const { numerator, denominator } = parseDecimal(inForce.amount);
    const share = BigInt(daysBetween(first, spans[index + 1] ?? end)) * powerOfTen(decimals);
    sum = addRates(sum, { numerator: numerator * share, denominator: denominator * days });
  });
  return sum;
}

/** The first day after the payee's last agreement, or undefined while one is open-ended. */
export function endOfAgreement({ agreements }: PayeeTerms): string | undefined {
  let end: string | undefined;
  for (const { until } of agreements) {
    if (until === undefined) return undefined;
    if (end === undefined || until > end) end = until;
  }
  return end;
}
