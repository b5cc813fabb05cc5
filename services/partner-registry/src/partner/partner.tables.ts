/** The read model: partners as they are now. Filled from the log, disposable, rebuilt from it. */
import type { Partner } from '@tantieme/contracts/partner';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { Projection } from '@tantieme/event-sourcing/read-model/projection';
import { isKnownCountry } from './country.service.js';
import { partnerDecider, PARTNER_EVENTS } from './partner.js';
import type { PartnerEvent } from './partner.js';
import { termsOf } from './terms.js';
import * as partners from '../migrations/0001-partners.js';

export interface PartnerRow {
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  readonly country: string;
  /** 0 where ISO 3166-1 does not have the country. */
  readonly country_known: number;
  readonly revision: number;
  /** JSON: the whole partner. */
  readonly document: string;
}

export interface TermRow {
  readonly partner: string;
  /** See `TERM_KINDS`. */
  readonly kind: string;
  readonly value: string;
  readonly from_day: string;
  readonly until_day: string | null;
}

export interface PartnerRegistryTables {
  partner_registry_partners: PartnerRow;
  partner_registry_terms: TermRow;
}

export const readModel: Projection<PartnerRegistryTables> = {
  name: 'partner-registry-read-model',
  filter: { categories: [partnerDecider.category] },
  migrations: { owner: 'partner_registry', files: { '0001-partners': partners } },
  tables: ['partner_registry_partners', 'partner_registry_terms'],
  async apply(trx, events) {
    // Every event holds the whole partner: of several in a page the last one counts.
    const changed = new Map<string, { readonly partner: Partner; readonly revision: number }>();
    for (const stored of events) {
      const { partner } = domainEventOf<PartnerEvent>(stored, PARTNER_EVENTS).data;
      changed.set(partner.id, { partner, revision: stored.revision });
    }
    const rows = [...changed.values()].map(partnerRow);
    for (const chunk of rowChunks(rows))
      await trx
        .insertInto('partner_registry_partners')
        .values(chunk)
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet((set) => ({
            name: set.ref('excluded.name'),
            channel: set.ref('excluded.channel'),
            country: set.ref('excluded.country'),
            country_known: set.ref('excluded.country_known'),
            revision: set.ref('excluded.revision'),
            document: set.ref('excluded.document'),
          })),
        )
        .execute();
    for (const ids of rowChunks([...changed.keys()]))
      await trx.deleteFrom('partner_registry_terms').where('partner', 'in', ids).execute();
    for (const chunk of rowChunks([...changed.values()].flatMap(({ partner }) => termRows(partner))))
      await trx.insertInto('partner_registry_terms').values(chunk).execute();
  },
};

function partnerRow({ partner, revision }: { readonly partner: Partner; readonly revision: number }): PartnerRow {
  const { id, name, channel, country } = partner;
  const country_known = isKnownCountry(country) ? 1 : 0;
  return { id, name, channel, country, country_known, revision, document: JSON.stringify(partner) };
}

function termRows(partner: Partner): readonly TermRow[] {
  return termsOf(partner).map(({ kind, value, from, until }) => ({
    partner: partner.id,
    kind,
    value,
    from_day: from,
    until_day: until ?? null,
  }));
}
