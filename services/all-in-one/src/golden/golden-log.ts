/**
 * The golden log: a recorded history with every event type, one event a line, and the digests of the read models that
 * follow from it. Each build has to replay it to the byte (ADR 23).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import type { EventStore, NewEvent } from '@tantieme/event-store/event-store';
import { metadataOf, storedDataOf } from '@tantieme/event-sourcing/decide/upcasting';

export const GOLDEN_DIRECTORY = join(import.meta.dirname, '../../golden');

/** Events of a page when a log is read. */
const PAGE_EVENTS = 1_000;

export interface GoldenEvent extends NewEvent {
  readonly stream: string;
  readonly revision: number;
  readonly hash: string;
}

export interface GoldenLog {
  /** In the global order. */
  readonly events: readonly GoldenEvent[];
  /** SHA-256 of the rows of each table of the read models. */
  readonly tables: Readonly<Record<string, string>>;
  /** One line for each message that the services publish: topic, key, and SHA-256 of its bytes. */
  readonly messages: readonly string[];
}

export function readGoldenLog(directory = GOLDEN_DIRECTORY): GoldenLog {
  const lines = readFileSync(join(directory, 'events.ndjson'), 'utf8').split('\n').filter(Boolean);
  const tables = JSON.parse(readFileSync(join(directory, 'tables.json'), 'utf8')) as GoldenLog['tables'];
  const messages = readFileSync(join(directory, 'messages.txt'), 'utf8').split('\n').filter(Boolean);
  return { events: lines.map((line) => JSON.parse(line) as GoldenEvent), tables, messages };
}

export function writeGoldenLog({ events, tables, messages }: GoldenLog, directory = GOLDEN_DIRECTORY): void {
  writeFileSync(join(directory, 'events.ndjson'), events.map((event) => `${canonicalJson(event)}\n`).join(''));
  writeFileSync(join(directory, 'tables.json'), `${JSON.stringify(tables, null, 2)}\n`);
  writeFileSync(join(directory, 'messages.txt'), messages.map((message) => `${message}\n`).join(''));
}

/** All events of a store. The stored texts are canonical, so the data as JSON loses nothing of them. */
export async function goldenEventsOf(store: EventStore): Promise<readonly GoldenEvent[]> {
  const events: GoldenEvent[] = [];
  for (let after = 0n, end = false; !end;) {
    const page = await store.readAll({ after, limit: PAGE_EVENTS });
    for (const stored of page.events) {
      const { stream, revision, id, type, version, occurredAt, hash } = stored;
      const [metadata, data] = [metadataOf(stored), storedDataOf(stored)];
      events.push({ stream, revision, id, type, version, occurredAt, metadata, data, hash });
    }
    after = page.through;
    end = page.end;
  }
  return events;
}

/** Appends the events to an empty store in their order. @returns where a stored hash is not the recorded one */
export async function appendGoldenEvents(
  store: EventStore,
  events: readonly GoldenEvent[],
): Promise<readonly { readonly stream: string; readonly revision: number }[]> {
  const changed: { readonly stream: string; readonly revision: number }[] = [];
  for (const { stream, revision, hash, ...event } of events) {
    const expectedRevision = revision === 0 ? 'no-stream' : revision - 1;
    const result = await store.append({ stream, expectedRevision, events: [event] });
    if (result.outcome !== 'appended') throw new Error(`the golden log has no event before ${stream} at ${revision}`);
    if (result.events[0]?.hash !== hash) changed.push({ stream, revision });
  }
  return changed;
}
