/** How long to wait after failures in a row: the first pause doubles with each failure up to a bound. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The pause in milliseconds after so many failures in a row, counted from 1. */
export function backoffMs({ firstMs, maxMs }: Backoff, failures: number): number {
  return Math.min(maxMs, firstMs * 2 ** (failures - 1));
}
