import type { Trace } from '../rate/trace.js';

/**
 * An amount that belongs to the payee rather than to a deal: deferred by a limit, or paid or recovered by guarantee or
 * draw.
 */
export interface PayeeLevelLine {
  readonly kind: 'deferred' | 'guarantee' | 'draw-advance' | 'draw-recovery';
  /** Empty where the line belongs to the whole plan. */
  readonly component: string;
  readonly planVersion: string;
  /** Period of origin: the last of the line's window. */
  readonly period: string;
  readonly amountMinor: bigint;
  readonly trace: () => Trace;
}
