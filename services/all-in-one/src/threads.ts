/**
 * Assigns the background work of the five services to threads, so that it uses more than one core (ADR 8). The shares
 * cost about the same per deal, since an import waits for the slowest. Work in no share runs beside the API: registry
 * and ingestion.
 */
import type { Type } from '@nestjs/common';

/** The work of a thread, by name, and the modules that it belongs to. */
interface Share {
  readonly works: RegExp;
  readonly modules: () => Promise<Type[]>;
}

// Imported only by the thread that needs them.
const commissionCalculation = async (): Promise<Type> =>
  (await import('@tantieme/commission-calculation/commission-calculation.module')).CommissionCalculationModule;
const rewards = async (): Promise<Type> => (await import('@tantieme/rewards/rewards.module')).RewardsModule;
const payouts = async (): Promise<Type> => (await import('@tantieme/payouts/payouts.module')).PayoutsModule;

/** In the order of the path of a deal. */
export const THREADS: ReadonlyMap<string, Share> = new Map([
  [
    'crediting',
    {
      works: /^commission-(reference|credit|deal-dependencies|pending-deals|read-model)(-relay|-parked)?$/,
      modules: async () => [await commissionCalculation()],
    },
  ],
  [
    'earning',
    {
      works: /^commission-(earn|relay|closing)(-parked)?$/,
      modules: async () => [await commissionCalculation()],
    },
  ],
  ['paying', { works: /^(rewards|payouts)-/, modules: async () => [await rewards(), await payouts()] }],
]);

export function runsInThread(work: string): boolean {
  return [...THREADS.values()].some(({ works }) => works.test(work));
}
