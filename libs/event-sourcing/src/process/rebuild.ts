/** A read model built anew beside the live one, which goes on being read and filled until the copy takes its place. */
import type { EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Kysely, Transaction } from 'kysely';

import { lockCheckpoint, migrateCheckpoints, findCheckpoint, setCheckpoint } from '../read-model/checkpoints.js';
import type { ShadowDatabase } from '../read-model/database.js';
import { BATCH_SIZE } from './log-reader.js';
import { createTables, migrate } from '../read-model/migrations.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import type { Projection } from './projection.js';

export interface RebuildOptions {
  /** The log that the live read model is filled from. */
  readonly store: EventStore;
  readonly db: AnyDatabase;
  /** Opened for this rebuild of the same database, to be closed afterwards. */
  readonly shadow: ShadowDatabase;
  /** Told after every page; what it throws ends the rebuild. */
  readonly onProgress?: (progress: RebuildProgress) => void;
}

export interface RebuildProgress {
  /** Those that the copy was filled from. */
  readonly events: number;
  readonly position: Position;
  /** Where the log ended when that was last asked. */
  readonly head: Position;
}

export interface RebuildResult extends Omit<RebuildProgress, 'head'> {
  /** Of each table now. */
  readonly rows: Readonly<Record<string, number>>;
}

/** The log ends before what the read model was filled from: it is another one. */
export class LogTooShort extends Error {
  readonly code = 'LogTooShort';
  constructor(projection: string, end: Position, filledTo: Position) {
    super(
      `the event store ends at position ${end}, and ${projection} is filled up to ${filledTo}: it was filled from another event store`,
    );
  }
}

/**
 * Fills a copy from the beginning of the log; when it has caught up, its rows and its checkpoint replace the live ones in one
 * transaction. Whoever reads sees the old rows or the new ones, whole. The live filler waits for that transaction, then finds
 * the checkpoint elsewhere and goes on from there. Ended at any moment before, it has changed nothing, and leaves nothing.
 *
 * @throws {LogTooShort} where the live read model knows events that the store does not have.
 */
export async function rebuildProjection<Tables>({
  store,
  db,
  shadow,
  projection,
  onProgress,
}: RebuildOptions & { readonly projection: Projection<Tables> }): Promise<RebuildResult> {
  const { name, filter, migrations, tables, batchSize = BATCH_SIZE } = projection;
  const copy: Kysely<Tables> = shadow.db;
  let events = 0;
  let position: Position = 0n;

  async function catchUp(apply: (events: readonly StoredEvent[]) => Promise<void>): Promise<number> {
    const head = await store.head();
    let pages = 0;
    for (let end = false; !end && position < head; pages += 1) {
      const page = await store.readAll({ after: position, filter, limit: batchSize });
      if (page.events.length > 0) await apply(page.events);
      events += page.events.length;
      position = page.through;
      end = page.end;
      onProgress?.({ events, position, head });
    }
    return pages;
  }

  await migrateCheckpoints(db);
  await migrate(db, migrations);
  const filledTo = (await findCheckpoint(db, name)) ?? 0n;
  const end = await store.head();
  if (end < filledTo) throw new LogTooShort(name, end, filledTo);

  await createTables(copy, migrations);
  // What was appended meanwhile is less each time; the last of it is read while the live filler waits.
  while ((await catchUp((some) => copy.transaction().execute((trx) => projection.apply(trx, some)))) > 1);

  const live = await shadow.attachLive();
  const columns = await columnsOf(db, live);
  const rows: Record<string, number> = {};
  await copy.transaction().execute(async (trx) => {
    const held = await lockCheckpoint(trx, live, name);
    await catchUp((some) => projection.apply(trx, some));
    if (position < held) throw new LogTooShort(name, position, held);
    for (const table of tables) rows[table] = await replace(trx, live, table, columns(table));
    await setCheckpoint(trx, live, name, position);
  });
  return { events, position, rows };
}

/** Columns by table. By name, since tables that an older version made may have them in another order. */
async function columnsOf(db: AnyDatabase, live: string): Promise<(table: string) => readonly string[]> {
  const all = await db.introspection.getTables();
  return (table) => {
    const found = all.find(({ name, schema }) => name === table && (schema === undefined || schema === live));
    if (found === undefined) throw new Error(`the migrations create no table ${table}`);
    return found.columns.map((column) => column.name);
  };
}

/** @returns how many rows there are now */
async function replace<Tables>(
  trx: Transaction<Tables>,
  live: string,
  table: string,
  columns: readonly string[],
): Promise<number> {
  const target = sql.id(live, table);
  const names = sql.join(columns.map((column) => sql.id(column)));
  await sql`delete from ${target}`.execute(trx);
  const inserted = await sql`insert into ${target} (${names}) select ${names} from ${sql.id(table)}`.execute(trx);
  return Number(inserted.numAffectedRows);
}
