import type { Position } from '@tantieme/event-store/event-store';

/** What follows the log in the background: a projection, follower or relay. */
export interface RunningProcess {
  readonly name: string;
  /** Finishes the batch in hand, saves the checkpoint, and ends. */
  stop(): Promise<void>;
  /** How far the log has been worked off. What comes after a restart begins here, or a little before in stretches without a matching event. */
  position(): Promise<Position>;
  /** Why it does not get on at the moment; undefined again after the next success. */
  lastError(): string | undefined;
  /** @throws the signal's reason where it is aborted, {@link ProcessStopped} where the work ends before it gets there. */
  waitFor(position: Position, signal?: AbortSignal): Promise<void>;
}

/** Told of every failure, for the log; what failed is tried again after a pause. */
export type OnError = (error: unknown) => void;

export class ProcessStopped extends Error {
  readonly code = 'RunningStopped';
  constructor(readonly running: string) {
    super(`${running} was stopped`);
  }
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Tells of a failure; where telling fails too, the work goes on all the same. */
export function notify<Told extends readonly unknown[]>(onError: (...told: Told) => void, ...told: Told): void {
  try {
    onError(...told);
  } catch {
    // The log is not what this work is for, and `lastError` still says it.
  }
}
