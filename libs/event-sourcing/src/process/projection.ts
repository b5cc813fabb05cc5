import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Kysely } from 'kysely';

import { migrate } from '../read-model/migrations.js';
import type { Projection } from '../read-model/projection.js';
import { logSource } from './log-source.js';
import type { Process } from './process.js';

/** Fills a read model from the log. Each event takes effect exactly once: effect and checkpoint are one transaction. */
export function projectionProcess<Tables>(db: Kysely<Tables>, projection: Projection<Tables>): Process<StoredEvent> {
  const { name, filter, batchSize, migrations, apply } = projection;
  return {
    name,
    replicas: 'one-replica',
    source: logSource(filter, batchSize),
    prepare: () => migrate(db, migrations),
    step: (events, context) =>
      db.transaction().execute(async (trx) => {
        // First, so that another process that fills the same tables waits for the row lock, and then fails.
        await context.saveIn(trx);
        await apply(trx, events);
      }),
  };
}
