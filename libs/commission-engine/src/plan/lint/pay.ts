/** What a component pays for a measurement, by the curves that rate its lines, and how messages show amounts. */
import { formatMinor } from '@tantieme/money/amount';
import { compareRates, formatRate, powerOfTen, ZERO } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';
import { curveOf, difference } from '../curve.js';
import type { CompiledComponent, CompiledPlan, CompiledRate, DirectCredit } from '../compiled.js';

/** Upper end of a search for an amount, in minor units: more than any payee sells in a window. */
const SOLD_MINOR_MAX = 10n ** 20n;

/** Quota of the examples for payees with quotas of their own, in units of the currency. */
const EXAMPLE_QUOTA = 100_000n;

/** Rates that are curves over a measurement; the others rate each line by itself. */
export type CurvedRate = Extract<
  CompiledRate,
  { readonly kind: 'percent' | 'marginal' | 'retroactive' | 'accelerator' | 'stepped' }
>;

export function isCurved(rate: CompiledRate): rate is CurvedRate {
  return ['percent', 'marginal', 'retroactive', 'accelerator', 'stepped'].includes(rate.kind);
}

/**
 * What a component pays for the total of one payee's window. A baseline of last year is 0, as for a new partner, and a
 * quota per payee is that of an example.
 */
export class ComponentPay {
  constructor(
    private readonly plan: CompiledPlan,
    private readonly component: CompiledComponent,
  ) {}

  /** Exact pay in minor units, before any limit. */
  exact(totalMinor: bigint): Rate {
    return this.part(totalMinor, 0n, totalMinor);
  }

  /** What one line earns in a window with a given total. */
  part(totalMinor: bigint, beforeMinor: bigint, basisMinor: bigint): Rate {
    const curve = curveOf(this.component, { totalMinor, baselineMinor: 0n, quota: this.quota() });
    return curve === undefined ? ZERO : difference(curve, beforeMinor, basisMinor);
  }

  /** Pay in minor units, rounded by the plan's rule. */
  rounded(totalMinor: bigint): bigint {
    return roundedOf(this.plan, this.exact(totalMinor));
  }

  /** Smallest measurement with at least this pay, if the pay never falls; undefined if no measurement pays as much. */
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

  /** The largest pay, if the last tier pays nothing; otherwise undefined. */
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

  /** Smallest measurement in a tier or band, in minor units; 0 for the first. */
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

/** Share of an amount, rounded by the plan's rule. */
export function shareOf(plan: CompiledPlan, minor: bigint, { numerator, denominator }: Rate): bigint {
  return divideRounded(minor * numerator, denominator, plan.rounding);
}

// ── In words ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** `10,000.00`, in the plan's currency. */
export function money({ decimals }: CompiledPlan, minor: bigint): string {
  return grouped(formatMinor(minor, decimals));
}

/** `10,000.00 sold` or `100 units`, by the component's basis. */
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

/** `4 %` */
export function percent(rate: Rate): string {
  return `${grouped(formatRate({ numerator: rate.numerator * 100n, denominator: rate.denominator }))} %`;
}

/** A tier's rate: a per cent, or an amount per unit for the basis `quantity`. */
export function rateWords({ credit }: CompiledComponent, rate: Rate): string {
  return credit.kind === 'direct' && credit.basis === 'quantity' ? `${formatRate(rate)} per unit` : percent(rate);
}

/** Units of the currency in minor units. */
export function units({ decimals }: CompiledPlan, count: bigint): bigint {
  return count * powerOfTen(decimals);
}

function grouped(text: string): string {
  const [whole = '', fraction] = text.split('.');
  const separated = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? separated : `${separated}.${fraction}`;
}
