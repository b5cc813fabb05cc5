/** The event store that the configuration names. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { ConfigError, EMBEDDED, VARIABLES } from './config.js';
import type { RuntimeConfig } from './config.js';

export type EventStoreConfig = Pick<RuntimeConfig, 'dataDirectory' | 'eventStore' | 'eventStoreNamespace'>;

/**
 * Opens without waiting for a server: whether it can be reached is seen with the first call.
 * @throws {ConfigError} for a connection string that cannot be used.
 */
export async function openEventStore(config: EventStoreConfig): Promise<EventStore> {
  if (config.eventStore === EMBEDDED) {
    // The log is nobody else's business.
    mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 });
    return openSqliteEventStore(join(config.dataDirectory, 'events.sqlite'));
  }
  // Loaded only where it is needed: its client takes a good part of a start.
  const { openEsdbEventStore } = await import('@tantieme/event-store/esdb/event-store');
  try {
    return openEsdbEventStore(config.eventStore, { namespace: config.eventStoreNamespace });
  } catch (error) {
    if (error instanceof TypeError) throw new ConfigError(VARIABLES.eventStore, error.message);
    throw error;
  }
}
