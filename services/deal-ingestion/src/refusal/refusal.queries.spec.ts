import { afterAll, describe, expect, it } from '@jest/globals';
import { openDatabase } from '@tantieme/event-sourcing/read-model/database';
import { migrate } from '@tantieme/event-sourcing/read-model/migrations';
import { openPostgresDatabase } from '@tantieme/event-sourcing/read-model/postgres-database';
import { ENGINES, TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import { MIGRATIONS } from '../migrations.js';
import { RefusalsQuery } from './refusal.dto.js';
import { ListRefusals, ListRefusalsHandler } from './refusal.queries.js';
import type { RefusalRow, RefusalTables } from './refusal.tables.js';

const databases = new TestDatabases();
afterAll(() => databases.end());

/** Neighbours of the ids that start with "ab", at both ends and across digits and letters. */
const BEGINNINGS = ['aa', 'aaff', 'ab', 'ab0', 'ab9', 'aba', 'abff', 'ac', 'b', 'f', '9'];

const idOf = (beginning: string, padding: '0' | 'f'): string => beginning.padEnd(64, padding);
const IDS = [...new Set(BEGINNINGS.flatMap((one) => [idOf(one, '0'), idOf(one, 'f')]))].sort();

const rowOf = (id: string): RefusalRow => ({
  id,
  refused_at: '2026-03-05T10:00:00.000Z',
  kind: 'invalid',
  state: 'open',
  source: null,
  deal: null,
  fact: null,
  import_id: null,
  file: null,
  row_numbers: null,
  errors: '[]',
  raw: '{}',
  parts: 0,
  actor: 'ada',
  resolution: null,
  resolved_at: null,
  discard_reason: null,
  discard_proposed_by: null,
  discarded_by: null,
});

describe.each(ENGINES)('the list of refusals in the %s database', (engine) => {
  it('has those whose id starts with the given digits', async () => {
    const place = await databases.fresh(engine);
    const database =
      engine === 'embedded'
        ? openDatabase<RefusalTables>(place)
        : openPostgresDatabase<RefusalTables>(place, () => undefined);
    await migrate(database, MIGRATIONS);
    await database.insertInto('deal_ingestion_refusals').values(IDS.map(rowOf)).execute();
    const handler = new ListRefusalsHandler(database);
    for (const id of ['a', 'ab', 'ab0', 'abf', 'f', '9', '0', ...IDS]) {
      const { items } = await handler.execute(new ListRefusals(Object.assign(new RefusalsQuery(), { id })));
      expect(items.map((one) => one.id)).toEqual(IDS.filter((one) => one.startsWith(id)));
    }
    await database.destroy();
  });
});
