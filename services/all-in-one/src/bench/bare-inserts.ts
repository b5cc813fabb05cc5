/** The baseline: inserts the same rows into the same table with the same pragmas, and does nothing else. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { CONNECTION_PRAGMAS, DDL, FILE_PRAGMAS, INSERT_EVENT } from '@tantieme/event-store/sqlite/schema';

/** Rows per transaction. */
const BATCH = 1000;

/** Copies the events of `from` into a new file; only inserting is timed. */
export function measureBareInserts(from: string, to: string): { readonly events: number; readonly seconds: number } {
  const source = new DatabaseSync(from, { readOnly: true });
  const target = new DatabaseSync(to);
  for (const statement of [...FILE_PRAGMAS, ...CONNECTION_PRAGMAS, ...DDL]) target.exec(statement);
  const read = source.prepare('SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?');
  read.setReturnArrays(true);
  const insert = target.prepare(INSERT_EVENT);
  let events = 0;
  let milliseconds = 0;
  for (let after = 0; ;) {
    const rows = read.all(after, BATCH) as unknown as SQLInputValue[][];
    const last = rows.at(-1);
    if (!last) break;
    const started = performance.now();
    target.exec('BEGIN IMMEDIATE');
    for (const row of rows) insert.run(...row);
    target.exec('COMMIT');
    milliseconds += performance.now() - started;
    events += rows.length;
    after = Number(last[0]);
  }
  source.close();
  target.close();
  return { events, seconds: milliseconds / 1000 };
}
