/** Pauses between attempts: the first one, doubled after each attempt up to the longest. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The pause after so many attempts in a row, counted from 1. */
export function backoffMs({ firstMs, maxMs }: Backoff, attempts: number): number {
  return Math.min(maxMs, firstMs * 2 ** (attempts - 1));
}
