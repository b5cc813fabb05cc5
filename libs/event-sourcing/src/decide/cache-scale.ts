/**
 * One setting for the memory of a process divides it among all caches of states: each has a limit for a process of
 * usual size, and all are multiplied by the same factor. Like V8's heap limit, the factor belongs to the thread.
 */
let factor = 1;

/** Set before the first cache is created; 1 without a call. */
export function scaleCaches(by: number): void {
  factor = by;
}

/** The limit of a cache in this process. */
export function scaledBytes(bytes: number): number {
  return Math.max(1, Math.floor(bytes * factor));
}
