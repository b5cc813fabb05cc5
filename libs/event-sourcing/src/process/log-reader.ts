import { setTimeout as pause } from 'node:timers/promises';

import type { EventFilter, EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';

import { advanceCheckpoint, migrateCheckpoints, readCheckpoint } from '../read-model/checkpoints.js';
import { correlationIds, correlationContext } from './correlation-context.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import { errorMessage, ProcessStopped, notify } from './running-process.js';
import type { OnError, RunningProcess } from './running-process.js';

/** Events a batch, where nothing else is said: one transaction or publication for many, some megabytes at the most. */
export const BATCH_SIZE = 1000;

/** The pause after a failure doubles from the first to the last: long enough to spare what is down, short enough to be back soon. */
const PAUSE_MS_FIRST = 50;
const PAUSE_MS_MAX = 10_000;

/**
 * Pages without a matching event are saved this rarely: reading them again costs less than a commit for each. No later either, also
 * where nothing more comes: in other replicas the checkpoint is all that is known of how far the reader is.
 */
const EMPTY_SAVE_MS = 1000;

export interface LogReaderOptions {
  readonly store: EventStore;
  readonly db: AnyDatabase;
  /** Name of the checkpoint, unique in the database: the service first, `payouts-statements`. */
  readonly name: string;
  readonly filter: EventFilter;
  /** Events a batch at the most. */
  readonly batchSize?: number;
  readonly onError: OnError;
}

/** The events of one page, and what the checkpoint has to move from and to together with their effect. */
export interface Step {
  readonly events: readonly StoredEvent[];
  readonly from: Position;
  readonly to: Position;
}

/** What a projection, follower or relay makes of the log. */
export interface LogEffect {
  /** Before the first step, and again after a failure: idempotent. */
  readonly prepare?: () => Promise<void>;
  /** Stores the effect and then, or together with it, the checkpoint. */
  readonly apply: (step: Step) => Promise<void>;
}

interface Waiter {
  readonly position: Position;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Follows the log from the checkpoint on; after a failure it reports, pauses and goes on from the checkpoint, until it is stopped. */
export function startLogReader(options: LogReaderOptions, effect: LogEffect): RunningProcess {
  const { store, db, name, filter, batchSize = BATCH_SIZE, onError } = options;
  const stopping = new AbortController();
  const waiters = new Set<Waiter>();
  let reached: Position = 0n;
  /** Where the checkpoint is in the database; `reached` may be ahead by pages without events. */
  let saved: Position = 0n;
  let lastError: string | undefined;
  /** Those whose effect is being stored, or could not be. */
  let current: readonly StoredEvent[] = [];
  const ids = (): readonly string[] =>
    correlationIds(current, ({ metadataText }) => JSON.parse(metadataText).correlationId);

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
    await advanceCheckpoint(db, name, saved, to);
    saved = to;
  }

  async function follow(onProgress: () => void): Promise<void> {
    await migrateCheckpoints(db);
    await effect.prepare?.();
    const loaded = await readCheckpoint(db, name);
    // It was set back, to be built anew: whoever waits, waits for that.
    if (loaded < saved) reached = loaded;
    saved = loaded;
    arriveAt(saved);
    // Whatever failed, nothing is left to do: there may be no next success for a long time.
    if (saved === (await store.head())) onProgress();
    let at = saved;
    let savedAt = Date.now();
    const leaving = new AbortController();
    const signal = AbortSignal.any([stopping.signal, leaving.signal]);
    const pages = store.subscribe({ after: saved, filter, batchSize, signal })[Symbol.asyncIterator]();
    let next = pages.next();
    try {
      for (;;) {
        const idleMs = at === saved ? undefined : Math.max(0, savedAt + EMPTY_SAVE_MS - Date.now());
        const turn = await within(idleMs, next);
        if (turn?.done === true) break;
        const page = turn?.value;
        if (page === undefined || (page.events.length === 0 && Date.now() - savedAt >= EMPTY_SAVE_MS)) {
          await save(page?.through ?? at);
          savedAt = Date.now();
        } else if (page.events.length > 0) {
          current = page.events;
          await correlationContext.run(ids, () => effect.apply({ events: current, from: saved, to: page.through }));
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
      // Also where a page is still waited for, which nobody wants any more.
      leaving.abort();
      await Promise.allSettled([next, pages.return?.()]);
    }
    await save(at);
    if (!stopping.signal.aborted) throw new Error(`the subscription of ${name} ended by itself`);
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
        if (stopping.signal.aborted && isAbort(error)) return;
        lastError = errorMessage(error);
        correlationContext.run(ids, () => notify(onError, error));
        current = [];
        const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_FIRST * 2 ** failures);
        failures += 1;
        await pause(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
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
    waitFor: (position, signal) => waitUntil(position, signal),
  };

  function waitUntil(position: Position, signal: AbortSignal | undefined): Promise<void> {
    if (position <= reached) return Promise.resolve();
    if (stopping.signal.aborted) return Promise.reject(new ProcessStopped(name));
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = (): void => {
        waiters.delete(waiter);
        reject(signal?.reason);
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

/** What comes, or undefined where it takes longer than so many milliseconds. */
async function within<Result>(ms: number | undefined, coming: Promise<Result>): Promise<Result | undefined> {
  if (ms === undefined) return coming;
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(late.resolve, ms, undefined);
  try {
    return await Promise.race([coming, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A subscription may end with its signal's reason. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
