import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import type { Leadership } from '@tantieme/event-sourcing/process/scheduler';

/** Another process, or another application in this one, runs the same work on the same data directory. */
export class DirectoryLocked extends Error {
  readonly code = 'DirectoryLocked';
  constructor(
    readonly directory: string,
    readonly work: string,
    /** Process id of the holder; undefined where it is unknown. */
    readonly holder: number | undefined,
  ) {
    super(
      `${work} already runs on the data directory ${directory}` +
        `${holder === undefined ? '' : ` in process ${holder}`}: stop that process, or use another directory`,
    );
  }
}

export interface Lock {
  release(): void;
}

/**
 * Takes the lock for one piece of work on one data directory. It is SQLite's own file lock (RESERVED, held by an open
 * transaction that writes nothing), so that the operating system releases it with the process however that ends: a file
 * left by a SIGKILL blocks nobody. Others can still read the holder's process id.
 * @throws {DirectoryLocked}
 */
export function acquireLock(directory: string, work: string): Lock {
  const folder = join(directory, 'locks');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, lockFileName(work)), { timeout: 0 });
  try {
    // Nothing in it has to survive a power failure.
    database.exec('PRAGMA synchronous = OFF');
    database.exec('BEGIN IMMEDIATE');
    database.exec('CREATE TABLE IF NOT EXISTS holder (one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER NOT NULL)');
    database
      .prepare('INSERT INTO holder (one, pid) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET pid = excluded.pid')
      .run(process.pid);
    database.exec('COMMIT');
    database.exec('BEGIN IMMEDIATE');
  } catch (error) {
    const holder = isBusy(error) ? holderOf(database) : undefined;
    database.close();
    if (isBusy(error)) throw new DirectoryLocked(directory, work, holder);
    throw error;
  }
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}

/** The locks of a data directory: the applications on it divide the work, and none runs twice. */
export class DirectoryLeadership implements Leadership {
  private readonly locks = new Map<string, Lock>();

  constructor(private readonly directory: string) {}

  /** @throws {DirectoryLocked} */
  claim(names: readonly string[]): void {
    for (const name of names) this.locks.set(name, acquireLock(this.directory, name));
  }

  async take(names: readonly string[]): Promise<readonly string[]> {
    return names.filter((name) => {
      try {
        if (!this.locks.has(name)) this.claim([name]);
        return true;
      } catch (error) {
        if (error instanceof DirectoryLocked) return false;
        throw error;
      }
    });
  }

  release(): void {
    for (const lock of this.locks.values()) lock.release();
    this.locks.clear();
  }
}

/**
 * Checks that no process works on a data directory, which may be absent.
 * @throws {DirectoryLocked}
 */
export function requireUnused(directory: string): void {
  const folder = join(directory, 'locks');
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.lock')) : [];
  for (const file of files) {
    const database = new DatabaseSync(join(folder, file), { timeout: 0 });
    try {
      database.exec('BEGIN IMMEDIATE');
    } catch (error) {
      if (isBusy(error)) throw new DirectoryLocked(directory, file.slice(0, -'.lock'.length), holderOf(database));
      throw error;
    } finally {
      database.close();
    }
  }
}

/** The name itself where it is safe in a path, else its hash. */
function lockFileName(work: string): string {
  return /^[a-z0-9][a-z0-9.-]{0,99}$/.test(work)
    ? `${work}.lock`
    : `${createHash('sha256').update(work).digest('hex')}.lock`;
}

/** SQLITE_BUSY */
const BUSY = 5;

function isBusy(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    // The low byte is the primary result code.
    (error.errcode & 0xff) === BUSY
  );
}

function holderOf(database: DatabaseSync): number | undefined {
  try {
    const pid = database.prepare('SELECT pid FROM holder').get()?.['pid'];
    return typeof pid === 'number' ? pid : undefined;
  } catch {
    // The holder is writing its id right now; the lock works without it.
    return undefined;
  }
}
