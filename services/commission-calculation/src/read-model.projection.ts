/**
 * Read model of this service: earnings, missing quotas, periods and reference facts. One projection, so that a closing
 * waits for one.
 */
import type { Projection } from '@tantieme/event-sourcing/read-model/projection';
import { categoryOf } from '@tantieme/event-store/event-store';
import { CALENDAR } from './calendar/calendar.js';
import { EARNING } from './earning/earning-stream.js';
import { BOOK_TABLES, writeBooks } from './earning/book-index.tables.js';
import type { BookTables } from './earning/book-index.tables.js';
import { EARNING_TABLES, writeEarnings, WrittenStreams } from './earning/earning.tables.js';
import type { EarningTables } from './earning/earning.tables.js';
import { writeMissingQuotas } from './earning/missing-quotas.tables.js';
import type { MissingQuotaTables } from './earning/missing-quotas.tables.js';
import { MIGRATIONS } from './migrations.js';
import { PERIOD_TABLES, writePeriods } from './period/period.tables.js';
import type { PeriodTables } from './period/period.tables.js';
import { REFERENCE } from './reference/stream/reference-keys.js';
import { REFERENCE_TABLES, writeReferences } from './reference/stream/reference.tables.js';
import type { ReferenceTables } from './reference/stream/reference.tables.js';
import { READ_MODEL } from './service-identity.js';

export type ReadModelTables = BookTables & EarningTables & MissingQuotaTables & PeriodTables & ReferenceTables;

export function createReadModel(): Projection<ReadModelTables> {
  const written = new WrittenStreams();
  return {
    name: READ_MODEL,
    filter: { categories: [EARNING, CALENDAR, REFERENCE] },
    migrations: MIGRATIONS,
    tables: [...BOOK_TABLES, ...EARNING_TABLES, ...PERIOD_TABLES, ...REFERENCE_TABLES, 'commission_missing_quotas'],
    async apply(trx, events) {
      const of = (category: string) => events.filter(({ stream }) => categoryOf(stream) === category);
      const earnings = of(EARNING);
      await writeEarnings(trx, earnings, written);
      await writeBooks(trx, earnings);
      await writePeriods(trx, of(CALENDAR));
      await writeReferences(trx, of(REFERENCE));
      await writeMissingQuotas(trx, earnings);
    },
  };
}
