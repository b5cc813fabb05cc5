import { setTimeout as pause } from 'node:timers/promises';

/**
 * Clock, waiting and randomness of background work. Everything takes them from outside, so that a simulator can replace
 * them; nothing else sets a timer.
 */
export interface Timers {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Resolves after `ms` milliseconds, or as soon as the signal is aborted. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 up to, but not including, 1. */
  random(): number;
}

export const systemTimers: Timers = {
  nowMs: () => Date.now(),
  wait: (ms, signal) => pause(ms, undefined, { signal }).catch(() => undefined),
  random: () => Math.random(),
};
