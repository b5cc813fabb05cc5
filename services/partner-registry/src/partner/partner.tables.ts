/** What is listed: partners as they are now. Filled from the log; may be deleted and is built anew. */
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { Projection } from '@tantieme/event-sourcing/process/projection';
import { partnerDecider } from './partner.js';
import type { PartnerEvent } from './partner.js';
import * as partners from '../migrations/0001-partners.js';

export interface PartnerRow {
  readonly id: string;
  readonly channel: string;
  readonly country: string;
  readonly revision: number;
  /** JSON: the whole partner. */
  readonly document: string;
}

export interface PartnerRegistryTables {
  partner_registry_partners: PartnerRow;
}

export const readModel: Projection<PartnerRegistryTables> = {
  name: 'partner-registry-read-model',
  filter: { categories: [partnerDecider.category] },
  migrations: { owner: 'partner_registry', files: { '0001-partners': partners } },
  tables: ['partner_registry_partners'],
  async apply(trx, events) {
    // The whole partner is in every event: of several in a page the last one says it all.
    const rows = new Map<string, PartnerRow>();
    for (const stored of events) {
      const { partner } = domainEventOf<PartnerEvent>(stored, partnerDecider).data;
      const { id, channel, country } = partner;
      rows.set(id, { id, channel, country, revision: stored.revision, document: JSON.stringify(partner) });
    }
    for (const some of rowChunks([...rows.values()]))
      await trx
        .insertInto('partner_registry_partners')
        .values(some)
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet((set) => ({
            channel: set.ref('excluded.channel'),
            country: set.ref('excluded.country'),
            revision: set.ref('excluded.revision'),
            document: set.ref('excluded.document'),
          })),
        )
        .execute();
  },
};
