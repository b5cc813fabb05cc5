/**
 * Cliffs made by expressions: each component pays lines within a range of amounts, so that a line worth one cent more
 * is paid by another component, or by none. Covers expressions that compare the line's amount with literals, in
 * components that rate each line by itself.
 */
import { formatMinor } from '@tantieme/money/amount';
import { powerOfTen } from '@tantieme/money/decimal';
import { readsOf } from '../expression.js';
import type { ExpressionReads } from '../expression.js';
import { isMeasured } from '../curve.js';
import type { Report } from './codes.js';
import { measured, money, shareOf } from './pay.js';
import { isImplied, allowedValuesOf } from './condition-values.js';
import type { CompiledComponent, CompiledPlan } from '../compiled.js';

export function lintLineCliffs(plan: CompiledPlan, report: Report): void {
  plan.components.forEach((component, index) => {
    const reads = amountReads(component);
    if (reads.length === 0) return;
    const together = plan.components.filter((one) => one === component || paysWith(component, one));
    const boundaries = reads
      .flatMap(({ amounts }) => amounts)
      .map(({ numerator, denominator }) => (numerator * powerOfTen(plan.decimals)) / denominator);
    for (const boundary of [...new Set(boundaries)].sort((left, right) => (left < right ? -1 : 1)))
      for (const below of [boundary - 1n, boundary]) {
        if (below <= 0n || !pays(plan, component, below) || pays(plan, component, below + 1n)) continue;
        const [before, after] = [below, below + 1n].map((minor) => paidFor(plan, together, minor));
        if (before === undefined || after === undefined || after >= before) continue;
        const words = measured(plan, component, below + 1n);
        report(
          'CliffLowersPay',
          `/components/${index}/credit/expr`,
          `at ${words} in one line, its pay falls from ${money(plan, before)} to ${money(plan, after)}`,
        );
        return;
      }
  });
}

/** What the component's expressions read, if that is only the line's own amount; otherwise empty. */
function amountReads(component: CompiledComponent): readonly ExpressionReads[] {
  const { credit, rate } = component;
  if (credit.kind !== 'direct' || (credit.basis !== 'net' && credit.basis !== 'gross') || isMeasured(component))
    return [];
  if (rate.kind !== 'percent' && (rate.kind !== 'flat' || rate.per !== 'line')) return [];
  const reads = credit.expressions.map(({ text }) => readsOf(text));
  const isOwn = reads.every(({ isPlain, paths }) => isPlain && paths.every((path) => path === `line.${credit.basis}`));
  return isOwn ? reads : [];
}

/** Whether the other component also pays every line of this one, as far as its own expressions allow. */
function paysWith({ credit: own }: CompiledComponent, other: CompiledComponent): boolean {
  const { credit } = other;
  if (own.kind !== 'direct' || credit.kind !== 'direct' || credit.excepts.length > 0) return false;
  if (credit.to !== own.to || credit.trigger !== own.trigger || credit.basis !== own.basis) return false;
  if (amountReads(other).length !== credit.expressions.length || credit.during !== undefined) return false;
  const values = allowedValuesOf(own);
  return 'allowed' in values && credit.where.every((condition) => isImplied(condition, own.where, values.allowed));
}

function pays(plan: CompiledPlan, { credit }: CompiledComponent, minor: bigint): boolean {
  const amount = formatMinor(minor, plan.decimals);
  return credit.expressions.every((expression) =>
    expression.holds({
      deal: { source: '', id: '', currency: plan.currency },
      line: { net: amount, gross: amount },
      partner: { id: '', channel: 'retail', country: '', tier: null, upline: null },
    }),
  );
}

function paidFor(plan: CompiledPlan, components: readonly CompiledComponent[], minor: bigint): bigint {
  return components.reduce((sum, component) => {
    const { rate } = component;
    if (!pays(plan, component, minor)) return sum;
    if (rate.kind === 'percent') return sum + shareOf(plan, minor, rate.rate);
    return rate.kind === 'flat' ? sum + shareOf(plan, powerOfTen(plan.decimals), rate.amount) : sum;
  }, 0n);
}
