/** Payee-level amounts for the reference: guarantees and draws. */
import type { PayeeTerms } from '../earn/payee-terms.js';
import { fractionOf, schoolRound, times } from './fractions.fixture.js';
import type { PlanDocument } from '../plan/document.js';
import { endDayOf, lastPeriodOf, shareOfDays, startDayOf, windowContaining } from './reference-calendar.fixture.js';
import type { Fraction } from './fractions.fixture.js';

export interface PayeeLevelAmount {
  readonly payee: string;
  /** Empty for an amount of the whole plan. */
  readonly component: string;
  readonly kind: string;
  readonly period: string;
  readonly amountMinor: bigint;
}

export interface Earning {
  readonly component: string;
  readonly period: string;
  readonly amountMinor: bigint;
}

const sum = (earnings: readonly Earning[]): bigint => earnings.reduce((all, { amountMinor }) => all + amountMinor, 0n);
const leastOf = (left: bigint, right: bigint): bigint => (left < right ? left : right);

/** The first day after the last agreement; undefined while one is open-ended. */
export function endOfAgreements({ agreements }: PayeeTerms): string | undefined {
  if (agreements.some(({ until }) => until === undefined)) return undefined;
  return agreements
    .map(({ until }) => until ?? '')
    .sort()
    .at(-1);
}

/** Guarantees and draws of the closed periods, in order. */
export function referenceGuaranteesAndDraws(
  payee: string,
  earnings: readonly Earning[],
  payeeTerms: PayeeTerms,
  documentOf: (hash: string) => PlanDocument,
  unit: Fraction,
): readonly PayeeLevelAmount[] {
  const lines: PayeeLevelAmount[] = [];
  const line = (kind: string, period: string, amountMinor: bigint): void => {
    if (amountMinor !== 0n) lines.push({ payee, component: '', kind, period, amountMinor });
  };
  const minorOf = (text: string) => schoolRound(times(fractionOf(text), unit), 'down');
  for (const { period, planVersion } of payeeTerms.closedPeriods) {
    const { guarantee, rounding = 'half-up' } = documentOf(planVersion);
    if (guarantee === undefined) continue;
    const window = windowContaining(guarantee.over, period);
    if (lastPeriodOf(window, period) !== period) continue;
    const counted = earnings.filter(
      (earning) =>
        windowContaining(guarantee.over, earning.period) === window &&
        (guarantee.of === undefined || guarantee.of.includes(earning.component)),
    );
    const amount = times(times(fractionOf(guarantee.amount), unit), shareOfDays(payeeTerms, window));
    const missing = schoolRound(amount, rounding) - sum(counted);
    line('guarantee', period, missing > 0n ? missing : 0n);
  }
  const toppedUp = [...earnings, ...lines];
  const end = endOfAgreements(payeeTerms);
  let balance = 0n;
  for (const { period, planVersion } of payeeTerms.closedPeriods) {
    const { draw, ends } = documentOf(planVersion);
    if (draw === undefined) continue;
    const [start, over] = [startDayOf(period), endDayOf(period)];
    const isAdvanced =
      (draw.from === undefined || draw.from <= start) &&
      (draw.until === undefined || start < draw.until) &&
      (end === undefined || start < end);
    const most = isAdvanced ? minorOf(draw.amount) : 0n;
    const earned = sum(toppedUp.filter((earning) => earning.period === period));
    const advance = isAdvanced && most > earned ? most - earned : 0n;
    line('draw-advance', period, advance);
    if (String(draw.recoverable) !== 'true') continue;
    const isRecovered = (draw.recoverFrom === undefined || draw.recoverFrom <= start) && earned > most;
    let recovered = isRecovered ? leastOf(balance, earned - most) : 0n;
    balance += advance - recovered;
    // The draw ends with the agreement: a claimed balance is owed at once.
    if (end !== undefined && start < end && end <= over) {
      if (ends?.draw !== 'forgive') recovered += balance;
      balance = 0n;
    }
    line('draw-recovery', period, -recovered);
  }
  return lines;
}
