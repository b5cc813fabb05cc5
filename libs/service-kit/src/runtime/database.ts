/** The read models' database that the configuration names. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { Logger } from '@nestjs/common';
import { openShadowDatabase, openDatabase } from '@tantieme/event-sourcing/read-model/database';
import type { AnyTables, ShadowDatabase } from '@tantieme/event-sourcing/read-model/database';
import type { Kysely } from 'kysely';

import { EMBEDDED } from './config.js';
import type { RuntimeConfig } from './config.js';
import { LeaderElection } from '../background/leader-election.js';

export type DatabaseConfig = Pick<RuntimeConfig, 'dataDirectory' | 'database'>;

/** Opens without waiting for a server: whether it can be reached is seen with the first query. */
export async function openReadDatabase({ dataDirectory, database }: DatabaseConfig): Promise<Kysely<AnyTables>> {
  if (database === EMBEDDED) {
    // The read models are nobody else's business, as the log is.
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    return openDatabase(join(dataDirectory, 'read.sqlite'));
  }
  // Only who uses PostgreSQL loads its client.
  const { openPostgresDatabase } = await import('@tantieme/event-sourcing/read-model/postgres-database');
  const logger = new Logger('PostgreSQL');
  return openPostgresDatabase(database, (error) => logger.warn(`a connection broke off: ${error.message}`));
}

/** A place beside the read models' tables, for a rebuild. */
export async function openReadDatabaseBeside({ dataDirectory, database }: DatabaseConfig): Promise<ShadowDatabase> {
  if (database === EMBEDDED) return openShadowDatabase(join(dataDirectory, 'read.sqlite'));
  const { openPostgresShadowDatabase } = await import('@tantieme/event-sourcing/read-model/postgres-database');
  return openPostgresShadowDatabase(database);
}

/** How replicas that share the database take turns; null for the embedded one, which is never shared. */
export async function openLeaderElection(
  { database }: DatabaseConfig,
  db: Kysely<AnyTables>,
): Promise<LeaderElection | null> {
  if (database === EMBEDDED) return null;
  const { PostgresLocks } = await import('@tantieme/event-sourcing/process/postgres-locks');
  return new LeaderElection(new PostgresLocks(database), db);
}
