/** Measurements with a fixed curve: a change rates only the lines whose amount really changes. */
import { teamLine } from '../earn/component-earnings.js';
import { isSale, isTeams, rulesOf } from '../earn/component-rules.js';
import type { PlanByVersion } from '../earn/component-rules.js';
import { compareLines } from '../measure/canonical-order.js';
import type { MeasuredLine } from '../measure/canonical-order.js';
import { MeasuredLines } from '../measure/measured-lines.js';
import { earnsTheSame } from '../plan/curve.js';
import { rateMeasured } from '../rate/rate.js';
import type { Rated } from '../rate/rate.js';
import type { Draft, Shift } from './draft.js';
import { fixedCurve, fixedRatingContext } from './recalculation-scope.js';
import { requirePlaces } from './loaded.js';
import { measurementKey } from './state.js';
import type { EarnState, StateLine } from './state.js';

function inMeasurement({ mode, line, rules }: Draft): boolean {
  return mode === 'incremental' && isSale(line, rules.component);
}

interface TouchedMeasurement {
  readonly key: string;
  readonly joining: Draft[];
  readonly leaving: Set<StateLine>;
}

/**
 * Rates the drafts that join a measurement, and finds the existing lines whose amounts change as lines join and leave.
 */
export function measure(
  state: EarnState,
  drafts: readonly Draft[],
  removed: readonly StateLine[],
  plans: PlanByVersion,
): readonly Shift[] {
  if (removed.length === 0 && !drafts.some((draft) => inMeasurement(draft) && !draft.isUnchanged)) return [];
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
  for (const draft of drafts) if (inMeasurement(draft) && !draft.isUnchanged) touchedAt(draft).joining.push(draft);
  for (const existing of removed) if (existing.measured) touchedAt(existing).leaving.add(existing);
  requirePlaces(
    state,
    [...touched.values()].flatMap(({ joining, leaving }) => [...joining, ...leaving]),
  );
  return [...touched.values()].flatMap((one) => measureOne(state.measurements.get(one.key), one, plans));
}

/**
 * Steps from one joining or leaving line to the next. Between them, the place of every line moves by the same amount,
 * and the tree finds the lines whose amount may change by that. A deal that arrives in order touches only the end of
 * the tree.
 */
function measureOne(
  measurement: MeasuredLines<StateLine> | undefined,
  { joining, leaving }: TouchedMeasurement,
  plans: PlanByVersion,
): Shift[] {
  const steps: (Draft | StateLine)[] = [...joining, ...leaving].sort(
    // At the same place, joining comes before leaving: the leaving line does not count towards the joining one.
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
        ? teamLine()
        : rateMeasured(plan, component, fixedCurve(component), context, step.basisMinor, beforeMinor);
      byMinor += step.basisMinor;
    } else byMinor -= step.basisMinor;
    const next = steps[index + 1];
    if (byMinor === 0n || measurement === undefined) return;
    const component = 'rated' in step ? step.rules.component : rulesOf(step.line, plans).component;
    measurement.shifted(fixedCurve(component), byMinor, step, next, (existing, thenMinor) => {
      if (leaving.has(existing)) return;
      const rated = rateShifted(existing, thenMinor, thenMinor + byMinor, plans);
      if (rated !== undefined) shifts.push({ existing, rated });
    });
  });
  return shifts;
}

/** What an existing line earns at its new place, where that is another amount. */
function rateShifted(
  existing: StateLine,
  thenMinor: bigint,
  nowMinor: bigint,
  plans: PlanByVersion,
): Rated | undefined {
  const { plan, component } = rulesOf(existing.line, plans);
  const curve = fixedCurve(component);
  if (isTeams(existing.line, component) || earnsTheSame(curve, existing.basisMinor, thenMinor, nowMinor))
    return undefined;
  const rated = rateMeasured(plan, component, curve, fixedRatingContext(component), existing.basisMinor, nowMinor);
  return rated.amountMinor === existing.amountMinor ? undefined : rated;
}
