import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Migration, MigratorProps } from 'kysely/migration';

/** A database with any tables. */
export type AnyDatabase = MigratorProps['db'];

/** The migrations of one owner: files that never change, applied in the order of their names. */
export interface Migrations {
  /** Its name in SQL, such as `payouts`: several services share a database. */
  readonly owner: string;
  readonly files: Readonly<Record<string, Migration>>;
}

/** Creates the tables in an empty database, without recording which migrations were applied. */
export async function createTables(db: AnyDatabase, { files }: Migrations): Promise<void> {
  for (const name of Object.keys(files).sort()) await files[name]?.up(db);
}

/**
 * Applies missing migrations in one transaction. Cheap enough for every start, and safe for several processes at once.
 * @throws the error of a migration that fails; nothing is changed then.
 */
export async function migrate(db: AnyDatabase, { owner, files }: Migrations): Promise<void> {
  if (await areApplied(db, `${owner}_migrations`, Object.keys(files))) return;
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...files }) },
    migrationTableName: `${owner}_migrations`,
    migrationLockTableName: `${owner}_migrations_lock`,
  });
  const { error } = await migrator.migrateToLatest();
  if (Error.isError(error)) throw error;
  if (error !== undefined) throw new Error(`the migrations of ${owner} failed`, { cause: error });
}

/** What nearly every start finds. `Migrator` reads the whole schema of the database several times to see the same. */
async function areApplied(db: AnyDatabase, table: string, names: readonly string[]): Promise<boolean> {
  try {
    const { rows } = await sql<{ readonly name: string }>`select name from ${sql.table(table)}`.execute(db);
    const applied = new Set(rows.map(({ name }) => name));
    return applied.size === names.length && names.every((name) => applied.has(name));
  } catch {
    // There is no such table before the first start. Whatever else is wrong, the migration finds out.
    return false;
  }
}

/**
 * Empties every table of every owner that has migrated this database: read models, checkpoints, stored answers. They are
 * filled again from the beginning of the log. In one transaction, so that running processes find their checkpoints moved.
 * @returns the names of the tables.
 */
export async function emptyAllTables(db: AnyDatabase): Promise<readonly string[]> {
  const all = (await db.introspection.getTables()).filter(({ isView }) => !isView);
  // Only PostgreSQL has schemas.
  const current = all[0]?.schema === undefined ? undefined : await currentSchema(db);
  const names = all.filter(({ schema }) => schema === undefined || schema === current).map(({ name }) => name);
  const owners = names.flatMap((name) => /^(.*)_migrations$/.exec(name)?.[1] ?? []);
  const owned = names.filter(
    (name) =>
      !/_migrations(_lock)?$/.test(name) && owners.some((owner) => name === owner || name.startsWith(`${owner}_`)),
  );
  await db.transaction().execute(async (trx) => {
    for (const name of owned) await sql`delete from ${sql.table(name)}`.execute(trx);
  });
  return owned;
}

async function currentSchema(db: AnyDatabase): Promise<string | undefined> {
  const { rows } = await sql<{ name: string }>`select current_schema() as name`.execute(db);
  return rows[0]?.name;
}
