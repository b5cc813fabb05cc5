/** The basis of a line in a state: its own, less re-rated returns, or the child's earning. */
import { parseMinor } from '@tantieme/money/amount';
import { lineKey, originalKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import { isOfEarning, isRerated, isSale } from '../earn/component-rules.js';
import type { Rules } from '../earn/component-rules.js';
import type { MeasuredLine } from '../measure/canonical-order.js';
import type { CompiledPlan } from '../plan/compiled.js';
import { recalculationMode } from './recalculation-scope.js';
import type { ChildEarning } from './state.js';

/** What the line adds to its measurement. For an override of earnings: the child's earning. */
export function measuredBasis(
  line: CreditLine,
  { plan, component }: Rules,
  lines: readonly CreditLine[],
  children: readonly ChildEarning[],
): bigint {
  if (isOfEarning(component)) return childEarningOf(line, plan, children);
  const basisMinor = parseMinor(line.basis, plan.decimals);
  if (!isRerated(component) || !isSale(line, component) || recalculationMode({ plan, component }) === 'full')
    return basisMinor;
  if (!lines.some(({ reverses }) => reverses !== undefined)) return basisMinor;
  const own = lineKey(line);
  return lines.reduce(
    (sum, other) =>
      other.reverses !== undefined && other.component === line.component && originalKey(other, other.reverses) === own
        ? sum + parseMinor(other.basis, plan.decimals)
        : sum,
    basisMinor,
  );
}

function childEarningOf(line: CreditLine, { decimals }: CompiledPlan, children: readonly ChildEarning[]): bigint {
  const { child, reserves, releases } = line;
  if (child === undefined || reserves === true || releases !== undefined) return 0n;
  const { child: _child, ...own } = line;
  const key = lineKey({ ...own, component: child.component });
  const earned = children.find((one) => one.payee === child.payee && one.key === key);
  return earned === undefined ? 0n : parseMinor(earned.amount, decimals);
}

/** The line's own basis, returns included: a component in full mode subtracts re-rated returns itself. */
export function ownBasis({ line, basisMinor }: MeasuredLine, { plan, component }: Rules): bigint {
  return isOfEarning(component) ? basisMinor : parseMinor(line.basis, plan.decimals);
}
