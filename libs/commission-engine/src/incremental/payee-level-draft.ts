/** Lines of no single deal. */
import { formatMinor } from '@tantieme/money/amount';
import { periodBounds } from '@tantieme/time/calendar';
import { formatInstant, parseInstant } from '@tantieme/time/instant';
import { lineKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import type { PlanByHash } from '../earn/component-rules.js';
import { guaranteesAndDraws } from '../earn/payee-earnings.js';
import type { PeriodEarning } from '../earn/payee-earnings.js';
import type { PayeeLevelLine } from '../earn/payee-level-line.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { PLAN_WIDE } from './payee-level.js';
import type { EarnState, EarnedLine } from './state.js';

// ── Lines of no single deal ─────────────────────────────────────────────────────────────────────────────────────────

interface PayeeLevelDraft {
  readonly deal: string;
  readonly lines: readonly { readonly line: CreditLine; readonly key: string; readonly of: PayeeLevelLine }[];
}

export function payeeLevelDraft(deal: string, lines: readonly PayeeLevelLine[], plans: PlanByHash): PayeeLevelDraft {
  return {
    deal,
    lines: lines.map((of) => {
      const plan = plans.plan(of.planHash);
      const line: CreditLine = {
        component: of.component === '' ? (of.kind === 'guarantee' ? 'guarantee' : 'draw') : of.component,
        planHash: of.planHash,
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

/** Guarantee and draw, where the plan has them and a period is planWide. */
export function planWideDraft(
  state: EarnState,
  deal: string,
  now: readonly EarnedLine[],
  amounts: ReadonlyMap<EarnedLine, bigint>,
  deferred: readonly PayeeLevelDraft[],
  account: PayeeTerms,
  plans: PlanByHash,
): PayeeLevelDraft | undefined {
  const applies = account.closedPeriods.some(({ planHash }) => {
    const { guarantee, draw } = plans.plan(planHash);
    return guarantee !== undefined || draw !== undefined;
  });
  if (!applies && !state.deals.has(PLAN_WIDE)) return undefined;
  const earnings: PeriodEarning[] = [];
  const add = ({ line }: EarnedLine, amountMinor: bigint): void => {
    if (line.reserves !== true && line.releases === undefined)
      earnings.push({ component: line.component, period: line.period, amountMinor });
  };
  const replaced = new Set(deferred.map((one) => one.deal));
  for (const line of now) add(line, line.amountMinor);
  for (const [of, held] of state.deals)
    if (of !== deal && of !== PLAN_WIDE && !replaced.has(of))
      for (const line of held) add(line, amounts.get(line) ?? line.amountMinor);
  for (const { lines } of deferred)
    for (const { line, of } of lines)
      earnings.push({ component: line.component, period: line.period, amountMinor: of.amountMinor });
  return payeeLevelDraft(PLAN_WIDE, guaranteesAndDraws(earnings, account, plans), plans);
}
