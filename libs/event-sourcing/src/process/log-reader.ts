import { setTimeout as pause } from 'node:timers/promises';

import type { EventFilter, EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { requireSameLog } from '@tantieme/event-store/same-log';
import { backoffMs } from '@tantieme/time/backoff';

import { metadataOf } from '../decide/upcasting.js';
import { advanceCheckpoint, hashAfter, listCheckpoints, readCheckpoint } from '../read-model/checkpoints.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import { correlationIds, correlationContext } from './correlation-context.js';
import { errorMessage, ProcessStopped, notify } from './running-process.js';
import type { OnError, RunningProcess } from './running-process.js';

/** Default number of events per batch, hence per transaction or publication: a few megabytes at most. */
export const BATCH_SIZE = 1000;

/** Pauses after failures: they spare a system that is down, yet recover soon. */
const BACKOFF = { firstMs: 50, maxMs: 10_000 };

/**
 * How often the checkpoint is saved while no event matches: reading such pages again costs less than a commit for each.
 * It is saved even if nothing more arrives, as other replicas see only the checkpoint.
 */
const EMPTY_SAVE_MS = 1000;

export interface LogReaderOptions {
  readonly store: EventStore;
  readonly db: AnyDatabase;
  /** Name of the checkpoint, unique in the database and starting with the service: `payouts-statements`. */
  readonly name: string;
  readonly filter: EventFilter;
  /** The largest number of events per batch. */
  readonly batchSize?: number | undefined;
  readonly onError: OnError;
}

/** The events of one page, and the move of the checkpoint that belongs to their effect. */
export interface Step {
  readonly events: readonly StoredEvent[];
  readonly from: Position;
  readonly to: Position;
  /** Of the event at `to`, for the checkpoint. */
  readonly hash: string | undefined;
}

/** The effect of a projection, follower or relay. */
export interface LogEffect {
  /** Runs before the first step, and again after a failure; must be idempotent. */
  readonly prepare?: (() => Promise<void>) | undefined;
  /** Stores the effect, and the checkpoint together with it or afterwards. */
  readonly apply: (step: Step) => Promise<void>;
}

interface Waiter {
  readonly position: Position;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** Reads the log from the checkpoint on. After a failure it reports, pauses and resumes, until it is stopped. */
export function startLogReader(options: LogReaderOptions, effect: LogEffect): RunningProcess {
  const { store, db, name, filter, batchSize = BATCH_SIZE, onError } = options;
  const stopping = new AbortController();
  const waiters = new Set<Waiter>();
  let reached: Position = 0n;
  /** The checkpoint in the database; `reached` may be ahead of it by pages without events. */
  let saved: Position = 0n;
  let lastError: string | undefined;
  /** The events whose effect is being stored, or could not be. */
  let current: readonly StoredEvent[] = [];
  const ids = (): readonly string[] => correlationIds(current, (event) => metadataOf(event).correlationId);

  function arriveAt(position: Position): void {
    if (position > reached) reached = position;
    for (const waiter of waiters)
      if (waiter.position <= reached) {
        waiters.delete(waiter);
        waiter.resolve();
      }
  }

  async function save(to: Position): Promise<void> {
    if (to === saved) return;
    await advanceCheckpoint(db, name, saved, to, await store.hashAt(to));
    saved = to;
  }

  async function follow(onProgress: () => void): Promise<void> {
    // A start has checked this too, unless a server could not be reached.
    await requireSameLog(store, await listCheckpoints(db, name));
    await effect.prepare?.();
    const loaded = await readCheckpoint(db, name);
    // A lower checkpoint was reset for a rebuild: callers wait for that.
    if (loaded < saved) reached = loaded;
    saved = loaded;
    arriveAt(saved);
    // With nothing left to do, the next batch that could clear an old error may be a long time off.
    if (saved === (await store.head())) onProgress();
    let at = saved;
    let savedAt = Date.now();
    const ending = new AbortController();
    const signal = AbortSignal.any([stopping.signal, ending.signal]);
    const pages = store.subscribe({ after: saved, filter, batchSize, signal })[Symbol.asyncIterator]();
    let next = pages.next();
    try {
      for (;;) {
        const idleMs = at === saved ? undefined : Math.max(0, savedAt + EMPTY_SAVE_MS - Date.now());
        const result = await within(idleMs, next);
        if (result?.done === true) break;
        const page = result?.value;
        if (page === undefined || (page.events.length === 0 && Date.now() - savedAt >= EMPTY_SAVE_MS)) {
          await save(page?.through ?? at);
          savedAt = Date.now();
        } else if (page.events.length > 0) {
          current = page.events;
          const step = { events: current, from: saved, to: page.through, hash: await hashAfter(store, page) };
          await correlationContext.run(ids, () => effect.apply(step));
          current = [];
          saved = page.through;
          savedAt = Date.now();
        }
        if (page === undefined) continue;
        at = page.through;
        arriveAt(at);
        onProgress();
        if (stopping.signal.aborted) break;
        next = pages.next();
      }
    } finally {
      // A page may still be pending.
      ending.abort();
      await Promise.allSettled([next, pages.return?.()]);
    }
    await save(at);
    if (!stopping.signal.aborted) throw new Error(`the subscription of ${name} ended unexpectedly`);
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      try {
        await follow(() => {
          failures = 0;
          lastError = undefined;
        });
      } catch (error) {
        // A subscription may throw the reason of its signal.
        if (stopping.signal.aborted && isAbort(error)) return;
        lastError = errorMessage(error);
        correlationContext.run(ids, () => notify(onError, error));
        current = [];
        failures += 1;
        await pause(backoffMs(BACKOFF, failures), undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }

  const running = run().finally(() => {
    for (const waiter of waiters) waiter.reject(new ProcessStopped(name));
    waiters.clear();
  });

  return {
    name,
    stop: async () => {
      stopping.abort();
      await running;
    },
    position: async () => reached,
    lastError: () => lastError,
    waitFor,
  };

  async function waitFor(position: Position, signal?: AbortSignal): Promise<void> {
    if (position <= reached) return;
    if (stopping.signal.aborted) throw new ProcessStopped(name);
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiters.delete(waiter);
        reject(signal?.reason as Error);
      };
      const waiter: Waiter = {
        position,
        resolve: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        reject: (reason) => {
          signal?.removeEventListener('abort', onAbort);
          reject(reason);
        },
      };
      waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

/** The result, or undefined if it takes longer than `ms` milliseconds. */
async function within<Result>(ms: number | undefined, pending: Promise<Result>): Promise<Result | undefined> {
  if (ms === undefined) return pending;
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(late.resolve, ms, undefined);
  try {
    return await Promise.race([pending, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
