/** How the lines of a component depend on each other, and so how many have to be rated when one changes. */
import type { CreditLine } from '../credit/credit-line.js';
import { rulesOf } from '../earn/component-rules.js';
import type { PlanByHash, Rules } from '../earn/component-rules.js';
import { EngineError } from '../engine-error.js';
import type { CompiledComponent, CompiledPlan } from '../plan/compiled.js';
import { curveOf, dependsOnTotal, isMeasured } from '../plan/curve.js';
import type { Curve } from '../plan/curve.js';

/** How the lines of a component depend on each other. */
export type RecalculationMode = 'independent' | 'incremental' | 'full';

const memoizedModes = new WeakMap<CompiledComponent, RecalculationMode>();

/** A memo of a pure function. */
export function recalculationMode({ plan, component }: Rules): RecalculationMode {
  let mode = memoizedModes.get(component);
  if (mode === undefined) memoizedModes.set(component, (mode = modeOf(plan, component)));
  return mode;
}

function modeOf({ ends }: CompiledPlan, component: CompiledComponent): RecalculationMode {
  const { limit, measure, gate, rate, returns, hold } = component;
  // What is held of a line that draws on a budget depends on what it is granted, and what is taken back on what it claims.
  if (limit !== undefined || component.budgetMinor !== undefined) return 'full';
  // What is held then depends on the end of the agreement, or on returns that stand elsewhere.
  if (hold !== undefined && (ends.held === 'forfeit' || returns.window === 'current')) return 'full';
  if (!isMeasured(component)) return 'independent';
  const isSurrounded =
    measure.quota === 'fact' ||
    measure.above === 'last-year' ||
    measure.prorate ||
    typeof measure.over === 'object' ||
    gate?.of === 'growth';
  const isFixed = !dependsOnTotal(component) && !isSurrounded && rate.kind !== 'lagged';
  const isSimple = returns.policy !== 'average' && (returns.bands === undefined || returns.policy === 'line');
  const shares = rate.kind !== 'flat' && rate.kind !== 'matrix';
  return isFixed && isSimple && shares ? 'incremental' : 'full';
}

/** Which lines of a component that is earned as a whole have to be looked at when one changes: those of its deal, of its window, or all. */
export type RecalculationScope = 'deal' | 'window' | 'all';

const memoizedScopes = new WeakMap<CompiledComponent, RecalculationScope>();

/** A memo of a pure function. */
export function recalculationScope(component: CompiledComponent): RecalculationScope {
  let scope = memoizedScopes.get(component);
  if (scope === undefined) memoizedScopes.set(component, (scope = scopeOf(component)));
  return scope;
}

function scopeOf(component: CompiledComponent): RecalculationScope {
  const { limit, measure, gate, rate, returns, hold, budgetMinor } = component;
  if (limit !== undefined && (limit.per !== 'deal' || limit.excess === 'deferred')) return 'all';
  // Returns, reserves and releases are of the deal of their line.
  if (!isMeasured(component)) return 'deal';
  const asksOtherWindows = rate.kind === 'lagged' || measure.above === 'last-year' || gate?.of === 'growth';
  // A deal has lines in several windows: its limit spans them, what is held then depends on returns in others, and what it claims of a
  // budget or which quotas it waits for is said whole.
  const spansWindows =
    limit !== undefined ||
    (hold !== undefined && returns.window === 'current') ||
    budgetMinor !== undefined ||
    measure.quota === 'fact';
  return asksOtherWindows || spansWindows ? 'all' : 'window';
}

const curves = new WeakMap<CompiledComponent, Curve>();

/** The curve of a component of mode `curve`: it depends on nothing but the plan. */
export function fixedCurve(component: CompiledComponent): Curve {
  let curve = curves.get(component);
  if (curve === undefined) {
    curve = curveOf(component, fixedRatingContext(component));
    if (curve === undefined) throw new EngineError('CreditInvalid', `the component ${component.id} has no fixed curve`);
    curves.set(component, curve);
  }
  return curve;
}

export function fixedRatingContext({ measure: { quota } }: CompiledComponent): Parameters<typeof curveOf>[1] {
  return {
    totalMinor: 0n,
    ...(typeof quota === 'object' ? { quota: { numerator: quota.fixedMinor, denominator: 1n } } : {}),
  };
}

export function isFullMode(line: CreditLine, plans: PlanByHash): boolean {
  return recalculationMode(rulesOf(line, plans)) === 'full';
}
