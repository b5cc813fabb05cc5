/** A prepaid or running term of service, spread over its months. */
import { divideRounded } from '@tantieme/money/rounding';
import { startOfDayMs } from '@tantieme/time/time-zone';
import type { DealLine, Subscription } from './deal.js';
import { addMonths, monthsBetween } from '@tantieme/time/day';
import type { Part, TakenBack } from './occurrence.js';

/** A part of a line that is of one month of service. */
export interface MonthPart extends Part {
  /** Month of service, from 1 at the subscription's start. */
  readonly month: number;
}

/**
 * The part month by month, cumulatively divided so that the months sum to it. The term begins with the month of service that
 * holds `day`, the day of the trigger, but not before the subscription does; a later month counts from its first midnight in
 * the time zone. What came back is taken from the last months first: they are the ones that are not served.
 */
export function monthParts(
  part: Part,
  subscription: Subscription,
  day: string,
  timeZone: string,
): readonly MonthPart[] {
  const { start, months } = subscription;
  const first = day < start ? 0 : monthsBetween(start, day);
  const share = (minor: bigint, index: number): bigint => {
    const upTo = (count: number) => divideRounded(minor * BigInt(count), BigInt(months), 'half-up');
    return upTo(index + 1) - upTo(index);
  };
  const optional = (minor: bigint | undefined, index: number) =>
    minor === undefined ? undefined : share(minor, index);
  const parts = Array.from({ length: months }, (_, index) => {
    const startsOn = addMonths(start, first + index);
    const atMs = startsOn <= day ? part.occurrence.atMs : startOfDayMs(timeZone, startsOn);
    const netMinor = share(part.netMinor, index);
    return {
      occurrence: { ...part.occurrence, atMs },
      line: part.line,
      netMinor,
      grossMinor: optional(part.grossMinor, index),
      costMinor: optional(part.costMinor, index),
      takenBack: [] as TakenBack[],
      leftMinor: netMinor < 0n ? -netMinor : netMinor,
      month: first + index + 1,
    };
  });
  for (const taken of part.takenBack) {
    let open = taken.netMinor;
    for (const month of parts.toReversed()) {
      const netMinor = open < month.leftMinor ? open : month.leftMinor;
      const rest = taken.rest || netMinor === month.leftMinor;
      if (netMinor === 0n && !taken.rest) continue;
      month.takenBack.push({ name: taken.name, atMs: taken.atMs, netMinor, rest });
      month.leftMinor -= netMinor;
      open -= netMinor;
    }
  }
  return parts;
}

/** Why a line is no term of service, or undefined. */
export function subscriptionFault({ subscription }: DealLine): string | undefined {
  if (subscription === undefined) return 'subscription is missing';
  return subscription.months >= 1 && subscription.months <= 1200 ? undefined : 'subscription: months must be 1 to 1200';
}
