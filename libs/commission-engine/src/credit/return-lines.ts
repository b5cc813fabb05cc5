import { compareText } from '@tantieme/contracts/compare-text';
import { periodAt } from '@tantieme/time/calendar/periods';
import { DAY_MS } from '@tantieme/time/day';
import { formatMinor } from '@tantieme/money/amount';
import { divideRounded } from '@tantieme/money/rounding';
import { formatInstant, parseInstant } from '@tantieme/time/instant';
import type { Deal } from '../deal/deal.js';
import { formatNet, magnitude } from '../deal/occurrence.js';
import type { LinePart, ReturnedPart } from '../deal/occurrence.js';
import type { CompiledComponent, CompiledPlan } from '../plan/compiled.js';
import type { CreditLine, Reversal } from './credit-line.js';
import { windowOf } from './crediting.js';
import type { Credited, Crediting } from './crediting.js';

/**
 * Return lines of a credited line, one for each return or cancellation of its parts. The basis is reversed
 * cumulatively, so that the lines of a whole return sum to the original, to the minor unit.
 */
export function returnLines(
  { deal, terms }: Crediting,
  component: CompiledComponent,
  original: CreditLine,
  originalAtMs: number,
  basisMinor: bigint,
  parts: readonly LinePart[],
  plan: CompiledPlan,
): Credited['returns'] {
  if (component.returns.policy === 'none') return [];
  const netMinor = parts.reduce((sum, part) => sum + magnitude(part.netMinor), 0n);
  // Parts worth nothing can only be returned as a whole; each has the same weight.
  const weightOf = (part: ReturnedPart): bigint => (netMinor > 0n ? part.netMinor : part.takesRemainder ? 1n : 0n);
  const of = netMinor > 0n ? netMinor : BigInt(parts.length);
  const causes = new Map<string, { readonly atMs: number; weight: bigint }>();
  for (const part of parts)
    for (const returned of part.returned) {
      const cause = causes.get(returned.name);
      if (cause === undefined) causes.set(returned.name, { atMs: returned.atMs, weight: weightOf(returned) });
      else cause.weight += weightOf(returned);
    }
  if (causes.size === 0) return [];
  const text = (weight: bigint) => (netMinor > 0n ? formatNet(weight, terms) : String(weight));
  const { window } = component.returns;
  let before = 0n;
  let basisBefore = 0n;
  return [...causes]
    .sort(([leftName, left], [rightName, right]) => left.atMs - right.atMs || compareText(leftName, rightName))
    .flatMap(([occurrence, { atMs: causeAtMs, weight }]) => {
      if (weight === 0n) return [];
      // A return dated before its sale belongs to the period of the sale.
      const atMs = Math.max(causeAtMs, originalAtMs);
      const basisNow = divideRounded(basisMinor * (before + weight), of, plan.rounding);
      const { quantity: _quantity, split: _split, ...common } = original;
      const line = {
        ...common,
        occurrence,
        at: formatInstant(atMs),
        period: periodAt(plan.calendar, atMs),
        ...(window === 'current' ? { window: windowOf(plan, component, atMs) } : {}),
        basis: formatMinor(basisBefore - basisNow, plan.decimals),
        reverses: {
          occurrence: original.occurrence,
          returnedBefore: text(before),
          returned: text(weight),
          of: text(of),
          ...afterOf(deal, component, atMs, originalAtMs),
        },
      };
      before += weight;
      basisBefore = basisNow;
      return [line];
    });
}

/** Days, or paid instalments, between a line and its return, where the component has bands. */
export function afterOf(
  deal: Deal,
  { returns: { bands } }: CompiledComponent,
  atMs: number,
  originalAtMs: number,
): Pick<Reversal, 'after'> {
  if (bands === undefined) return {};
  return { after: bands.unit === 'days' ? Math.floor((atMs - originalAtMs) / DAY_MS) : paymentsBefore(deal, atMs) };
}

function paymentsBefore({ payments }: Deal, atMs: number): number {
  return payments.filter(({ at, amount }) => parseInstant(at) <= atMs && !amount.startsWith('-')).length;
}
