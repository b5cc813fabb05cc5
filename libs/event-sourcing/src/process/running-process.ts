import type { Position } from '@tantieme/event-store/event-store';

/** A running projection, follower or relay. */
export interface RunningProcess {
  readonly name: string;
  /** Finishes the current batch, saves the checkpoint, and ends. */
  stop(): Promise<void>;
  /**
   * The position up to which the log has been processed. A restart resumes here, or a little earlier within a stretch
   * of events outside the filter.
   */
  position(): Promise<Position>;
  /** The reason of the current failure; undefined after the next success. */
  lastError(): string | undefined;
  /**
   * Waits until the process has reached the position.
   * @throws the signal's reason if it is aborted, {@link ProcessStopped} if the process stops before.
   */
  waitFor(position: Position, signal?: AbortSignal): Promise<void>;
}

/** Receives every failure, for the log; the process retries after a pause. */
export type OnError = (error: unknown) => void;

export class ProcessStopped extends Error {
  readonly code = 'ProcessStopped';
  constructor(readonly processName: string) {
    super(`the process ${processName} was stopped`);
  }
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Calls a listener. A listener that throws does not stop the process. */
export function notify<Args extends readonly unknown[]>(listener: (...args: Args) => void, ...args: Args): void {
  try {
    listener(...args);
  } catch {
    // The process works without its log, and `lastError` still has the reason.
  }
}
