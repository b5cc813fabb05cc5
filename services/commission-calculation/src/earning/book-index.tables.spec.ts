import { afterAll, describe, expect, it } from '@jest/globals';
import { migrateCheckpoints } from '@tantieme/event-sourcing/read-model/checkpoints';
import { openDatabase } from '@tantieme/event-sourcing/read-model/database';
import { openPostgresDatabase } from '@tantieme/event-sourcing/read-model/postgres-database';
import { ENGINES, TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import { HEAD, NEWEST } from '@tantieme/event-sourcing/decide/books';
import type { WantedBooks } from '@tantieme/event-sourcing/decide/books';
import { bookIndex } from './book-index.tables.js';
import type { BookTables } from './book-index.tables.js';
import { postedGroups, windowGroup } from './book-entries.js';

const databases = new TestDatabases();
afterAll(() => databases.end());

describe.each(ENGINES)('the index of books on %s', (engine) => {
  it('finds books by name, by window and by the periods in which they are posted', async () => {
    const path = await databases.fresh(engine);
    const db =
      engine === 'embedded' ? openDatabase<BookTables>(path) : openPostgresDatabase<BookTables>(path, () => undefined);
    try {
      const index = bookIndex(db, 'read-model');
      expect(await index.through()).toBe(0n);
      await migrateCheckpoints(db);
      const row = (book: string, revision: number, in_group = '', stream = 's') => ({
        stream,
        book,
        revision,
        in_group,
      });
      const rows = [
        row('crm|A', 0, 'window 2025-Q4'),
        row('crm|A', 0, 'posted 2025-12'),
        row('crm|A', 4, 'posted 2026-01'),
        row('crm|B', 1, 'window 2026-Q1'),
        row('crm|B', 1, 'posted 2026-01'),
        row('crm|C', 2, 'window 2026-Q1'),
        row('crm|C', 2, 'posted 2026-02'),
        row(HEAD, 3),
        row(NEWEST, 5),
        row('crm|A', 7, 'posted 2026-01', 'other'),
      ];
      await db.insertInto('commission_books').values(rows).execute();
      const found = async (books: readonly string[], groups: WantedBooks['groups'] = []) => {
        const events = (await index.find(new Map([['s', { books, groups }]]))).get('s') ?? [];
        return [...new Set(events.map(({ book, revision }) => `${book} ${revision}`))].sort();
      };
      expect(await found(['crm|A', 'crm|none'])).toEqual(['crm|A 0', 'crm|A 4']);
      expect(await found([HEAD, NEWEST])).toEqual([' 3', '* 5']);
      expect(await found([], [windowGroup('2026-Q1')])).toEqual(['crm|B 1', 'crm|C 2']);
      expect(await found([], [postedGroups('2026-01', '2026-01')])).toEqual(['crm|A 0', 'crm|A 4', 'crm|B 1']);
      expect(await found([], [postedGroups(null, '2025-12')])).toEqual(['crm|A 0', 'crm|A 4']);
      expect(await found([], [postedGroups('2026-02', '2026-03')])).toEqual(['crm|C 2']);
      expect((await index.find(new Map([['other', { books: ['crm|A'], groups: [] }]]))).get('other')).toHaveLength(1);
    } finally {
      await db.destroy();
    }
  }, 60_000);
});
