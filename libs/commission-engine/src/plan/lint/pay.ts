/** What a component pays for a measurement of so much, by the curves that rate its lines, and how the linter says amounts. */
import { formatMinor } from '@tantieme/money/amount';
import { compareRates, formatRate, powerOfTen, ZERO } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';
import { curveOf, difference } from '../curve.js';
import type { CompiledComponent, CompiledPlan, CompiledRate, DirectCredit } from '../compiled.js';

/** More than any payee sells in a window, in minor units: where a search for an amount ends. */
const SOLD_MINOR_MAX = 10n ** 20n;

/** Where each payee has a quota of its own, amounts are told for one of so many currency units. */
const EXAMPLE_QUOTA = 100_000n;

/** Rates that are curves over a measurement; the others rate each line alone. */
export type CurvedRate = Extract<
  CompiledRate,
  { readonly kind: 'percent' | 'marginal' | 'retroactive' | 'accelerator' | 'stepped' }
>;

export function isCurved(rate: CompiledRate): rate is CurvedRate {
  return ['percent', 'marginal', 'retroactive', 'accelerator', 'stepped'].includes(rate.kind);
}

/**
 * A component's pay over what one payee's window holds. Where a payee has a baseline or quota of its own, it is that of a new
 * partner (a baseline of 0), or of an example.
 */
export class PayOver {
  constructor(
    private readonly plan: CompiledPlan,
    private readonly component: CompiledComponent,
  ) {}

  /** Exact, before any limit. Minor units. */
  exact(totalMinor: bigint): Rate {
    return this.part(totalMinor, 0n, totalMinor);
  }

  /** What one line of a window earns that holds so much in all. */
  part(totalMinor: bigint, beforeMinor: bigint, basisMinor: bigint): Rate {
    const curve = curveOf(this.component, { totalMinor, baselineMinor: 0n, quota: this.quota() });
    return curve === undefined ? ZERO : difference(curve, beforeMinor, basisMinor);
  }

  /** Rounded as the plan does. */
  rounded(totalMinor: bigint): bigint {
    return roundedOf(this.plan, this.exact(totalMinor));
  }

  /** Least measurement that pays so much, of a pay that never falls; undefined where none does. */
  reaching(payMinor: bigint): bigint | undefined {
    const reached = (totalMinor: bigint) =>
      compareRates(this.exact(totalMinor), { numerator: payMinor, denominator: 1n }) >= 0;
    if (!reached(SOLD_MINOR_MAX)) return undefined;
    let [low, high] = [0n, SOLD_MINOR_MAX];
    while (low < high) {
      const middle = (low + high) / 2n;
      if (reached(middle)) high = middle;
      else low = middle + 1n;
    }
    return low;
  }

  /** All that can ever be earned, where the last tier pays nothing; undefined where there is no most. */
  most(): bigint | undefined {
    const most = this.exact(SOLD_MINOR_MAX);
    return compareRates(most, this.exact(SOLD_MINOR_MAX / 2n)) === 0 ? roundedOf(this.plan, most) : undefined;
  }

  quota(): Rate {
    const { quota } = this.component.measure;
    return typeof quota === 'object'
      ? { numerator: quota.fixedMinor, denominator: 1n }
      : { numerator: EXAMPLE_QUOTA * powerOfTen(this.plan.decimals), denominator: 1n };
  }

  /** Least measurement (minor units) that lies in a tier or band; 0 for the first. */
  startOf(tier: number): bigint {
    const { rate, measure } = this.component;
    const baselineMinor = typeof measure.above === 'object' ? measure.above.fixedMinor : 0n;
    if (tier === 0) return 0n;
    if (rate.kind === 'accelerator') {
      const end = rate.bands[tier - 1]?.until ?? ZERO;
      const quota = this.quota();
      return baselineMinor + (quota.numerator * end.numerator) / (quota.denominator * end.denominator) + 1n;
    }
    if (!('tiers' in rate) || rate.kind === 'recurring') return 0n;
    const before = rate.tiers[tier - 1];
    return baselineMinor + (before?.untilMinor ?? 0n) + (before?.inclusive === true ? 1n : 0n);
  }
}

export function roundedOf({ rounding }: CompiledPlan, { numerator, denominator }: Rate): bigint {
  return divideRounded(numerator, denominator, rounding);
}

/** Share of an amount, rounded as the plan does. */
export function shareOf(plan: CompiledPlan, minor: bigint, { numerator, denominator }: Rate): bigint {
  return divideRounded(minor * numerator, denominator, plan.rounding);
}

// ── In words ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `10,000.00`, of the plan's currency. */
export function money({ decimals }: CompiledPlan, minor: bigint): string {
  return grouped(formatMinor(minor, decimals));
}

/** `10,000.00 sold`, `100 units`, by what the component measures. */
export function measured(plan: CompiledPlan, { credit }: CompiledComponent, minor: bigint): string {
  if (credit.kind === 'direct' && credit.basis === 'quantity')
    return `${grouped(formatRate({ numerator: minor, denominator: powerOfTen(plan.decimals) }))} units`;
  return `${money(plan, minor)} ${MEASURED[credit.kind === 'direct' ? credit.basis : 'net']}`;
}

const MEASURED: Readonly<Record<DirectCredit['basis'], string>> = {
  net: 'sold',
  gross: 'sold gross',
  margin: 'of margin',
  quantity: 'units',
  collected: 'collected',
};

/** `4 %`, or so much a unit. */
export function percent(rate: Rate): string {
  return `${grouped(formatRate({ numerator: rate.numerator * 100n, denominator: rate.denominator }))} %`;
}

/** A tier's rate in words: a per cent, or of a quantity so much a unit. */
export function rateWords({ credit }: CompiledComponent, rate: Rate): string {
  return credit.kind === 'direct' && credit.basis === 'quantity' ? `${formatRate(rate)} a unit` : percent(rate);
}

/** So many currency units, in minor units. */
export function units({ decimals }: CompiledPlan, count: bigint): bigint {
  return count * powerOfTen(decimals);
}

function grouped(text: string): string {
  const [whole = '', fraction] = text.split('.');
  const separated = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? separated : `${separated}.${fraction}`;
}
