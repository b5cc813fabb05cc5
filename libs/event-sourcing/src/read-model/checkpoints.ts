/** Checkpoints: how far a process has worked through the log, stored in the database of its effects. */
import type { EventStore, Page, Position } from '@tantieme/event-store/event-store';
import type { ReaderCheckpoint } from '@tantieme/event-store/same-log';
import { sql } from 'kysely';
import type { QueryExecutorProvider, RawBuilder } from 'kysely';

import { migrate } from './migrations.js';
import type { AnyDatabase } from './migrations.js';

/**
 * A checkpoint is not where its process left it: another process uses the same one, or it was reset for a rebuild. Roll
 * the transaction back and resume from the stored position.
 */
export class CheckpointMoved extends Error {
  readonly code = 'CheckpointMoved';
  constructor(
    readonly checkpoint: string,
    readonly expected: Position,
  ) {
    super(`the checkpoint ${checkpoint} is not at position ${expected}: another process has moved it`);
  }
}

/** Creates the table `checkpoints(name, position, hash_position, hash)` if it does not exist. */
export async function migrateCheckpoints(db: AnyDatabase): Promise<void> {
  const files = { '0001-checkpoints': { up: createCheckpoints }, '0002-hash': { up: addHash } };
  await migrate(db, { owner: 'checkpoints', files });
}

/** Positions are decimal text, so that those of every event store fit. */
async function createCheckpoints(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('checkpoints')
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.notNull().primaryKey())
    .addColumn('position', 'text', (column) => column.notNull())
    .execute();
}

/** The newest event at or before the position whose hash was known when the checkpoint was saved. */
async function addHash(db: AnyDatabase): Promise<void> {
  for (const column of ['hash_position', 'hash'])
    await db.schema.alterTable('checkpoints').addColumn(column, 'text').execute();
}

/** All checkpoints of a database, or one, to be compared with the log. */
export async function listCheckpoints(db: AnyDatabase, name?: string): Promise<readonly ReaderCheckpoint[]> {
  await migrateCheckpoints(db);
  const only = name === undefined ? sql`` : sql`where name = ${name}`;
  const { rows } = await sql<CheckpointRow>`select * from checkpoints ${only} order by name`.execute(db);
  return rows.map(checkpointOf);
}

interface CheckpointRow {
  readonly name: string;
  readonly position: string;
  readonly hash_position: string | null;
  readonly hash: string | null;
}

function checkpointOf({ name, position, hash_position, hash }: CheckpointRow): ReaderCheckpoint {
  const event = hash === null || hash_position === null ? {} : { event: { position: BigInt(hash_position), hash } };
  return { name, position: BigInt(position), ...event };
}

/** What a checkpoint after a page records of the log; undefined where no event is at the end of the page. */
export async function hashAfter(
  store: EventStore,
  { events, through }: Pick<Page, 'events' | 'through'>,
): Promise<string | undefined> {
  const last = events.at(-1);
  return last?.position === through ? last.hash : store.hashAt(through);
}

/** The stored position, whichever process moves it; undefined for an unknown name. */
export async function findCheckpoint(db: QueryExecutorProvider, name: string): Promise<Position | undefined> {
  const { rows } = await sql<{ position: string }>`select position from checkpoints where name = ${name}`.execute(db);
  return rows[0] === undefined ? undefined : BigInt(rows[0].position);
}

/** The stored position. Creates the checkpoint at 0n, the beginning of the log, if it does not exist. */
export async function readCheckpoint(db: QueryExecutorProvider, name: string): Promise<Position> {
  const saved = await findCheckpoint(db, name);
  if (saved !== undefined) return saved;
  await sql`insert into checkpoints (name, position) values (${name}, '0') on conflict (name) do nothing`.execute(db);
  return 0n;
}

/**
 * Compare-and-set in the transaction of the effect: of two processes that move a checkpoint from the same position, one
 * succeeds.
 * @param hash of the event at `to`: a start compares it with the log. Undefined where no event is there.
 * @throws {CheckpointMoved} if it is not at `from`.
 */
export async function advanceCheckpoint(
  trx: QueryExecutorProvider,
  name: string,
  from: Position,
  to: Position,
  hash?: string,
): Promise<void> {
  const { numAffectedRows } =
    await sql`update checkpoints set ${moved(to, hash)} where name = ${name} and position = ${String(from)}`.execute(
      trx,
    );
  if (numAffectedRows !== 1n) throw new CheckpointMoved(name, from);
}

/**
 * Locks a checkpoint of the tables in `schema` until the transaction ends. Other processes that advance it wait, and
 * then fail if it was moved meanwhile. @returns its position.
 */
export async function lockCheckpoint(trx: QueryExecutorProvider, schema: string, name: string): Promise<Position> {
  const { rows } = await sql<{ position: string }>`
    insert into ${sql.id(schema, 'checkpoints')} (name, position) values (${name}, '0')
    on conflict (name) do update set position = checkpoints.position returning position`.execute(trx);
  return BigInt(rows[0]?.position ?? 0);
}

/** Moves a checkpoint that the transaction has locked. */
export async function setCheckpoint(
  trx: QueryExecutorProvider,
  schema: string,
  name: string,
  to: Position,
  hash?: string,
): Promise<void> {
  await sql`update ${sql.id(schema, 'checkpoints')} set ${moved(to, hash)} where name = ${name}`.execute(trx);
}

/** Without a hash the previous one stays, which also is of an event before the position. */
function moved(to: Position, hash: string | undefined): RawBuilder<unknown> {
  if (hash === undefined) return sql`position = ${String(to)}`;
  return sql`position = ${String(to)}, hash_position = ${String(to)}, hash = ${hash}`;
}

/** Deletes a checkpoint, so that its process starts at the beginning of the log again. */
export async function resetCheckpoint(trx: QueryExecutorProvider, name: string): Promise<void> {
  await sql`delete from checkpoints where name = ${name}`.execute(trx);
}
