/** The tables of this service, in the order in which they were added. */
import type { Migrations } from '@tantieme/event-sourcing/read-model/migrations';
import * as dealsAndRefusals from './migrations/0001-deals-and-refusals.js';
import * as imports from './migrations/0002-imports.js';

export const MIGRATIONS: Migrations = {
  owner: 'deal_ingestion',
  files: { '0001-deals-and-refusals': dealsAndRefusals, '0002-imports': imports },
};
