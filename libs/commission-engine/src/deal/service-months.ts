/** Spreads a subscription's term of service over its months. */
import { addMonths, monthsBetween } from '@tantieme/time/day';
import { divideRounded } from '@tantieme/money/rounding';
import { startOfDayMs } from '@tantieme/time/time-zone';
import type { DealLine, Subscription } from './deal.js';
import type { LinePart, ReturnedPart } from './occurrence.js';

/** The part of a line that falls into one month of service. */
export interface MonthPart extends LinePart {
  /** Month of service; 1 is the month that begins with the subscription. */
  readonly month: number;
}

/**
 * The part month by month, divided cumulatively so that the months sum to it. The term begins with the month of service
 * that contains `day`, the day of the trigger, but not before the subscription starts. Later months count from their
 * first midnight in the time zone. Returns are taken from the last months first, as those are the ones not served.
 */
export function monthParts(
  part: LinePart,
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
      returned: [] as ReturnedPart[],
      remainingMinor: netMinor < 0n ? -netMinor : netMinor,
      month: first + index + 1,
    };
  });
  for (const returned of part.returned) {
    let open = returned.netMinor;
    for (const month of parts.toReversed()) {
      const netMinor = open < month.remainingMinor ? open : month.remainingMinor;
      const takesRemainder = returned.takesRemainder || netMinor === month.remainingMinor;
      if (netMinor === 0n && !returned.takesRemainder) continue;
      month.returned.push({ name: returned.name, atMs: returned.atMs, netMinor, takesRemainder });
      month.remainingMinor -= netMinor;
      open -= netMinor;
    }
  }
  return parts;
}

/** Why the line's subscription cannot be spread over months; undefined where it can. */
export function subscriptionFault({ subscription }: DealLine): string | undefined {
  if (subscription === undefined) return 'subscription is missing';
  return subscription.months >= 1 && subscription.months <= 1200
    ? undefined
    : 'subscription: months must be from 1 to 1200';
}
