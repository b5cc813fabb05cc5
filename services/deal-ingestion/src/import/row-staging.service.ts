/** Brings the rows of a fact together, however far apart they are in the file. */
import type { StatementSync } from 'node:sqlite';
import type { Row } from './mapped-rows.js';
import { openTemporaryDatabase } from './temporary-database.service.js';
import type { TemporaryDatabase } from './temporary-database.service.js';
import { ROWS_OF_FACT_MAX } from '../limits.js';

export class RowStaging {
  private readonly database: TemporaryDatabase;
  private readonly findKey: StatementSync;
  private readonly addKey: StatementSync;
  private readonly addRow: StatementSync;
  private factCount = 0;

  /** @param directory where the temporary file lies while the import runs */
  constructor(directory: string) {
    this.database = openTemporaryDatabase(directory);
    const { sql } = this.database;
    sql.exec(`
      create table keys (key text not null primary key, fact integer not null) without rowid;
      create table rows (fact integer not null, row integer not null, cells text not null, fault text)`);
    this.findKey = sql.prepare('select fact from keys where key = ?');
    this.addKey = sql.prepare('insert into keys (key, fact) values (?, ?)');
    this.addRow = sql.prepare('insert into rows (fact, row, cells, fault) values (?, ?, ?, ?)');
  }

  /** Facts staged so far. */
  get facts(): number {
    return this.factCount;
  }

  add(key: string, { row, cells, fault }: Row): void {
    this.addRow.run(this.factOf(key), row, JSON.stringify(cells), fault ?? null);
  }

  private factOf(key: string): number {
    const staged = this.findKey.get(key)?.['fact'];
    if (typeof staged === 'number') return staged;
    const fact = this.factCount;
    this.addKey.run(key, fact);
    this.factCount += 1;
    return fact;
  }

  /** The rows of each fact, in the order of their first rows. Nothing can be added afterwards. */
  *read(): Generator<readonly Row[]> {
    this.database.sql.exec('create index rows_of_fact on rows (fact)');
    const rowsOf = this.database.sql.prepare(
      `select row, cells, fault from rows where fact = ? order by row limit ${ROWS_OF_FACT_MAX}`,
    );
    for (let fact = 0; fact < this.factCount; fact += 1)
      yield rowsOf.all(fact).map(({ row, cells, fault }) => ({
        row: Number(row),
        cells: JSON.parse(String(cells)) as readonly string[],
        fault: typeof fault === 'string' ? fault : undefined,
      }));
  }

  close(): void {
    this.database.close();
  }
}
