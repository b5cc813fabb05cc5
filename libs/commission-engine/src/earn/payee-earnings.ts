/**
 * Guarantees and draws, over all components of a payee's plan, window by window: the guarantee `max(0, G × share of
 * days − earned)`, then the draw's advance `max(0, m − e)` and its recovery `max(0, min(b, e − m))`, where `m` is the
 * draw, `e` the earning and `b` the balance. Calculated for closed periods, and again when the earning of one changes.
 */
import { lastPeriodOfWindow, windowEndDay, windowOfPeriod, windowStartDay } from '@tantieme/time/calendar/periods';
import { formatMinor } from '@tantieme/money/amount';
import { formatRate } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';
import { endOfAgreement, shareOfDays } from './payee-terms.js';
import type { PayeeTerms } from './payee-terms.js';
import type { PlanByVersion } from './component-rules.js';
import type { PayeeLevelLine } from './payee-level-line.js';
import type { CompiledPlan } from '../plan/compiled.js';

/** What a component's lines earn in a period of origin, without reserves and releases. */
export interface PeriodEarning {
  readonly component: string;
  readonly period: string;
  readonly amountMinor: bigint;
}

/** @throws {EngineError} `PlanUnknown` */
export function guaranteesAndDraws(
  earnings: readonly PeriodEarning[],
  payeeTerms: PayeeTerms,
  plans: PlanByVersion,
): readonly PayeeLevelLine[] {
  if (payeeTerms.closedPeriods.length === 0) return [];
  const guaranteed = payeeTerms.closedPeriods.flatMap(({ period, planVersion }) =>
    guaranteeOf(earnings, payeeTerms, plans.plan(planVersion), period),
  );
  const toppedUp = [...earnings, ...guaranteed.map((line) => ({ ...line, component: '' }))];
  return [...guaranteed, ...drawsOf(toppedUp, payeeTerms, plans)];
}

function guaranteeOf(
  earnings: readonly PeriodEarning[],
  payeeTerms: PayeeTerms,
  plan: CompiledPlan,
  period: string,
): readonly PayeeLevelLine[] {
  const { guarantee, calendar, decimals } = plan;
  if (guarantee === undefined) return [];
  const window = windowOfPeriod(calendar, guarantee.over, period);
  if (lastPeriodOfWindow(calendar, window) !== period) return [];
  const share = shareOfDays(payeeTerms, calendar, window);
  const earnedMinor = sumOf(
    earnings,
    ({ component, period: of }) =>
      windowOfPeriod(calendar, guarantee.over, of) === window &&
      (guarantee.of === undefined || guarantee.of.has(component)),
  );
  const guaranteedMinor = divideRounded(guarantee.minor * share.numerator, share.denominator, plan.rounding);
  const amountMinor = guaranteedMinor > earnedMinor ? guaranteedMinor - earnedMinor : 0n;
  if (amountMinor === 0n) return [];
  const money = (minor: bigint) => formatMinor(minor, decimals);
  return [
    {
      kind: 'guarantee',
      component: '',
      planVersion: plan.version,
      period,
      amountMinor,
      trace: () => ({
        rate: 'guarantee',
        guaranteed: money(guaranteedMinor),
        share: formatRate(share),
        earned: money(earnedMinor),
      }),
    },
  ];
}

function drawsOf(
  earnings: readonly PeriodEarning[],
  payeeTerms: PayeeTerms,
  plans: PlanByVersion,
): readonly PayeeLevelLine[] {
  const lines: PayeeLevelLine[] = [];
  const end = endOfAgreement(payeeTerms);
  let balanceMinor = 0n;
  for (const { period, planVersion } of payeeTerms.closedPeriods) {
    const plan = plans.plan(planVersion);
    const { draw, calendar, decimals } = plan;
    if (draw === undefined) continue;
    const start = windowStartDay(calendar, period);
    const isActive =
      (draw.from === undefined || start >= draw.from) &&
      (draw.until === undefined || start < draw.until) &&
      (end === undefined || start < end);
    const advanceMinor = isActive ? draw.minor : 0n;
    const earnedMinor = sumOf(earnings, ({ period: of }) => of === period);
    const line = (kind: PayeeLevelLine['kind'], amountMinor: bigint): void => {
      if (amountMinor === 0n) return;
      const [advance = '', earned = '', balance = ''] = [advanceMinor, earnedMinor, balanceMinor].map((minor) =>
        formatMinor(minor, decimals),
      );
      const trace = () => ({ rate: 'draw' as const, draw: advance, earned, balance });
      lines.push({ kind, component: '', planVersion, period, amountMinor, trace });
    };
    if (isActive && advanceMinor > earnedMinor) line('draw-advance', advanceMinor - earnedMinor);
    if (!draw.recoverable) continue;
    const mayRecover = draw.recoverFrom === undefined || start >= draw.recoverFrom;
    const aboveMinor = earnedMinor - advanceMinor;
    let recoveredMinor = mayRecover && aboveMinor > 0n ? (aboveMinor < balanceMinor ? aboveMinor : balanceMinor) : 0n;
    const remainingMinor = balanceMinor + (isActive && aboveMinor < 0n ? -aboveMinor : 0n) - recoveredMinor;
    const isLast = end !== undefined && windowEndDay(calendar, period) >= end && start < end;
    // A claimed balance is owed and makes the payee's balance negative. A forgiven one stays paid.
    if (isLast && plan.ends.draw === 'claim') recoveredMinor += remainingMinor;
    line('draw-recovery', -recoveredMinor);
    balanceMinor = isLast ? 0n : remainingMinor;
  }
  return lines;
}

function sumOf(earnings: readonly PeriodEarning[], belongs: (earning: PeriodEarning) => boolean): bigint {
  return earnings.reduce((sum, earning) => (belongs(earning) ? sum + earning.amountMinor : sum), 0n);
}
