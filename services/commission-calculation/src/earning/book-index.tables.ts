/** The index of books: which events of an earning stream change a deal, and where the deal has stood. */
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { BookIndex, IndexedEvent, WantedBooks } from '@tantieme/event-sourcing/decide/books';
import { findCheckpoint, migrateCheckpoints } from '@tantieme/event-sourcing/read-model/checkpoints';
import { migrate } from '@tantieme/event-sourcing/read-model/migrations';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Kysely, Transaction } from 'kysely';
import { MIGRATIONS } from '../migrations.js';
import { entriesOf } from './book-entries.js';
import { EARNING_EVENTS } from './earning-events.js';
import type { EarningEvent } from './earning-events.js';

export interface BookRow {
  readonly stream: string;
  readonly book: string;
  readonly revision: number;
  /** Empty for an event that says nothing about where the book stands. */
  readonly in_group: string;
}

export interface BookTables {
  commission_books: BookRow;
}

export const BOOK_TABLES = ['commission_books'] as const satisfies readonly (keyof BookTables)[];

export async function writeBooks(trx: Transaction<BookTables>, events: readonly StoredEvent[]): Promise<void> {
  const rows = events.flatMap((stored) =>
    entriesOf(domainEventOf<EarningEvent>(stored, EARNING_EVENTS)).flatMap(({ book, groups }) => {
      const { stream, revision } = stored;
      return (groups.length === 0 ? [''] : groups).map((in_group) => ({ stream, book, revision, in_group }));
    }),
  );
  for (const chunk of rowChunks(rows)) await trx.insertInto('commission_books').values(chunk).execute();
}

async function migrateTables(db: Kysely<BookTables>): Promise<void> {
  await migrateCheckpoints(db);
  await migrate(db, MIGRATIONS);
}

/** Written by the process with this checkpoint, which may be far behind, or start again at the beginning. */
export function bookIndex(db: Kysely<BookTables>, checkpoint: string): BookIndex {
  let migrated: Promise<void> | undefined;
  async function booksIn(stream: string, { groups }: WantedBooks): Promise<readonly string[]> {
    const found = groups.map(({ from, through }) =>
      db
        .selectFrom('commission_books')
        .select('book')
        .distinct()
        .where('stream', '=', stream)
        .where('in_group', '>=', from)
        .where('in_group', '<=', through)
        .execute(),
    );
    return (await Promise.all(found)).flat().map(({ book }) => book);
  }
  return {
    async through() {
      // This may come before the first step of the process.
      await (migrated ??= migrateTables(db));
      return (await findCheckpoint(db, checkpoint)) ?? 0n;
    },
    async find(wanted) {
      const keys: { readonly stream: string; readonly book: string }[] = [];
      for (const [stream, of] of wanted)
        for (const book of new Set([...of.books, ...(await booksIn(stream, of))])) keys.push({ stream, book });
      const found = new Map<string, IndexedEvent[]>();
      for (const chunk of rowChunks(keys)) {
        const values = sql.join(chunk.map(({ stream, book }) => sql`(${stream}, ${book})`));
        // A cross join, so that SQLite looks each of them up: with `in`, it may read all books of the stream.
        const { rows } = await sql<Pick<BookRow, 'stream' | 'book' | 'revision'>>`
          with wanted(stream, book) as (values ${values}) select b.stream, b.book, b.revision
          from wanted w cross join commission_books b where b.stream = w.stream and b.book = w.book`.execute(db);
        for (const { stream, ...event } of rows) {
          const events = found.get(stream);
          if (events === undefined) found.set(stream, [event]);
          else events.push(event);
        }
      }
      return found;
    },
  };
}
