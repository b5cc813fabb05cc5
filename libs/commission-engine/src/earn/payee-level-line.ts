import type { Trace } from '../rate/trace.js';

/** An amount of no single deal: what a limit defers, a guarantee or draw tops up or recovers. */
export interface PayeeLevelLine {
  readonly kind: 'deferred' | 'guarantee' | 'draw-advance' | 'draw-recovery';
  /** Empty for one of the whole plan. */
  readonly component: string;
  readonly planHash: string;
  /** Period that it belongs to: the last of its window. */
  readonly period: string;
  readonly amountMinor: bigint;
  readonly trace: () => Trace;
}
