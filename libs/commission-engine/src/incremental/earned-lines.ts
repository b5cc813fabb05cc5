/** Queries on a state: the lines of a deal, and how an amount came about. */
import { isTeams, rulesOf } from '../earn/component-rules.js';
import { earnComponent, teamLine } from '../earn/component-earnings.js';
import type { PlanByVersion } from '../earn/component-rules.js';
import { ownBasis } from './basis.js';
import { isPayeeLevel } from './payee-level.js';
import { fixedCurve, fixedRatingContext, recalculationMode } from './recalculation-scope.js';
import { dependsOn, rateDependents } from './dependents.js';
import { grantedIn, stateLineOf, measurementKey } from './state.js';
import type { EarnState, EarnedLine } from './state.js';
import { diffPayeeTerms } from './diff.js';
import { requireAll, requireDeal, requirePlaces } from './loaded.js';
import { rateAlone, rateMeasured } from '../rate/rate.js';
import type { Trace } from '../rate/trace.js';

/** All lines of a deal, in the order of its credit. */
export function linesOfDeal(state: EarnState, deal: string): readonly EarnedLine[] {
  return state.deals.get(deal) ?? [];
}

/** How a line's amount comes about now, recalculated from the state. Undefined where the line does not exist. */
export function explainLine(state: EarnState, deal: string, key: string, plans: PlanByVersion): Trace | undefined {
  requireDeal(state, deal);
  const stateLine = state.deals.get(deal)?.find((line) => line.key === key);
  if (stateLine === undefined) return undefined;
  if (isPayeeLevel(deal)) {
    const fresh = diffPayeeTerms({ ...state, deals: withoutPayeeLevel(state) }, state.payeeTerms, plans);
    return fresh.rated.find((line) => line.deal === deal && line.key === key)?.trace();
  }
  const rules = rulesOf(stateLine.line, plans);
  if (recalculationMode(rules) === 'full') {
    requireAll(state);
    const lines = [...state.deals.values()]
      .flat()
      .filter(({ line, deal: of }) => line.component === stateLine.line.component && !isPayeeLevel(of));
    const entries = lines.map((one) => ({ ...one, basisMinor: ownBasis(one, rulesOf(one.line, plans)) }));
    return earnComponent(entries, state.payeeTerms, plans, grantedIn(state)).rated[lines.indexOf(stateLine)]?.trace();
  }
  const originalKey = dependsOn(stateLine.line, rules.component);
  if (originalKey !== undefined) {
    const original = stateLineOf(state, deal, originalKey);
    const dependents = original.dependents.map(({ line, basisMinor }) => ({
      line,
      basisMinor,
      rules: rulesOf(line, plans),
    }));
    return rateDependents(dependents, original.amountMinor)[original.dependents.indexOf(stateLine)]?.trace();
  }
  const { plan, component } = rules;
  if (isTeams(stateLine.line, component)) return teamLine().trace();
  if (!stateLine.measured) return rateAlone(plan, component, stateLine.line, stateLine.basisMinor).trace();
  requirePlaces(state, [stateLine]);
  const beforeMinor = state.measurements.get(measurementKey(stateLine))?.sumBefore(stateLine) ?? 0n;
  const context = fixedRatingContext(component);
  return rateMeasured(plan, component, fixedCurve(component), context, stateLine.basisMinor, beforeMinor).trace();
}

function withoutPayeeLevel({ deals }: EarnState): EarnState['deals'] {
  return new Map([...deals].filter(([deal]) => !isPayeeLevel(deal)));
}
