/** What a late deal and a return cost with more and more deals in the window of one payee, and what a deal held takes. */
import { formatMinor } from '@tantieme/money/amount';
import { applyChange } from '../incremental/apply-change.js';
import type { CreditLine } from '../credit/credit-line.js';
import { diffCredit } from '../incremental/diff.js';
import { createEarnState } from '../incremental/state.js';
import type { EarnState } from '../incremental/state.js';
import { formatInstant } from '@tantieme/time/instant';
import { FIRST_MS, numbersFrom, planOf } from './history.js';

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const QUARTER_MS = 89 * 24 * 3600 * 1000;
const TIMES = 1_000;
/** All that is late lies before so many deals: before both thresholds, so that lines there move however many follow. */
const EARLY = 100;

function saleOf(atMs: number, basisMinor: number): CreditLine {
  return {
    component: 'sales',
    planHash: 'bench',
    occurrence: 'booked',
    line: '1',
    at: formatInstant(atMs),
    period: '2026-01',
    window: '2026-Q1',
    basis: formatMinor(BigInt(basisMinor), 2),
  };
}

interface Window {
  readonly state: EarnState;
  readonly bytesPerDeal: number;
  /** Plans and applies, as the decider does. */
  readonly take: (deal: string, lines: readonly CreditLine[]) => void;
}

function windowOf(deals: number, returns: 'line' | 're-rate'): Window {
  const plan = planOf(returns);
  const plans = { plan: () => plan };
  const state = createEarnState();
  const take = (deal: string, lines: readonly CreditLine[]): void =>
    applyChange(state, diffCredit(state, { deal, lines }, plans), plans);
  const next = numbersFrom(11);
  const before = heapBytes();
  for (let index = 0; index < deals; index++)
    take(`crm|${index}`, [saleOf(FIRST_MS + Math.floor((index * QUARTER_MS) / deals), 1 + next(100_000))]);
  return { state, bytesPerDeal: (heapBytes() - before) / deals, take };
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Microseconds of the median; what each changes is taken back before the next. */
function median(run: (turn: number) => () => void): number {
  const times = Array.from({ length: TIMES }, (_, turn) => {
    const started = performance.now();
    const undo = run(turn);
    const time = performance.now() - started;
    undo();
    return time * 1000;
  });
  return times.sort((left, right) => left - right)[TIMES >> 1] ?? Number.NaN;
}

function lateDeal({ take }: Window, deals: number): number {
  const next = numbersFrom(13);
  const spanMs = Math.floor((EARLY * QUARTER_MS) / deals);
  return median(() => {
    take('crm|late', [saleOf(FIRST_MS + next(spanMs), 1 + next(100_000))]);
    return () => take('crm|late', []);
  });
}

function lateReturn({ take, state }: Window): number {
  const next = numbersFrom(17);
  return median(() => {
    const deal = `crm|${next(EARLY)}`;
    const sale = state.deals.get(deal)?.[0]?.line;
    if (sale === undefined) throw new Error(`no deal ${deal}`);
    const returned: CreditLine = {
      ...sale,
      occurrence: 'return:R',
      at: formatInstant(FIRST_MS + QUARTER_MS),
      period: '2026-03',
      basis: `-${sale.basis}`,
      reverses: { occurrence: 'booked', returnedBefore: '0', returned: sale.basis, of: sale.basis },
    };
    take(deal, [sale, returned]);
    return () => take(deal, [sale]);
  });
}

export function measureLateDeals(): Record<string, number> {
  // Once for the compiler, so that the smallest window does not pay for it.
  const warm = windowOf(20_000, 're-rate');
  for (let turn = 0; turn < 5; turn++) {
    lateDeal(warm, 20_000);
    lateReturn(warm);
  }
  const figures: Record<string, number> = {};
  const costs: Record<'lateDeal' | 'returnLine' | 'returnReRate', number[]> = {
    lateDeal: [],
    returnLine: [],
    returnReRate: [],
  };
  for (const deals of SIZES) {
    const byLine = windowOf(deals, 'line');
    costs.lateDeal.push(lateDeal(byLine, deals));
    costs.returnLine.push(lateReturn(byLine));
    figures['memoryBytesPerDeal'] = byLine.bytesPerDeal;
  }
  for (const deals of SIZES) costs.returnReRate.push(lateReturn(windowOf(deals, 're-rate')));
  const growth = (times: readonly number[]): number => (times.at(-1) ?? Number.NaN) / (times[0] ?? Number.NaN);
  for (const [name, times] of Object.entries(costs))
    times.forEach((time, index) => (figures[`${name}Microseconds1e${index + 3}`] = time));
  return {
    lateDealGrowth: growth(costs.lateDeal),
    /** The worse of the two policies. */
    returnGrowth: Math.max(growth(costs.returnLine), growth(costs.returnReRate)),
    returnLineGrowth: growth(costs.returnLine),
    returnReRateGrowth: growth(costs.returnReRate),
    ...figures,
  };
}
