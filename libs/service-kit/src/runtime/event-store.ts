/** Opens the configured event store. */
import { join } from 'node:path';

import { PAGE_CACHE_BYTES_MAX } from '@tantieme/event-store/limits';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { ConfigError, EMBEDDED, VARIABLES } from './config.js';
import type { RuntimeConfig } from './config.js';
import { makeDataDirectory } from './data-directory.js';
import { pageCacheBytesOf } from './memory.js';

export type EventStoreConfig = Pick<RuntimeConfig, 'dataDirectory' | 'eventStore' | 'eventStoreNamespace' | 'memoryMb'>;

/**
 * Does not wait for a server: the first call shows whether it can be reached.
 * @throws {ConfigError} for an invalid connection string.
 */
export async function openEventStore(config: EventStoreConfig): Promise<EventStore> {
  if (config.eventStore === EMBEDDED)
    return openSqliteEventStore(join(makeDataDirectory(config.dataDirectory), 'events.sqlite'), {
      pageCacheBytes: pageCacheBytesOf(config.memoryMb, PAGE_CACHE_BYTES_MAX),
    });
  // Loaded only where it is used: loading the client takes a good part of a start.
  const { openEsdbEventStore } = await import('@tantieme/event-store/esdb/event-store');
  try {
    return openEsdbEventStore(config.eventStore, { namespace: config.eventStoreNamespace });
  } catch (error) {
    if (error instanceof TypeError) throw new ConfigError(VARIABLES.eventStore, error.message);
    throw error;
  }
}
