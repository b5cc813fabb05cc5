/** Replays a golden log: hashes it again, decides every decision again and rebuilds the read models. */
import { verifyLog } from '@tantieme/audit/verify';
import { categoryOf, matchesFilter } from '@tantieme/event-store/event-store';
import type { EventStore } from '@tantieme/event-store/event-store';
import { withWholeEvents } from '@tantieme/event-store/run';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { sha256 } from '@tantieme/event-store/sha256';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { AnyProjection } from '@tantieme/event-sourcing/read-model/projection';
import { openDatabase } from '@tantieme/event-sourcing/read-model/database';
import { migrate } from '@tantieme/event-sourcing/read-model/migrations';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import { PROJECTIONS } from '../projections.js';
import { PUBLICATIONS } from '../publications.js';
import { replayables } from '../replayables.js';
import { appendGoldenEvents, goldenEventsOf } from './golden-log.js';
import type { GoldenLog } from './golden-log.js';
import { recordScript } from './script.js';

/** The time at which the store records every event: it is not hashed, but read models may show it. */
const RECORDED_AT_MS = Date.UTC(2026, 2, 1);

export interface GoldenReplay {
  readonly events: number;
  readonly differences: readonly string[];
}

export function openMemoryStore() {
  return openSqliteEventStore(':memory:', { now: () => RECORDED_AT_MS });
}

/** Runs the script and records what it leaves. */
export async function recordGoldenLog(): Promise<GoldenLog> {
  const store = openMemoryStore();
  try {
    await recordScript(store);
    return {
      events: await goldenEventsOf(store),
      tables: await readModelDigests(store),
      messages: (await messagesOf(store)).map(digestOf),
    };
  } finally {
    await store.close();
  }
}

export async function replayGoldenLog({ events, tables, messages }: GoldenLog): Promise<GoldenReplay> {
  const store = openMemoryStore();
  try {
    const rehashed = await appendGoldenEvents(store, events);
    const { differences } = await verifyLog({ store, replayables: await replayables(store) });
    return {
      events: events.length,
      differences: [
        ...rehashed.map(({ stream, revision }) => `${stream}@${revision}: the hash is another one`),
        ...differences.map(({ stream, revision, reason }) => `${stream}@${revision}: ${reason}`),
        ...(await differentTables(store, tables)),
        ...(await differentMessages(store, messages)),
      ],
    };
  } finally {
    await store.close();
  }
}

async function differentTables(store: EventStore, tables: GoldenLog['tables']): Promise<readonly string[]> {
  try {
    const rebuilt = await readModelDigests(store);
    const names = [...new Set([...Object.keys(tables), ...Object.keys(rebuilt)])].sort();
    return names.filter((name) => tables[name] !== rebuilt[name]).map((name) => `${name}: its rows are others`);
  } catch (error) {
    return [`the read models cannot be rebuilt: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function differentMessages(store: EventStore, messages: GoldenLog['messages']): Promise<readonly string[]> {
  try {
    const made = (await messagesOf(store)).map((message) => ({ ...message, digest: digestOf(message) }));
    const digests = new Set(made.map(({ digest }) => digest));
    const known = new Set(messages);
    const differences = [
      ...made.flatMap(({ digest, topic, key, place }) =>
        known.has(digest) ? [] : [`${topic} ${key} of ${place}: the message has other bytes`],
      ),
      ...messages.flatMap((one) => (digests.has(one) ? [] : [`${one}: the message is not published any more`])),
    ];
    const isSame = made.length === messages.length && made.every(({ digest }, index) => digest === messages[index]);
    return differences.length === 0 && !isSame ? ['the messages come in another order or number'] : differences;
  } catch (error) {
    return [`the messages cannot be made: ${error instanceof Error ? error.message : String(error)}`];
  }
}

export interface PublishedMessage {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  /** The event that publishes it. */
  readonly place: string;
}

/** All messages that the services publish, in the order of the log. */
export async function messagesOf(store: EventStore): Promise<readonly PublishedMessage[]> {
  const messages: PublishedMessage[] = [];
  for (let after = 0n, end = false; !end;) {
    const page = await withWholeEvents(store).readAll({ after, limit: 1_000 });
    for (const stored of page.events)
      for (const { topic, filter, toMessages } of PUBLICATIONS)
        if (matchesFilter(filter, categoryOf(stored.stream), stored.type))
          for (const { key, value } of toMessages(stored))
            messages.push({ topic, key, value, place: `${stored.stream}@${stored.revision}` });
    after = page.through;
    end = page.end;
  }
  return messages;
}

function digestOf({ topic, key, value }: PublishedMessage): string {
  return `${topic}\t${key}\t${sha256(value)}`;
}

/** Fills the read models of all services from the log. @returns a digest of the rows of every table */
export async function readModelDigests(store: EventStore): Promise<Readonly<Record<string, string>>> {
  const db = openDatabase(':memory:');
  try {
    const digests: Record<string, string> = {};
    for (const projection of PROJECTIONS) {
      await fill(db, projection, withWholeEvents(store));
      for (const table of projection.tables) {
        const rows = await db.selectFrom(table).selectAll().execute();
        digests[table] = sha256(rows.map(canonicalJson).sort().join('\n'));
      }
    }
    return digests;
  } finally {
    await db.destroy();
  }
}

async function fill(db: AnyDatabase, projection: AnyProjection, store: EventStore): Promise<void> {
  const { filter, migrations, apply, batchSize = 1_000 } = projection;
  await migrate(db, migrations);
  for (let after = 0n, end = false; !end;) {
    const page = await store.readAll({ after, filter, limit: batchSize });
    await db.transaction().execute((trx) => apply(trx, page.events));
    after = page.through;
    end = page.end;
  }
}
