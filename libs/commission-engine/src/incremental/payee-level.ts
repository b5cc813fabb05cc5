/** Payee-level lines in a state: they stand under deal names that no source can use. */
import { periodBounds } from '@tantieme/time/calendar/periods';
import { formatMinor } from '@tantieme/money/amount';
import { formatInstant, parseInstant } from '@tantieme/time/instant';
import { lineKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import type { PlanByVersion } from '../earn/component-rules.js';
import { guaranteesAndDraws } from '../earn/payee-earnings.js';
import type { PeriodEarning } from '../earn/payee-earnings.js';
import type { PayeeLevelLine } from '../earn/payee-level-line.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { requireAll } from './loaded.js';
import type { EarnState, EarnedLine } from './state.js';

/** No deal can start with it, as sources have a name. */
export const PAYEE_LEVEL_PREFIX = '|';

/** Deal name of the lines of the whole plan: guarantees and draws. */
export const PLAN_WIDE = `${PAYEE_LEVEL_PREFIX}*`;

/** True for the name under which payee-level lines stand in the place of a deal. */
export function isPayeeLevel(deal: string): boolean {
  return deal.startsWith(PAYEE_LEVEL_PREFIX);
}

/** Payee-level lines as credit lines with their keys. */
interface PayeeLevelDraft {
  readonly deal: string;
  readonly lines: readonly { readonly line: CreditLine; readonly key: string; readonly of: PayeeLevelLine }[];
}

export function payeeLevelDraft(deal: string, lines: readonly PayeeLevelLine[], plans: PlanByVersion): PayeeLevelDraft {
  return {
    deal,
    lines: lines.map((of) => {
      const plan = plans.plan(of.planVersion);
      const line: CreditLine = {
        component: of.component === '' ? (of.kind === 'guarantee' ? 'guarantee' : 'draw') : of.component,
        planVersion: of.planVersion,
        occurrence: of.kind,
        line: '',
        at: formatInstant(parseInstant(periodBounds(plan.calendar, of.period).until) - 1),
        period: of.period,
        window: of.period,
        basis: formatMinor(0n, plan.decimals),
      };
      return { line, key: `${lineKey(line)}|${of.period}`, of };
    }),
  };
}

/**
 * Guarantees and draws after a change, where the plan has them and a period is closed. Undefined where neither applies.
 */
export function planWideDraft(
  state: EarnState,
  deal: string,
  now: readonly EarnedLine[],
  amounts: ReadonlyMap<EarnedLine, bigint>,
  deferred: readonly PayeeLevelDraft[],
  payeeTerms: PayeeTerms,
  plans: PlanByVersion,
): PayeeLevelDraft | undefined {
  const applies = payeeTerms.closedPeriods.some(({ planVersion }) => {
    const { guarantee, draw } = plans.plan(planVersion);
    return guarantee !== undefined || draw !== undefined;
  });
  if (!applies && !state.deals.has(PLAN_WIDE)) return undefined;
  requireAll(state);
  const earnings: PeriodEarning[] = [];
  const add = ({ line }: EarnedLine, amountMinor: bigint): void => {
    if (line.reserves !== true && line.releases === undefined)
      earnings.push({ component: line.component, period: line.period, amountMinor });
  };
  const replaced = new Set(deferred.map((one) => one.deal));
  for (const line of now) add(line, line.amountMinor);
  for (const [of, existing] of state.deals)
    if (of !== deal && of !== PLAN_WIDE && !replaced.has(of))
      for (const line of existing) add(line, amounts.get(line) ?? line.amountMinor);
  for (const { lines } of deferred)
    for (const { line, of } of lines)
      earnings.push({ component: line.component, period: line.period, amountMinor: of.amountMinor });
  return payeeLevelDraft(PLAN_WIDE, guaranteesAndDraws(earnings, payeeTerms, plans), plans);
}
