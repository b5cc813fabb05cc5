/**
 * What is earned and held: a reserve line keeps back the held share of what a line earns, and release lines give it free in
 * step with the customer's payments, or so long after the trigger. A release is dated in advance where only time has to pass.
 */
import { formatMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { addRates, formatRate, ZERO } from '@tantieme/money/decimal';
import { periodAt } from '@tantieme/time/calendar/periods';
import type { CreditLine } from './credit-line.js';
import type { Deal, DealTerms } from '../deal/deal.js';
import { DAY_MS } from '@tantieme/time/day';
import { formatInstant, parseInstant } from '@tantieme/time/instant';
import { paidOver } from '../deal/occurrence.js';
import type { CompiledHold, CompiledPlan } from '../plan/compiled.js';

/**
 * The reserve and release lines of a credited line. What a return takes is taken out of the reserve by a line of its own, in the
 * period of the return.
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
    const { basis: _ofOne, quantity: _units, split: _shares, ...kept } = one;
    return { ...kept, basis: none, reserves: true };
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
    ...paidOver(deal, terms).map(({ id, atMs, beforeMinor, nowMinor, ofMinor }) =>
      released(
        `payment:${id}`,
        // What is paid before it is earned is free when it is earned.
        Math.max(atMs + release.days * DAY_MS, triggerMs),
        amount(beforeMinor),
        amount(nowMinor - beforeMinor),
        amount(ofMinor),
      ),
    ),
  ];
}
