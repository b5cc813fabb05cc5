/**
 * How the lines of a component depend on each other, and so which lines have to be rated again when one changes. All
 * functions depend on the plan only; results are memoized by component.
 */
import type { CreditLine } from '../credit/credit-line.js';
import { rulesOf } from '../earn/component-rules.js';
import type { PlanByVersion, Rules } from '../earn/component-rules.js';
import { EngineError } from '../engine-error.js';
import type { CompiledComponent, CompiledPlan } from '../plan/compiled.js';
import { curveOf, dependsOnTotal, isMeasured } from '../plan/curve.js';
import type { Curve, RatingContext } from '../plan/curve.js';

/**
 * How lines are recalculated. `independent`: each by itself. `incremental`: by place in a measurement whose curve is
 * fixed. `full`: together with all lines in scope.
 */
export type RecalculationMode = 'independent' | 'incremental' | 'full';

const memoizedModes = new WeakMap<CompiledComponent, RecalculationMode>();

export function recalculationMode({ plan, component }: Rules): RecalculationMode {
  let mode = memoizedModes.get(component);
  if (mode === undefined) memoizedModes.set(component, (mode = modeOf(plan, component)));
  return mode;
}

function modeOf({ ends }: CompiledPlan, component: CompiledComponent): RecalculationMode {
  const { limit, measure, gate, rate, returns, hold } = component;
  // What is held depends on what the budget grants, and returns depend on what is claimed.
  if (limit !== undefined || component.budgetMinor !== undefined) return 'full';
  // What is held then depends on the end of the agreement, or on returns in other windows.
  if (hold !== undefined && (ends.held === 'forfeit' || returns.window === 'current')) return 'full';
  if (!isMeasured(component)) return 'independent';
  const dependsOnContext =
    measure.quota === 'fact' ||
    measure.above === 'last-year' ||
    measure.prorate ||
    typeof measure.over === 'object' ||
    gate?.of === 'growth';
  const isFixed = !dependsOnTotal(component) && !dependsOnContext && rate.kind !== 'lagged';
  const isSimple = returns.policy !== 'average' && (returns.bands === undefined || returns.policy === 'line');
  const isShareOfBasis = rate.kind !== 'flat' && rate.kind !== 'matrix';
  return isFixed && isSimple && isShareOfBasis ? 'incremental' : 'full';
}

/**
 * Lines of a component in full mode that are recalculated together when one changes: of its deal, of its window, or
 * all.
 */
export type RecalculationScope = 'deal' | 'window' | 'all';

const memoizedScopes = new WeakMap<CompiledComponent, RecalculationScope>();

export function recalculationScope(component: CompiledComponent): RecalculationScope {
  let scope = memoizedScopes.get(component);
  if (scope === undefined) memoizedScopes.set(component, (scope = scopeOf(component)));
  return scope;
}

function scopeOf(component: CompiledComponent): RecalculationScope {
  const { limit, measure, gate, rate, returns, hold, budgetMinor } = component;
  if (limit !== undefined && (limit.per !== 'deal' || limit.excess === 'deferred')) return 'all';
  // Returns, reserves and releases belong to the deal of their line.
  if (!isMeasured(component)) return 'deal';
  const needsOtherWindows = rate.kind === 'lagged' || measure.above === 'last-year' || gate?.of === 'growth';
  // These depend on lines of the same deal in other windows: a limit per deal, a reserve with returns in other windows,
  // and claims and missing quotas, which are listed by deal.
  const spansWindows =
    limit !== undefined ||
    (hold !== undefined && returns.window === 'current') ||
    budgetMinor !== undefined ||
    measure.quota === 'fact';
  return needsOtherWindows || spansWindows ? 'all' : 'window';
}

const curves = new WeakMap<CompiledComponent, Curve>();

/** The curve of a component in incremental mode. It depends on the plan only. */
export function fixedCurve(component: CompiledComponent): Curve {
  let curve = curves.get(component);
  if (curve === undefined) {
    curve = curveOf(component, fixedRatingContext(component));
    if (curve === undefined) throw new EngineError('CreditInvalid', `component ${component.id} has no fixed curve`);
    curves.set(component, curve);
  }
  return curve;
}

export function fixedRatingContext({ measure: { quota } }: CompiledComponent): RatingContext {
  return {
    totalMinor: 0n,
    quota: typeof quota === 'object' ? { numerator: quota.fixedMinor, denominator: 1n } : undefined,
  };
}

export function isFullMode(line: CreditLine, plans: PlanByVersion): boolean {
  return recalculationMode(rulesOf(line, plans)) === 'full';
}
