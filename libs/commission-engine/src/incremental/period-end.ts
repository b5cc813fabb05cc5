/** What closings settle and record for the payees of a plan, and what they have to know of a payee for it. */
import type { PayeeTerms } from '../earn/payee-terms.js';
import { lastPeriodOfWindow, windowOfPeriod } from '@tantieme/time/calendar';
import { isRerated, isSale, rulesOf } from '../earn/component-rules.js';
import type { PlanByHash } from '../earn/component-rules.js';
import { tierReached } from '../plan/curve.js';
import { ownBasis } from './basis.js';
import { isPayeeLevel } from './payee-level.js';
import type { EarnState } from './state.js';

import type { CompiledPlan } from '../plan/compiled.js';

/**
 * Tiers that lagged measurements have reached whose window ends with the period: what its closing records.
 * @returns by `component window`
 */
export function reachedTiers(
  state: EarnState,
  plan: CompiledPlan,
  period: string,
  plans: PlanByHash,
): PayeeTerms['reachedTiers'] {
  const reached: Record<string, number> = {};
  for (const { id, rate, measure } of plan.components) {
    const { over } = measure;
    if (rate.kind !== 'lagged' || !rate.frozen || over === 'deal' || typeof over === 'object') continue;
    const window = windowOfPeriod(plan.calendar, over, period);
    if (lastPeriodOfWindow(plan.calendar, window) !== period) continue;
    let totalMinor = 0n;
    for (const held of [...state.deals.values()].flat()) {
      if (held.line.component !== id || held.line.window !== window || isPayeeLevel(held.deal)) continue;
      const rules = rulesOf(held.line, plans);
      const { reverses } = held.line;
      if (isSale(held.line, rules.component) || (reverses !== undefined && isRerated(rules.component)))
        totalMinor += ownBasis(held, rules);
    }
    reached[`${id} ${window}`] = tierReached(rate.tiers, { numerator: totalMinor, denominator: 1n });
  }
  return reached;
}

/** Whether closings settle something for the payees of a plan: a guarantee, a draw, or a lagged tier. */
export function hasPeriodEndTerms({ guarantee, draw, components }: CompiledPlan): boolean {
  return (
    guarantee !== undefined ||
    draw !== undefined ||
    components.some(({ rate }) => rate.kind === 'lagged' && rate.frozen)
  );
}

/**
 * Whether what a payee earns under a plan depends on its agreements and quotas, or is settled by closings: then also where it has no
 * line in the period.
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
