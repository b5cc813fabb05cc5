/** The read model of this service: deals, refusals and imports. Filled from the log, disposable, rebuilt from it. */
import type { Projection } from '@tantieme/event-sourcing/read-model/projection';
import { categoryOf } from '@tantieme/event-store/event-store';
import { dealDecider } from './deal/deal.js';
import { applyDeals } from './deal/deal.tables.js';
import type { DealTables } from './deal/deal.tables.js';
import { importDecider } from './import/import.js';
import { applyImports } from './import/import.tables.js';
import type { ImportTables } from './import/import.tables.js';
import { MIGRATIONS } from './migrations.js';
import { refusalDecider } from './refusal/refusal.js';
import { applyRefusals } from './refusal/refusal.tables.js';

export const readModel: Projection<DealTables & ImportTables> = {
  name: 'deal-ingestion-read-model',
  filter: { categories: [dealDecider.category, refusalDecider.category, importDecider.category] },
  migrations: MIGRATIONS,
  tables: [
    'deal_ingestion_deals',
    'deal_ingestion_deal_partners',
    'deal_ingestion_refusals',
    'deal_ingestion_refusal_parts',
    'deal_ingestion_imports',
    'deal_ingestion_import_refusals',
  ],
  async apply(trx, events) {
    const of = (category: string) => events.filter(({ stream }) => categoryOf(stream) === category);
    await applyDeals(trx, of(dealDecider.category));
    await applyRefusals(trx, of(refusalDecider.category));
    await applyImports(trx, of(importDecider.category));
  },
};
