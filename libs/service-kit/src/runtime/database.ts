/** Opens the configured database of the read models. */
import { join } from 'node:path';

import { Logger } from '@nestjs/common';
import { PAGE_CACHE_BYTES_MAX } from '@tantieme/event-sourcing/limits';
import { openShadowDatabase, openDatabase } from '@tantieme/event-sourcing/read-model/database';
import type { AnyTables, ShadowDatabase } from '@tantieme/event-sourcing/read-model/database';
import type { Kysely } from 'kysely';

import { EMBEDDED } from './config.js';
import type { RuntimeConfig } from './config.js';
import { makeDataDirectory } from './data-directory.js';
import { pageCacheBytesOf } from './memory.js';

export type DatabaseConfig = Pick<RuntimeConfig, 'dataDirectory' | 'database' | 'memoryMb'>;

/** Does not wait for a server: the first query shows whether it can be reached. */
export async function openReadDatabase({
  dataDirectory,
  database,
  memoryMb,
}: DatabaseConfig): Promise<Kysely<AnyTables>> {
  if (database === EMBEDDED)
    return openDatabase(join(makeDataDirectory(dataDirectory), 'read.sqlite'), {
      pageCacheBytes: pageCacheBytesOf(memoryMb, PAGE_CACHE_BYTES_MAX),
    });
  // Loaded only where it is used.
  const { openPostgresDatabase } = await import('@tantieme/event-sourcing/read-model/postgres-database');
  const logger = new Logger('PostgreSQL');
  return openPostgresDatabase(database, (error) => logger.warn(`a connection broke: ${error.message}`));
}

/** Opens the tables that a rebuild fills, beside those of the read models. */
export async function openShadowReadDatabase({ dataDirectory, database }: DatabaseConfig): Promise<ShadowDatabase> {
  if (database === EMBEDDED) return openShadowDatabase(join(dataDirectory, 'read.sqlite'));
  const { openPostgresShadowDatabase } = await import('@tantieme/event-sourcing/read-model/postgres-database');
  return openPostgresShadowDatabase(database);
}
