import type { EventFilter, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { requireSameLog } from '@tantieme/event-store/same-log';

import { BATCH_MAX } from '../limits.js';
import { advanceCheckpoint, listCheckpoints, readCheckpoint } from '../read-model/checkpoints.js';
import { correlationIds } from './correlation-context.js';
import { metadataOf } from '../decide/upcasting.js';
import type { Source, SourceBatch } from './process.js';

/** The lane of the event log. */
export const LOG = 'log';

/**
 * How often the checkpoint is saved while no event matches: reading such pages again costs less than a commit for each.
 * It is saved even if nothing more arrives, as other replicas see only the checkpoint.
 */
const EMPTY_SAVE_MS = 1000;

/** The events of the log in their global order, from the checkpoint on. @param batchSize most events of a batch */
export function logSource(filter: EventFilter, batchSize = BATCH_MAX): Source<StoredEvent> {
  return {
    open: async ({ store, db, timers }, name, listener) => {
      // A start has checked this too, unless a server could not be reached.
      await requireSameLog(store, await listCheckpoints(db, name));
      let saved = await readCheckpoint(db, name);
      let savedAtMs = timers.nowMs();
      /** May be ahead of the checkpoint by pages without events. */
      let at = saved;
      listener.ends(LOG, await store.head());
      listener.reached(LOG, at);
      const ending = new AbortController();
      const pages = store.subscribe({ after: saved, filter, batchSize, signal: ending.signal })[Symbol.asyncIterator]();
      let last: StoredEvent | undefined;
      let pending: ReturnType<typeof pages.next> | undefined;

      /** For the checkpoint; undefined where no event is at the position. */
      const hashAt = async (position: Position): Promise<string | undefined> =>
        last?.position === position ? last.hash : store.hashAt(position);

      async function save(): Promise<void> {
        if (at === saved) return;
        await advanceCheckpoint(db, name, saved, at, await hashAt(at));
        saved = at;
        savedAtMs = timers.nowMs();
      }

      return {
        next: async (signal) => {
          while (!signal.aborted) {
            pending ??= pages.next();
            const idleMs = at === saved ? undefined : Math.max(0, savedAtMs + EMPTY_SAVE_MS - timers.nowMs());
            const result = await firstOf(pending, signal, (until) =>
              idleMs === undefined ? undefined : timers.wait(idleMs, until),
            );
            if (result === undefined) {
              if (!signal.aborted) await save();
              continue;
            }
            pending = undefined;
            if (result.done === true) throw new Error(`the subscription of ${name} ended unexpectedly`);
            const { events, through } = result.value;
            last = events.at(-1);
            return batchOf(events, through);
          }
          return undefined;
        },
        commit: async ({ position, items }, isSaved) => {
          at = position;
          if (isSaved) {
            saved = position;
            savedAtMs = timers.nowMs();
          } else if (items.length > 0) await save();
          listener.reached(LOG, at);
        },
        saveIn: async (trx, { position }) => advanceCheckpoint(trx, name, saved, position, await hashAt(position)),
        close: async () => {
          // A page may still be pending.
          ending.abort();
          await Promise.allSettled([pending, pages.return?.()]);
          await save();
        },
      };
    },
  };
}

function batchOf(events: readonly StoredEvent[], position: Position): SourceBatch<StoredEvent> {
  return {
    lane: LOG,
    position,
    items: events,
    unreadable: [],
    correlationIds: () => correlationIds(events, (event) => metadataOf(event).correlationId),
  };
}

/** The result of the promise; undefined if the signal is aborted or the wait ends before. */
async function firstOf<Result>(
  promise: Promise<Result>,
  signal: AbortSignal,
  wait: (until: AbortSignal) => Promise<void> | undefined,
): Promise<Result | undefined> {
  const ended = new AbortController();
  const other = Promise.withResolvers<undefined>();
  const end = (): void => other.resolve(undefined);
  signal.addEventListener('abort', end, { once: true });
  void wait(ended.signal)?.then(end);
  try {
    return await Promise.race([promise, other.promise]);
  } finally {
    signal.removeEventListener('abort', end);
    // With a reason, no error with a stack is made for each of the many waits that end.
    ended.abort('over');
  }
}
