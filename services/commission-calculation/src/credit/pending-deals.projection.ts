/** Read model of the deals that cannot be credited yet. */
import type { Projection } from '@tantieme/event-sourcing/read-model/projection';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { MIGRATIONS } from '../migrations.js';
import { CREDIT, dealOfStream, CREDIT_EVENTS } from './credit.js';
import type { DealCredited } from './credit.js';
import type { PendingDealRow, PendingDealTables } from './pending-deals.tables.js';

export const pendingDealsProjection: Projection<PendingDealTables> = {
  name: 'commission-pending-deals',
  filter: { categories: [CREDIT], types: ['DealCredited'] },
  migrations: MIGRATIONS,
  tables: ['commission_pending_deals'],
  async apply(trx, events) {
    // Each credit states all that its deal is missing, so only the last one per page counts.
    const pending = new Map<string, readonly PendingDealRow[]>();
    const creditedBefore = new Set<string>();
    for (const stored of events) {
      const deal = dealOfStream(stored.stream);
      const { occurredAt, data } = domainEventOf<DealCredited>(stored, CREDIT_EVENTS);
      if (data.number > 1) creditedBefore.add(deal);
      pending.set(
        deal,
        data.pending.map((one) => ({ deal, ...one, since: occurredAt })),
      );
    }
    for (const deals of rowChunks([...creditedBefore]))
      await trx.deleteFrom('commission_pending_deals').where('deal', 'in', deals).execute();
    for (const rows of rowChunks([...pending.values()].flat()))
      await trx
        .insertInto('commission_pending_deals')
        .values(rows)
        .onConflict((conflict) =>
          conflict
            .columns(['deal', 'code', 'subject'])
            .doUpdateSet((set) => ({ message: set.ref('excluded.message'), since: set.ref('excluded.since') })),
        )
        .execute();
  },
};
