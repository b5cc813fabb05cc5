/** Read model of the deals that cannot be credited yet, or are credited to nobody. */
import type { Projection } from '@tantieme/event-sourcing/read-model/projection';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { MIGRATIONS } from '../migrations.js';
import { CREDIT, CREDIT_EVENTS, dealOfStream } from './credit.js';
import type { CreditEvent, DealCredited } from './credit.js';
import type { Touches } from './credit-outcome.js';
import type { PendingDealTables, WaivedRow } from './pending-deals.tables.js';

export const pendingDealsProjection: Projection<PendingDealTables> = {
  name: 'commission-pending-deals',
  filter: { categories: [CREDIT], types: ['DealCredited', 'PendingWaived'] },
  migrations: MIGRATIONS,
  tables: ['commission_pending_deals', 'commission_waived', 'commission_uncredited_deals'],
  async apply(trx, events) {
    // Each credit states all that its deal is missing, so only the last one per page counts.
    const newest = new Map<string, DealCredited>();
    const creditedBefore = new Set<string>();
    const waived: WaivedRow[] = [];
    for (const stored of events) {
      const deal = dealOfStream(stored.stream);
      const event = domainEventOf<CreditEvent>(stored, CREDIT_EVENTS);
      if (event.type === 'PendingWaived') {
        const { reason, by, confirmedBy, waived: these } = event.data;
        for (const { code, subject } of these)
          waived.push({ deal, code, subject, reason, by, confirmed_by: confirmedBy, at: event.occurredAt });
        continue;
      }
      if (event.data.number > 1) creditedBefore.add(deal);
      newest.set(deal, event);
    }
    for (const table of ['commission_pending_deals', 'commission_uncredited_deals'] as const)
      for (const deals of rowChunks([...creditedBefore]))
        await trx.deleteFrom(table).where('deal', 'in', deals).execute();
    const pending = [...newest].flatMap(([deal, { occurredAt: since, data }]) =>
      (data.pending ?? []).map((one) => ({ deal, ...one, since, ...touchesColumns(data.touches) })),
    );
    for (const rows of rowChunks(pending))
      await trx
        .insertInto('commission_pending_deals')
        .values(rows)
        .onConflict((conflict) =>
          conflict
            .columns(['deal', 'code', 'subject'])
            .doUpdateSet((set) => ({ message: set.ref('excluded.message'), since: set.ref('excluded.since') })),
        )
        .execute();
    const uncredited = [...newest].flatMap(([deal, { occurredAt: since, data }]) =>
      (data.uncredited ?? []).map((one) => ({ deal, ...one, since })),
    );
    for (const rows of rowChunks(uncredited))
      await trx
        .insertInto('commission_uncredited_deals')
        .values(rows)
        .onConflict((conflict) => conflict.columns(['deal', 'code', 'subject']).doNothing())
        .execute();
    for (const rows of rowChunks(waived))
      await trx
        .insertInto('commission_waived')
        .values(rows)
        .onConflict((conflict) => conflict.columns(['deal', 'code', 'subject']).doNothing())
        .execute();
  },
};

function touchesColumns(touches: Touches | undefined): {
  readonly touches_from: string;
  readonly touches_calendars: string;
} {
  const { from = '', calendars = [] } = touches ?? {};
  return { touches_from: from, touches_calendars: calendars.length === 0 ? '' : `|${calendars.join('|')}|` };
}
