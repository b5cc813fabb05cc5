import type { Position } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { QueryExecutorProvider } from 'kysely';

import { migrate } from './migrations.js';
import type { AnyDatabase } from './migrations.js';
import * as checkpoints from './migrations/0001-checkpoints.js';

/**
 * A checkpoint that is not where its keeper left it: another process keeps the same one, or it was forgotten to build
 * anew. The transaction is to be rolled back, and the work goes on from where the checkpoint is.
 */
export class CheckpointMoved extends Error {
  readonly code = 'CheckpointMoved';
  constructor(
    readonly checkpoint: string,
    readonly expected: Position,
  ) {
    super(`the checkpoint of ${checkpoint} is not at ${expected}: somebody else moves it`);
  }
}

/** Creates the table `checkpoints(name, position)`, where it is not there. */
export async function migrateCheckpoints(db: AnyDatabase): Promise<void> {
  await migrate(db, { owner: 'checkpoints', files: { '0001-checkpoints': checkpoints } });
}

/** How far the work of a checkpoint has come, wherever it runs; undefined for a name that nobody has used. */
export async function findCheckpoint(db: QueryExecutorProvider, name: string): Promise<Position | undefined> {
  const { rows } = await sql<{ position: string }>`select position from checkpoints where name = ${name}`.execute(db);
  return rows[0] === undefined ? undefined : BigInt(rows[0].position);
}

/** The saved position; 0n (the beginning of the log) for a new name. The row is there afterwards. */
export async function readCheckpoint(db: QueryExecutorProvider, name: string): Promise<Position> {
  const saved = await findCheckpoint(db, name);
  if (saved !== undefined) return saved;
  await sql`insert into checkpoints (name, position) values (${name}, '0') on conflict (name) do nothing`.execute(db);
  return 0n;
}

/**
 * Compare-and-set, in the transaction of the effect: of two that move the same checkpoint from the same place, one wins.
 * @throws {CheckpointMoved} where it is not at `from`.
 */
export async function advanceCheckpoint(trx: QueryExecutorProvider, name: string, from: Position, to: Position): Promise<void> {
  const { numAffectedRows } =
    await sql`update checkpoints set position = ${String(to)} where name = ${name} and position = ${String(from)}`.execute(
      trx,
    );
  if (numAffectedRows !== 1n) throw new CheckpointMoved(name, from);
}

/**
 * Keeps a checkpoint of the tables in `schema` where it is until the transaction ends: whoever moves it waits, and then fails
 * if it was set elsewhere.
 */
export async function lockCheckpoint(trx: QueryExecutorProvider, schema: string, name: string): Promise<Position> {
  const { rows } = await sql<{ position: string }>`
    insert into ${sql.id(schema, 'checkpoints')} (name, position) values (${name}, '0')
    on conflict (name) do update set position = checkpoints.position returning position`.execute(trx);
  return BigInt(rows[0]?.position ?? 0);
}

/** For who holds it. */
export async function setCheckpoint(
  trx: QueryExecutorProvider,
  schema: string,
  name: string,
  to: Position,
): Promise<void> {
  await sql`update ${sql.id(schema, 'checkpoints')} set position = ${String(to)} where name = ${name}`.execute(trx);
}

/** Makes the next start begin at the beginning of the log: together with deleting the tables, a rebuild. */
export async function resetCheckpoint(trx: QueryExecutorProvider, name: string): Promise<void> {
  await sql`delete from checkpoints where name = ${name}`.execute(trx);
}
