/**
 * A temporary SQLite file that brings the rows of a fact together, however far apart they lie in the file: memory stays
 * bounded, the disk takes the rest.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import type { Row } from './mapped-rows.js';

/** Pages of 4 KiB that SQLite keeps in memory for one import. */
const CACHE_PAGES = 4096;

/** Rows of one fact that are read at the most; more of them are refused by their number. */
export const ROWS_OF_FACT_MAX = 20_000;

const SUFFIX = '.import.sqlite';

export interface StagedFact {
  readonly rows: readonly Row[];
  /** Of rows that could not be read whole. */
  readonly faults: readonly string[];
}

export class RowStaging {
  private readonly path: string;
  private readonly database: DatabaseSync;
  private readonly findKey: StatementSync;
  private readonly addKey: StatementSync;
  private readonly addRow: StatementSync;
  private factCount = 0;

  /** @param directory where the file lies while the import runs. */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.path = join(directory, `${process.pid}-${randomUUID()}${SUFFIX}`);
    this.database = new DatabaseSync(this.path);
    // Nothing of it outlives the import: no journal, no waiting for the disk, one transaction.
    this.database.exec(`
      pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive; pragma cache_size = ${CACHE_PAGES};
      create table keys (key text not null primary key, fact integer not null) without rowid;
      create table rows (fact integer not null, cells text not null, fault text);
      begin`);
    this.findKey = this.database.prepare('select fact from keys where key = ?');
    this.addKey = this.database.prepare('insert into keys (key, fact) values (?, ?)');
    this.addRow = this.database.prepare('insert into rows (fact, cells, fault) values (?, ?, ?)');
  }

  /** Facts that were seen so far. */
  get facts(): number {
    return this.factCount;
  }

  add(key: string, row: Row, fault?: string): void {
    this.addRow.run(this.factOf(key), JSON.stringify(row), fault ?? null);
  }

  private factOf(key: string): number {
    const known = this.findKey.get(key)?.['fact'];
    if (typeof known === 'number') return known;
    const fact = this.factCount;
    this.addKey.run(key, fact);
    this.factCount += 1;
    return fact;
  }

  /** Fact by fact, in the order of their first rows; ends the adding. */
  *read(): Generator<StagedFact> {
    this.database.exec('create index rows_of_fact on rows (fact)');
    const rowsOf = this.database.prepare(`select cells, fault from rows where fact = ? limit ${ROWS_OF_FACT_MAX}`);
    for (let fact = 0; fact < this.factCount; fact += 1) {
      const rows: Row[] = [];
      const faults: string[] = [];
      for (const { cells, fault } of rowsOf.all(fact)) {
        rows.push(JSON.parse(String(cells)));
        if (typeof fault === 'string') faults.push(fault);
      }
      yield { rows, faults };
    }
  }

  /** Deletes the file. */
  close(): void {
    this.database.close();
    removeFile(this.path);
  }
}

/** Deletes what imports of a process that was killed left behind. To be called before the first import of this process. */
export function removeLeftovers(directory: string): void {
  for (const name of filesIn(directory)) {
    const pid = Number(/^(\d+)-.*\.import\.sqlite/.exec(name)?.[1] ?? Number.NaN);
    if (pid === process.pid || !isAlive(pid)) rmSync(join(directory, name), { force: true });
  }
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => name.includes(SUFFIX));
  } catch {
    // No directory: nothing was ever imported here.
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function removeFile(path: string): void {
  for (const ending of ['', '-journal', '-wal', '-shm']) rmSync(path + ending, { force: true });
}
