import type { Migrations } from '@tantieme/event-sourcing/read-model/migrations';
import * as ledger from './migrations/0001-ledger.js';
import * as references from './migrations/0002-references.js';
import * as pendingDeals from './migrations/0003-pending-deals.js';
import * as dealDependencies from './migrations/0004-deal-dependencies.js';
import * as missingQuotas from './migrations/0005-missing-quotas.js';
import * as closings from './migrations/0006-closings.js';
import * as books from './migrations/0007-books.js';

export const MIGRATIONS: Migrations = {
  owner: 'commission',
  files: {
    '0001-ledger': ledger,
    '0002-references': references,
    '0003-pending-deals': pendingDeals,
    '0004-deal-dependencies': dealDependencies,
    '0005-missing-quotas': missingQuotas,
    '0006-closings': closings,
    '0007-books': books,
  },
};
