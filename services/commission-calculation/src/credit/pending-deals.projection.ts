/** Deals that wait for a fact to be credited: what is listed of them. Filled from the log; may be deleted and is built anew. */
import type { Projection } from '@tantieme/event-sourcing/process/projection';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { Kysely } from 'kysely';
import { CREDIT, dealOfStream } from './credit.js';
import type { DealCredited } from './credit.js';
import { MIGRATIONS } from '../migrations.js';
import type { LackingTables, WaitingRow, WaitingTables } from './pending-deals.tables.js';

/** All that wait, also for a quota. */
export function allWaiting(db: Kysely<WaitingTables & LackingTables>) {
  const credits = db.selectFrom('commission_waiting').select(COLUMNS);
  const quotas = db.selectFrom('commission_lacking').select(COLUMNS);
  return db.selectFrom(credits.unionAll(quotas).as('waiting'));
}

const COLUMNS = ['deal', 'code', 'subject', 'message', 'since'] as const;

export const waitingProjection: Projection<WaitingTables> = {
  name: 'commission-waiting',
  filter: { categories: [CREDIT], types: ['DealCredited'] },
  migrations: MIGRATIONS,
  tables: ['commission_waiting'],
  async apply(trx, events) {
    // What a deal waits for is said whole: of several credits in the page the last one counts.
    const waiting = new Map<string, readonly WaitingRow[]>();
    const again = new Set<string>();
    for (const stored of events) {
      const deal = dealOfStream(stored.stream);
      const { occurredAt, data } = domainEventOf<DealCredited>(stored, {});
      if (data.number > 1) again.add(deal);
      waiting.set(
        deal,
        data.waiting.map((one) => ({ deal, ...one, since: occurredAt })),
      );
    }
    for (const some of rowChunks([...again]))
      await trx.deleteFrom('commission_waiting').where('deal', 'in', some).execute();
    for (const some of rowChunks([...waiting.values()].flat()))
      await trx
        .insertInto('commission_waiting')
        .values(some)
        .onConflict((conflict) =>
          conflict
            .columns(['deal', 'code', 'subject'])
            .doUpdateSet((set) => ({ message: set.ref('excluded.message'), since: set.ref('excluded.since') })),
        )
        .execute();
  },
};
