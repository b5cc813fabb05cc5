/** What a closing records for a payee, and whether a plan needs closings or payee terms at all. */
import { lastPeriodOfWindow, windowOfPeriod } from '@tantieme/time/calendar/periods';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { isRerated, isSale, rulesOf } from '../earn/component-rules.js';
import type { PlanByVersion } from '../earn/component-rules.js';
import { tierReached } from '../plan/curve.js';
import { ownBasis } from './basis.js';
import { requireAll } from './loaded.js';
import { isPayeeLevel } from './payee-level.js';
import type { EarnState } from './state.js';
import type { CompiledPlan } from '../plan/compiled.js';

/**
 * Tiers that lagged measurements reached whose window ends with the period. The closing records them.
 * @returns by `component window`
 */
export function reachedTiers(
  state: EarnState,
  plan: CompiledPlan,
  period: string,
  plans: PlanByVersion,
): PayeeTerms['reachedTiers'] {
  requireAll(state);
  const reached: Record<string, number> = {};
  for (const { id, rate, measure } of plan.components) {
    const { over } = measure;
    if (rate.kind !== 'lagged' || !rate.frozen || over === 'deal' || typeof over === 'object') continue;
    const window = windowOfPeriod(plan.calendar, over, period);
    if (lastPeriodOfWindow(plan.calendar, window) !== period) continue;
    let totalMinor = 0n;
    for (const stateLine of [...state.deals.values()].flat()) {
      if (stateLine.line.component !== id || stateLine.line.window !== window || isPayeeLevel(stateLine.deal)) continue;
      const rules = rulesOf(stateLine.line, plans);
      const { reverses } = stateLine.line;
      if (isSale(stateLine.line, rules.component) || (reverses !== undefined && isRerated(rules.component)))
        totalMinor += ownBasis(stateLine, rules);
    }
    reached[`${id} ${window}`] = tierReached(rate.tiers, { numerator: totalMinor, denominator: 1n });
  }
  return reached;
}

/** Whether a closing calculates or records something for payees of the plan: a guarantee, a draw, or a lagged tier. */
export function hasPeriodEndTerms({ guarantee, draw, components }: CompiledPlan): boolean {
  return (
    guarantee !== undefined ||
    draw !== undefined ||
    components.some(({ rate }) => rate.kind === 'lagged' && rate.frozen)
  );
}

/**
 * Whether a payee's earnings under the plan depend on agreements, quotas or closings, possibly without a line in the
 * period.
 */
export function needsPayeeTerms(plan: CompiledPlan): boolean {
  const { ends, components } = plan;
  return (
    hasPeriodEndTerms(plan) ||
    ends.held === 'forfeit' ||
    ends.negative === 'forgive' ||
    components.some(({ measure, limit }) => measure.prorate || measure.quota === 'fact' || limit?.excess === 'deferred')
  );
}
