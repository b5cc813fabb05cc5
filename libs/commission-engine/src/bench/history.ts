/** A made-up history for the benchmark, in random order; the same on every run. */
import { calendarOf } from '@tantieme/time/calendar/key';
import { fixedCurve } from '../incremental/recalculation-scope.js';
import { parsePlan } from '../plan/lint/parse-plan.js';
import type { CompiledPlan } from '../plan/compiled.js';
import { windowStarts } from '../what-if/rate-columns.js';
import type { LineColumns } from '../what-if/rate-columns.js';

/** Ends of the first two tiers in minor units; used by the SQL and the bare loop of `whole-history.ts` too. */
export const [FIRST_MINOR, SECOND_MINOR] = [15_000_000, 25_000_000];

export function planOf(returns: 'line' | 're-rate'): CompiledPlan {
  const { plan, findings } = parsePlan(
    `
plan: bench
title: Benchmark
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
rounding: half-up
components:
  - id: sales
    credit: { trigger: booked, to: seller, basis: net }
    measure: { over: quarter }
    rate:
      marginal: [{ upTo: 150000, pay: 4 % }, { upTo: 250000, pay: 6 % }, { pay: 8 % }]
    returns: { policy: ${returns} }
`,
    'bench',
  );
  if (plan === undefined) throw new Error(findings.map(({ message }) => message).join('\n'));
  return plan;
}

export const FIRST_MS = Date.UTC(2026, 0, 1);
export const LAST_MS = Date.UTC(2026, 11, 31, 12);
export const STARTS = windowStarts(calendarOf('monthly@Europe/Paris'), 'quarter', FIRST_MS, LAST_MS);

export function curveOfPlan(plan: CompiledPlan): ReturnType<typeof fixedCurve> {
  const [component] = plan.components;
  if (component === undefined) throw new Error('the plan has no component');
  return fixedCurve(component);
}

/** Generator of whole numbers from 0 to `below - 1`, the same sequence for the same seed. */
export function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Deals of one year, one in fifty negative; many share an instant. */
export function historyOf(deals: number, partners: number): LineColumns & { readonly basisMinor: Float64Array } {
  const next = numbersFrom(7);
  const columns = {
    payee: new Int32Array(deals),
    atMs: new Float64Array(deals),
    rank: Int32Array.from({ length: deals }, (_, row) => row),
    basisMinor: new Float64Array(deals),
  };
  for (let row = deals - 1; row > 0; row--) {
    const other = next(row + 1);
    [columns.rank[row], columns.rank[other]] = [columns.rank[other]!, columns.rank[row]!];
  }
  for (let row = 0; row < deals; row++) {
    columns.payee[row] = next(partners);
    columns.atMs[row] = FIRST_MS + next((LAST_MS - FIRST_MS) / 1000) * 1000;
    columns.basisMinor[row] = (next(50) === 0 ? -1 : 1) * (1 + next(200_000));
  }
  return columns;
}
