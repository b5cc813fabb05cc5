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
