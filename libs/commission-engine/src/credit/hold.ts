/**
 * Holds: a reserve line holds back a share of what a line earns, and release lines free it in step with the customer's
 * payments, or on a schedule of days after the trigger. Scheduled releases are dated in advance.
 */
import { DAY_MS } from '@tantieme/time/day';
import { formatMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { addRates, formatRate, ZERO } from '@tantieme/money/decimal';
import { periodAt } from '@tantieme/time/calendar/periods';
import type { CreditLine } from './credit-line.js';
import type { Deal, DealTerms } from '../deal/deal.js';
import { formatInstant, parseInstant } from '@tantieme/time/instant';
import { paidSteps } from '../deal/occurrence.js';
import type { CompiledHold, CompiledPlan } from '../plan/compiled.js';

/**
 * The reserve and release lines of a credited line. A return reduces the reserve by a line of its own, in the period of
 * the return.
 */
export function holdLines(
  deal: Deal,
  terms: DealTerms,
  { calendar, decimals }: CompiledPlan,
  { release }: CompiledHold,
  line: CreditLine,
  returns: readonly CreditLine[],
): readonly CreditLine[] {
  const { basis: _basis, quantity: _quantity, split: _split, ...common } = line;
  const none = formatMinor(0n, decimals);
  const released = (occurrence: string, atMs: number, doneBefore: string, done: string, of: string): CreditLine => ({
    ...common,
    basis: none,
    occurrence,
    at: formatInstant(atMs),
    period: periodAt(calendar, atMs),
    releases: { occurrence: line.occurrence, doneBefore, done, of },
  });
  const reserves = [line, ...returns].map((one): CreditLine => {
    const { basis: _ofOne, quantity: _units, split: _shares, ...rest } = one;
    return { ...rest, basis: none, reserves: true };
  });
  const triggerMs = parseInstant(line.at);
  if (release.kind === 'schedule') {
    let before = ZERO;
    return [
      ...reserves,
      ...release.parts.map(({ days, rate, rateText }, index) => {
        const doneBefore = formatRate(before);
        before = addRates(before, rate);
        return released(`released:${index + 1}`, triggerMs + days * DAY_MS, doneBefore, rateText, '1');
      }),
    ];
  }
  const amount = (minor: bigint) => formatMinor(minor, decimalsOf(terms.currency));
  return [
    ...reserves,
    ...paidSteps(deal, terms).map(({ id, atMs, beforeMinor, nowMinor, ofMinor }) =>
      released(
        `payment:${id}`,
        // What the customer paid before the trigger is free as soon as it is earned.
        Math.max(atMs + release.days * DAY_MS, triggerMs),
        amount(beforeMinor),
        amount(nowMinor - beforeMinor),
        amount(ofMinor),
      ),
    ),
  ];
}
