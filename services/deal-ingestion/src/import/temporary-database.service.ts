/** Temporary SQLite files of imports: memory stays bounded, the disk takes the rest. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';

/** Pages of 4 KiB that SQLite keeps in memory. */
const CACHE_PAGES = 4096;

const SUFFIX = '.import.sqlite';

export interface TemporaryDatabase {
  readonly sql: DatabaseSync;
  /** Deletes the file. */
  close(): void;
}

/** @param directory where the file lies while the import runs */
export function openTemporaryDatabase(directory: string): TemporaryDatabase {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${process.pid}-${randomUUID()}${SUFFIX}`);
  const sql = new DatabaseSync(path);
  // Nothing of it outlives the import: no journal, no waiting for the disk, one transaction.
  sql.exec(`
    pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive;
    pragma cache_size = ${CACHE_PAGES};
    begin`);
  return {
    sql,
    close() {
      sql.close();
      for (const ending of ['', '-journal', '-wal', '-shm']) rmSync(path + ending, { force: true });
    },
  };
}

/** Deletes what imports of a killed process left behind. Call it before the first import of this process. */
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
    // EPERM: it is alive, and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
