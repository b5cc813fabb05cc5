import { Migrator } from 'kysely/migration';
import type { Migration, MigratorProps } from 'kysely/migration';

/** A database of whatever tables. */
export type AnyDatabase = MigratorProps['db'];

/** How the tables of one owner came about: files that are only added to, applied in the order of their names. */
export interface Migrations {
  /** Its name in SQL, `payouts`: several services share a database. */
  readonly owner: string;
  readonly files: Readonly<Record<string, Migration>>;
}

/** Creates the tables in a place that has none, and that nobody will apply later files to. */
export async function createTables(db: AnyDatabase, { files }: Migrations): Promise<void> {
  for (const name of Object.keys(files).sort()) await files[name]?.up(db);
}

/**
 * Applies what is missing, in one transaction; several processes may do so at once. Safe and cheap at every start.
 * @throws what a migration fails with; nothing is changed then.
 */
export async function migrate(db: AnyDatabase, { owner, files }: Migrations): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...files }) },
    migrationTableName: `${owner}_migrations`,
    migrationLockTableName: `${owner}_migrations_lock`,
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
