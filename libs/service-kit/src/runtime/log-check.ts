import { viewCheckpoint } from '@tantieme/event-sourcing/process/publication';
import { listCheckpoints } from '@tantieme/event-sourcing/read-model/checkpoints';
import { isDatabaseUnavailable } from '@tantieme/event-sourcing/read-model/database-unavailable';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import { EventStoreUnavailable } from '@tantieme/event-store/event-store';
import type { EventStore } from '@tantieme/event-store/event-store';
import { requireSameLog } from '@tantieme/event-store/same-log';
import { viewPositions } from '@tantieme/messaging/embedded/stored-topics';
import type { Timers } from '@tantieme/time/timers';

import { brokerFile } from './broker.js';
import type { BrokerConfig } from './broker.js';

/** How long a start waits for the servers. */
const WAIT_MS_MAX = 2_000;

/**
 * Compares the log with the checkpoints of the read models and processes, and with the places of the groups of the
 * embedded broker, before anything runs. While a server cannot be
 * reached the start goes on: each process compares its own checkpoint again before it reads.
 * @throws {LogMismatch}
 */
export async function checkLog(
  store: EventStore,
  db: AnyDatabase,
  timers: Timers,
  config: BrokerConfig,
): Promise<void> {
  const views = config.kafka === undefined ? viewPositions(brokerFile(config)) : [];
  const groups = views.map(({ group, topic, next, mark }) => viewCheckpoint(`${group} (${topic})`, next, mark));
  const checked = listCheckpoints(db)
    .then((checkpoints) => requireSameLog(store, [...checkpoints, ...groups]))
    .catch((error: unknown) => {
      if (!(error instanceof EventStoreUnavailable) && !isDatabaseUnavailable(error)) throw error;
    });
  const done = new AbortController();
  const late = timers.wait(WAIT_MS_MAX, done.signal);
  // A failure after that is reported by the processes.
  checked.catch(() => undefined);
  await Promise.race([checked, late]).finally(() => done.abort());
}
