/**
 * One share of the verification of a log, which may run in a thread of its own.
 *
 * The streams fall into a fixed number of parts by their names, and the parts are divided among the shares. Every part
 * is verified in the same way and with the same memory, so the result does not depend on the number of shares.
 */
import { setImmediate } from 'node:timers/promises';
import type { EventStore, Page, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { FirstDifferences } from './first-differences.js';
import type { PlacedDifference } from './first-differences.js';
import { Part } from './part.js';
import type { Replayable } from './replayable.js';
import { PAGE_EVENTS } from './limits.js';

/** Enough for shares of nearly equal size. More shares than parts would have nothing to do. */
const PARTS = 64;

/** The task of a share: plain values, so that it can be sent to a thread. */
export interface ShareTask {
  /** Number of shares. */
  readonly shares: number;
  /** Number of this share, from 0. */
  readonly share: number;
  /** Position of the last event to verify. */
  readonly until: Position;
  /** Memory for ends of streams and states of all shares together, in bytes as deciders estimate them. */
  readonly cacheBytesMax: number;
  readonly differencesMax: number;
}

/** The result of a share: plain values as well. */
export interface ShareResult {
  readonly streams: number;
  readonly decisions: number;
  /** The first ones in the order of the log. */
  readonly differences: readonly PlacedDifference[];
  readonly differenceCount: number;
  /** Why the log could not be read to the end; absent if it could. */
  readonly unreadable?: string;
}

export interface ShareOptions {
  readonly store: EventStore;
  /** Deciders, at most one for each category. */
  readonly replayables: readonly Replayable[];
  readonly task: ShareTask;
  /** Called with every event of the log, in the global order, whichever share it belongs to. */
  readonly onEvent?: ((event: StoredEvent) => void) | undefined;
  /** Called with the number of verified events of this share. */
  readonly onProgress?: ((events: number) => void) | undefined;
  /** Stops the verification, which rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export async function verifyShare(options: ShareOptions): Promise<ShareResult> {
  const { store, task, signal } = options;
  const differences = new FirstDifferences(task.differencesMax);
  const replayables = new Map(options.replayables.map((replayable) => [replayable.category, replayable]));
  const cacheBytesMax = task.cacheBytesMax / PARTS;
  /** By number; undefined for the parts of other shares. */
  const parts = Array.from({ length: PARTS }, (_, number) =>
    number % task.shares === task.share ? new Part({ store, replayables, cacheBytesMax, differences }) : undefined,
  );
  const own = parts.filter((part) => part !== undefined);
  const total = (count: (part: Part) => number): number => own.reduce((sum, part) => sum + count(part), 0);
  const afterPage = async (): Promise<void> => {
    options.onProgress?.(total((part) => part.verified));
    await letOthersRun(signal);
  };

  const unreadable = await readLog(options, parts, afterPage);
  let eventsOfPage = 0;
  for (const part of own)
    for await (const events of part.decidePostponed(task.until)) {
      eventsOfPage += events;
      if (eventsOfPage < PAGE_EVENTS) continue;
      eventsOfPage = 0;
      await afterPage();
    }
  await afterPage();
  return {
    streams: total((part) => part.streams),
    decisions: total((part) => part.decisions),
    differences: differences.list(),
    differenceCount: differences.count,
    ...(unreadable !== undefined && { unreadable }),
  };
}

/** Returns the reason if the log cannot be read to the end. */
async function readLog(
  { store, task: { until }, onEvent, signal }: ShareOptions,
  parts: readonly (Part | undefined)[],
  afterPage: () => Promise<void>,
): Promise<string | undefined> {
  await letOthersRun(signal);
  for (let after = 0n; after < until;) {
    let page: Page;
    try {
      page = await store.readAll({ after, limit: PAGE_EVENTS });
    } catch (error) {
      return `cannot be read after position ${after}: ${error instanceof Error ? error.message : String(error)}`;
    }
    for (const event of page.events) {
      if (event.position > until) break;
      onEvent?.(event);
      const read = parts[partOf(event.stream)]?.add(event);
      if (read !== undefined) await read;
    }
    after = page.through;
    await afterPage();
    if (page.end) return undefined;
  }
  return undefined;
}

/** By the name alone (FNV-1a), so that all threads agree. */
function partOf(stream: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < stream.length; index++) hash = Math.imul(hash ^ stream.charCodeAt(index), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % PARTS;
}

/** The embedded store reads synchronously, so this lets other work of the event loop run. */
async function letOthersRun(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}
