/**
 * How the background work of the five services is shared out among threads, so that it uses more than one core (ADR 8). None takes much
 * more of a deal's way than the others: the last one to end is what an import waits for. What is in none of them runs beside the API: registry
 * and ingestion.
 */
import type { Type } from '@nestjs/common';

/** The works of a thread, by their names, and the modules that have them. */
interface Share {
  readonly works: RegExp;
  readonly modules: () => Promise<Type[]>;
}

/** Loaded by the thread that needs them. */
const commissionCalculation = async (): Promise<Type> =>
  (await import('@tantieme/commission-calculation/commission-calculation.module')).CommissionCalculationModule;
const rewards = async (): Promise<Type> => (await import('@tantieme/rewards/rewards.module')).RewardsModule;
const payouts = async (): Promise<Type> => (await import('@tantieme/payouts/payouts.module')).PayoutsModule;

/** In the order of a deal's way. */
export const THREADS: ReadonlyMap<string, Share> = new Map([
  [
    'crediting',
    {
      works: /^commission-(reference|credit|credit-relay|deal-dependencies|pending-deals|read-model)$/,
      modules: async () => [await commissionCalculation()],
    },
  ],
  [
    'earning',
    {
      works: /^commission-(earn|relay|closing)$/,
      modules: async () => [await commissionCalculation()],
    },
  ],
  ['settling', { works: /^(rewards|payouts)-/, modules: async () => [await rewards(), await payouts()] }],
]);

export function runsInThread(work: string): boolean {
  return [...THREADS.values()].some(({ works }) => works.test(work));
}
