/**
 * A share of the verification of a log, as one of several threads may take it.
 *
 * The streams fall into a fixed number of parts by their names, and the parts are dealt out among the shares. A part is verified in the same way
 * and with the same memory whoever does it: so what is found does not depend on the number of shares.
 */
import { setImmediate } from 'node:timers/promises';
import type { EventStore, Page, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { FirstDifferences } from './first-differences.js';
import type { PlacedDifference } from './first-differences.js';
import { Part } from './part.js';
import type { Replayable } from './replayable.js';

/** Events read at a time. */
const PAGE_EVENTS = 1_000;
/** Enough for shares of nearly the same size; more shares than these would have nothing to do. */
const PARTS = 64;

/** What a share is told. Plain values, so that it can be sent to a thread. */
export interface ShareTask {
  /** Of so many shares … */
  readonly shares: number;
  /** … this one, from 0. */
  readonly share: number;
  /** Position of the last event that is verified. */
  readonly until: Position;
  /** Ends of streams and states kept in memory by all shares together, in bytes as deciders tell them. */
  readonly cacheBytesMax: number;
  readonly differencesMax: number;
}

/** What a share found. Plain values as well. */
export interface ShareResult {
  readonly streams: number;
  readonly decisions: number;
  /** The first of them in the order of the log. */
  readonly differences: readonly PlacedDifference[];
  readonly differenceCount: number;
  /** Why the log could not be read to the end, if it could not. */
  readonly unreadable?: string;
}

export interface ShareOptions {
  readonly store: EventStore;
  /** Deciders, at most one a category. */
  readonly replayables: readonly Replayable[];
  readonly task: ShareTask;
  /** Told of every event of the log, of whatever share, in the global order. */
  readonly onEvent?: (event: StoredEvent) => void;
  /** Told how many events of the share are verified. */
  readonly onProgress?: (events: number) => void;
  /** Ends the verification: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export async function verifyShare(options: ShareOptions): Promise<ShareResult> {
  const { store, task, signal } = options;
  const differences = new FirstDifferences(task.differencesMax);
  const replayables = new Map(options.replayables.map((replayable) => [replayable.category, replayable]));
  const cacheBytesMax = task.cacheBytesMax / PARTS;
  /** By number; undefined for those of other shares. */
  const parts = Array.from({ length: PARTS }, (_, number) =>
    number % task.shares === task.share ? new Part({ store, replayables, cacheBytesMax, differences }) : undefined,
  );
  const own = parts.filter((part) => part !== undefined);
  const total = (count: (part: Part) => number): number => own.reduce((sum, part) => sum + count(part), 0);
  const endTurn = async (): Promise<void> => {
    options.onProgress?.(total((part) => part.verified));
    await nextTurn(signal);
  };

  const unreadable = await readLog(options, parts, endTurn);
  let eventsOfTurn = 0;
  for (const part of own)
    for await (const events of part.decideThosePutAside(task.until)) {
      eventsOfTurn += events;
      if (eventsOfTurn < PAGE_EVENTS) continue;
      eventsOfTurn = 0;
      await endTurn();
    }
  await endTurn();
  return {
    streams: total((part) => part.streams),
    decisions: total((part) => part.decisions),
    differences: differences.list(),
    differenceCount: differences.count,
    ...(unreadable === undefined ? {} : { unreadable }),
  };
}

/** Gives the reason where the log cannot be read to the end. */
async function readLog(
  { store, task: { until }, onEvent, signal }: ShareOptions,
  parts: readonly (Part | undefined)[],
  endTurn: () => Promise<void>,
): Promise<string | undefined> {
  await nextTurn(signal);
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
      const read = parts[partOf(event.stream)]?.take(event);
      if (read !== undefined) await read;
    }
    after = page.through;
    await endTurn();
    if (page.end) return undefined;
  }
  return undefined;
}

/** By the name alone (FNV-1a), so that every thread says the same. */
function partOf(stream: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < stream.length; index++) hash = Math.imul(hash ^ stream.charCodeAt(index), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % PARTS;
}

/** The embedded store reads without leaving the turn of the event loop: others get theirs here. */
async function nextTurn(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}
