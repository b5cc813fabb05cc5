/** Measurements whose curve is fixed: a change rates only the lines whose amount really changes. */
import { ofTeam } from '../earn/component-earnings.js';
import { isSale, isTeams, rulesOf } from '../earn/component-rules.js';
import type { PlanByHash } from '../earn/component-rules.js';
import { compareLines } from '../measure/canonical-order.js';
import type { MeasuredLine } from '../measure/canonical-order.js';
import { MeasuredLines } from '../measure/measured-lines.js';
import { earnsTheSame } from '../plan/curve.js';
import { rateMeasured } from '../rate/rate.js';
import type { Rated } from '../rate/rate.js';
import type { Draft, Shift } from './draft.js';
import { fixedCurve, fixedRatingContext } from './recalculation-scope.js';
import { measurementKey } from './state.js';
import type { EarnState, StateLine } from './state.js';

// ── Measurements whose curve is fixed ───────────────────────────────────────────────────────────────────────────────

function inMeasurement({ mode, line, rules }: Draft): boolean {
  return mode === 'incremental' && isSale(line, rules.component);
}

interface TouchedMeasurement {
  readonly key: string;
  readonly joining: Draft[];
  readonly leaving: Set<StateLine>;
}

/** Rates the drafts that join a measurement, and finds the held lines that earn something else because of what joins and leaves. */
export function measure(
  state: EarnState,
  drafts: readonly Draft[],
  removed: readonly StateLine[],
  plans: PlanByHash,
): readonly Shift[] {
  if (removed.length === 0 && !drafts.some((draft) => inMeasurement(draft) && !draft.same)) return [];
  const touched = new Map<string, TouchedMeasurement>();
  const touchedAt = (line: MeasuredLine): TouchedMeasurement => {
    const key = measurementKey(line);
    let found = touched.get(key);
    if (found === undefined) {
      found = { key, joining: [], leaving: new Set() };
      touched.set(key, found);
    }
    return found;
  };
  for (const draft of drafts) if (inMeasurement(draft) && !draft.same) touchedAt(draft).joining.push(draft);
  for (const held of removed) if (held.measured) touchedAt(held).leaving.add(held);
  return [...touched.values()].flatMap((one) => measureOne(state.measurements.get(one.key), one, plans));
}

/**
 * Goes from one line that joins or leaves to the next; between them every line's place moves by the same amount, and the tree
 * names those that may earn something else for it. A deal in order only sees the end of the tree.
 */
function measureOne(
  measurement: MeasuredLines<StateLine> | undefined,
  { joining, leaving }: TouchedMeasurement,
  plans: PlanByHash,
): Shift[] {
  const steps: (Draft | StateLine)[] = [...joining, ...leaving].sort(
    // Of one place, what joins comes first: what leaves there does not stand before it.
    (left, right) => compareLines(left, right) || Number('rated' in right) - Number('rated' in left),
  );
  const shifts: Shift[] = [];
  let byMinor = 0n;
  steps.forEach((step, index) => {
    if ('rated' in step) {
      const { plan, component } = step.rules;
      const beforeMinor = (measurement?.sumBefore(step) ?? 0n) + byMinor;
      const context = fixedRatingContext(component);
      step.rated = isTeams(step.line, component)
        ? ofTeam()
        : rateMeasured(plan, component, fixedCurve(component), context, step.basisMinor, beforeMinor);
      byMinor += step.basisMinor;
    } else byMinor -= step.basisMinor;
    const next = steps[index + 1];
    if (byMinor === 0n || measurement === undefined) return;
    const component = 'rated' in step ? step.rules.component : rulesOf(step.line, plans).component;
    measurement.shifted(fixedCurve(component), byMinor, step, next, (held, thenMinor) => {
      if (leaving.has(held)) return;
      const rated = rateShifted(held, thenMinor, thenMinor + byMinor, plans);
      if (rated !== undefined) shifts.push({ held, rated });
    });
  });
  return shifts;
}

/** What a held line earns at its new place of the measurement, where that is something else. */
function rateShifted(held: StateLine, thenMinor: bigint, nowMinor: bigint, plans: PlanByHash): Rated | undefined {
  const { plan, component } = rulesOf(held.line, plans);
  const curve = fixedCurve(component);
  if (isTeams(held.line, component) || earnsTheSame(curve, held.basisMinor, thenMinor, nowMinor)) return undefined;
  const rated = rateMeasured(plan, component, curve, fixedRatingContext(component), held.basisMinor, nowMinor);
  return rated.amountMinor === held.amountMinor ? undefined : rated;
}
