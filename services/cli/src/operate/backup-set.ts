/** A backup: a folder with copies of the files of a data directory, and a manifest by which a restore checks them. */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { makeDataDirectory } from '@tantieme/service-kit/runtime/data-directory';
import { requireUnused } from '@tantieme/service-kit/runtime/directory-lock';
import { eventStoreFile } from './event-store-file.js';

const LOG = 'events.sqlite';
/**
 * In the order of copying. The log is last, so that no copied checkpoint is ahead of it, and the broker after the
 * checkpoints of what publishes to it.
 */
const FILES = ['read.sqlite', 'broker.sqlite', LOG] as const;
const MANIFEST = 'backup.json';
/** Of the manifest. */
const FORMAT = 1;

/** All pages in one step: SQLite starts a copy again if another process writes between two steps. */
const PAGES_PER_STEP = 2 ** 31 - 1;

export interface BackupFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface BackupManifest {
  readonly format: number;
  readonly takenAt: string;
  /** The newest event of the log in this backup. */
  readonly log: { readonly position: string; readonly hash: string };
  readonly files: readonly BackupFile[];
}

/**
 * Copies the files of a data directory into `target`, while a server may be writing to them. The manifest is written
 * last: a folder without one is not a backup.
 * @param target a folder that is empty or does not exist.
 */
export async function takeBackup(
  directory: string,
  target: string,
  { logOnly }: { readonly logOnly: boolean },
): Promise<BackupManifest> {
  eventStoreFile(directory);
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new Error(`${target} is not empty: name a new folder for each backup`);
  mkdirSync(target, { recursive: true, mode: 0o700 });
  const names = FILES.filter((name) => name === LOG || (!logOnly && existsSync(join(directory, name))));
  try {
    for (const name of names) await copyDatabase(join(directory, name), join(target, name));
    const log = await extentOf(join(target, LOG));
    const files: BackupFile[] = [];
    for (const name of names) files.push({ name, ...(await syncAndHash(join(target, name))) });
    const manifest: BackupManifest = { format: FORMAT, takenAt: new Date().toISOString(), log, files };
    writeFileSync(join(target, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
    return manifest;
  } catch (error) {
    for (const name of names) rmSync(join(target, name), { force: true });
    throw error;
  }
}

async function copyDatabase(source: string, target: string): Promise<void> {
  const database = new DatabaseSync(source, { readOnly: true });
  try {
    await backup(database, target, { rate: PAGES_PER_STEP });
  } finally {
    database.close();
  }
}

/** @throws if the copy is not a readable event store. */
async function extentOf(path: string): Promise<BackupManifest['log']> {
  const store = openSqliteEventStore(path);
  try {
    const { position, hash } = await store.logExtent();
    return { position: String(position), hash };
  } finally {
    await store.close();
  }
}

/**
 * Copies a backup into a data directory that has no stores yet.
 * @throws if a file of the backup is missing or damaged; nothing is left in the directory then.
 * @throws {DirectoryLocked} if a process works on the directory.
 */
export async function restoreBackup(source: string, directory: string): Promise<BackupManifest> {
  const manifest = readManifest(source);
  requireUnused(directory);
  const present = FILES.find((name) => existsSync(join(directory, name)));
  if (present !== undefined)
    throw new Error(
      `${join(directory, present)} exists: restore into an empty data directory, or move the old files away first`,
    );
  makeDataDirectory(directory);
  try {
    for (const file of manifest.files) await restoreFile(source, directory, file);
  } catch (error) {
    for (const { name } of manifest.files) rmSync(join(directory, name), { force: true });
    throw error;
  }
  return manifest;
}

async function restoreFile(source: string, directory: string, { name, bytes, sha256 }: BackupFile): Promise<void> {
  const from = join(source, name);
  if (!existsSync(from)) throw new Error(`${from} is missing: the backup is incomplete, use another one`);
  const to = join(directory, name);
  copyFileSync(from, to);
  // Of the copy, so that a fault while copying is noticed too.
  const copied = await syncAndHash(to);
  if (copied.bytes !== bytes || copied.sha256 !== sha256)
    throw new Error(`${from} is damaged: its size or SHA-256 is not the one in ${MANIFEST}; use another backup`);
}

/** @throws if the folder has no manifest, or another one than this version writes. */
function readManifest(folder: string): BackupManifest {
  const path = join(folder, MANIFEST);
  if (!existsSync(path))
    throw new Error(`${path} does not exist: this is not a backup, or it was interrupted before its end`);
  const manifest = manifestOf(readFileSync(path, 'utf8'));
  if (manifest === undefined) throw new Error(`${path} is damaged, or of another version of tantieme`);
  return manifest;
}

function manifestOf(text: string): BackupManifest | undefined {
  try {
    const manifest = JSON.parse(text) as BackupManifest;
    const names: readonly string[] = FILES;
    const isComplete =
      manifest.format === FORMAT &&
      manifest.files.some(({ name }) => name === LOG) &&
      manifest.files.every(({ name }) => names.includes(name));
    return isComplete ? manifest : undefined;
  } catch {
    return undefined;
  }
}

async function syncAndHash(path: string): Promise<Omit<BackupFile, 'name'>> {
  await using file = await open(path, 'r+');
  await file.sync();
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of file.createReadStream({ autoClose: false })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
