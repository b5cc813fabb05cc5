/** Rebuilds a read model in a shadow copy, while the live one stays readable and filled until the swap (ADR 13). */
import type { EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Kysely, Transaction } from 'kysely';

import { lockCheckpoint, migrateCheckpoints, findCheckpoint, setCheckpoint } from '../read-model/checkpoints.js';
import type { ShadowDatabase } from '../read-model/database.js';
import { createTables, migrate } from '../read-model/migrations.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import { BATCH_MAX } from '../limits.js';
import type { Projection } from '../read-model/projection.js';

export interface RebuildOptions {
  /** The log from which the live read model is filled. */
  readonly store: EventStore;
  readonly db: AnyDatabase;
  /** A shadow of the same database, opened for this rebuild; the caller closes it afterwards. */
  readonly shadow: ShadowDatabase;
  /** Called after every page; an error that it throws ends the rebuild. */
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined;
}

export interface RebuildProgress {
  /** Number of events applied to the copy. */
  readonly events: number;
  readonly position: Position;
  /** Head of the log when it was last read. */
  readonly head: Position;
}

export interface RebuildResult extends Omit<RebuildProgress, 'head'> {
  /** Rows per table after the rebuild. */
  readonly rows: Readonly<Record<string, number>>;
}

/** The log ends before the position up to which the read model is filled, so it is not the same log. */
export class LogTooShort extends Error {
  readonly code = 'LogTooShort';
  constructor(projection: string, end: Position, filledTo: Position) {
    super(
      `the event store ends at position ${end}, but ${projection} is filled up to ${filledTo}: it was filled from another event store`,
    );
  }
}

/**
 * Fills a copy from the beginning of the log. Once it has caught up, its rows and its checkpoint replace the live ones
 * in one transaction: readers see either all old rows or all new ones. The live projection waits for that transaction,
 * then finds its checkpoint moved and resumes from there. A rebuild that ends earlier changes nothing and leaves
 * nothing behind.
 *
 * @throws {LogTooShort} if the live read model contains events that the store does not have.
 */
export async function rebuildProjection<Tables>({
  store,
  db,
  shadow,
  projection,
  onProgress,
}: RebuildOptions & { readonly projection: Projection<Tables> }): Promise<RebuildResult> {
  const { name, filter, migrations, tables, batchSize = BATCH_MAX } = projection;
  const copy = shadow.db as Kysely<Tables>;
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
  // Each round has less to catch up; the last events are applied while the live projection waits.
  while ((await catchUp((some) => copy.transaction().execute((trx) => projection.apply(trx, some)))) > 1);

  const live = await shadow.attachLive();
  const columns = await columnsOf(db, live);
  const rows: Record<string, number> = {};
  await copy.transaction().execute(async (trx) => {
    const livePosition = await lockCheckpoint(trx, live, name);
    await catchUp((some) => projection.apply(trx, some));
    if (position < livePosition) throw new LogTooShort(name, position, livePosition);
    for (const table of tables) rows[table] = await replaceRows(trx, live, table, columns(table));
    await setCheckpoint(trx, live, name, position, await store.hashAt(position));
  });
  return { events, position, rows };
}

/** The columns of a table. Needed by name, as a table created by an older version may order them differently. */
async function columnsOf(db: AnyDatabase, live: string): Promise<(table: string) => readonly string[]> {
  const all = await db.introspection.getTables();
  return (table) => {
    const found = all.find(({ name, schema }) => name === table && (schema === undefined || schema === live));
    if (found === undefined)
      throw new Error(`the projection lists the table ${table}, but its migrations do not create it`);
    return found.columns.map((column) => column.name);
  };
}

/** @returns the number of rows after the replacement. */
async function replaceRows<Tables>(
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
