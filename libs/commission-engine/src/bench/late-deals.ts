/** Cost of a late deal and of a return as the window of one payee grows, and memory per deal. */
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
const RUNS = 1_000;
/** Late deals lie among the first so many deals: before both tier boundaries, however many deals follow. */
const EARLY = 100;

function saleOf(atMs: number, basisMinor: number): CreditLine {
  return {
    component: 'sales',
    planVersion: 'bench',
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
  /** Calculates and applies a change, as the decider does. */
  readonly receive: (deal: string, lines: readonly CreditLine[]) => void;
}

function windowOf(deals: number, returns: 'line' | 're-rate'): Window {
  const plan = planOf(returns);
  const plans = { plan: () => plan };
  const state = createEarnState();
  const receive = (deal: string, lines: readonly CreditLine[]): void =>
    applyChange(state, diffCredit(state, { deal, lines }, plans), plans);
  const next = numbersFrom(11);
  const before = heapBytes();
  for (let index = 0; index < deals; index++)
    receive(`crm|${index}`, [saleOf(FIRST_MS + Math.floor((index * QUARTER_MS) / deals), 1 + next(100_000))]);
  return { state, bytesPerDeal: (heapBytes() - before) / deals, receive };
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Median time in microseconds; each run is undone before the next. */
function median(run: (index: number) => () => void): number {
  const times = Array.from({ length: RUNS }, (_, index) => {
    const started = performance.now();
    const undo = run(index);
    const time = performance.now() - started;
    undo();
    return time * 1000;
  });
  return times.sort((left, right) => left - right)[RUNS >> 1] ?? Number.NaN;
}

function lateDeal({ receive }: Window, deals: number): number {
  const next = numbersFrom(13);
  const spanMs = Math.floor((EARLY * QUARTER_MS) / deals);
  return median(() => {
    receive('crm|late', [saleOf(FIRST_MS + next(spanMs), 1 + next(100_000))]);
    return () => receive('crm|late', []);
  });
}

function lateReturn({ receive, state }: Window): number {
  const next = numbersFrom(17);
  return median(() => {
    const deal = `crm|${next(EARLY)}`;
    const sale = state.deals.get(deal)?.[0]?.line;
    if (sale === undefined) throw new Error(`deal ${deal} is not in the state`);
    const returned: CreditLine = {
      ...sale,
      occurrence: 'return:R',
      at: formatInstant(FIRST_MS + QUARTER_MS),
      period: '2026-03',
      basis: `-${sale.basis}`,
      reverses: { occurrence: 'booked', returnedBefore: '0', returned: sale.basis, of: sale.basis },
    };
    receive(deal, [sale, returned]);
    return () => receive(deal, [sale]);
  });
}

export function measureLateDeals(): Record<string, number> {
  // Warm-up, so that the smallest window does not pay for compilation.
  const warm = windowOf(20_000, 're-rate');
  for (let index = 0; index < 5; index++) {
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
    // The worse of the two policies.
    returnGrowth: Math.max(growth(costs.returnLine), growth(costs.returnReRate)),
    returnLineGrowth: growth(costs.returnLine),
    returnReRateGrowth: growth(costs.returnReRate),
    ...figures,
  };
}
