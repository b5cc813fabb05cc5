/** `tantieme rebuild`: forgets everything that is computed from the event log. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { emptyAllTables } from '@tantieme/event-sourcing/read-model/migrations';
import { forgetConsumption } from '@tantieme/messaging/embedded/stored-topics';
import { EMBEDDED, loadConfig } from '@tantieme/service-kit/runtime/config';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { openReadDatabase } from '@tantieme/service-kit/runtime/database';
import { requireUnused } from '@tantieme/service-kit/runtime/directory-lock';
import { count, print, printJson } from '../output/print.js';
import { eventStoreFile } from './event-store-file.js';

export function rebuildCommand(): Command {
  return new Command('rebuild')
    .description(
      'keep the event log, and compute everything else from it again at the next start; stop the server first',
    )
    .option('--data <directory>', 'data directory (TANTIEME_DATA; default: data/tantieme)')
    .option('--json', 'print JSON')
    .action(async ({ data, json }: { readonly data?: string; readonly json?: boolean }) => {
      const tables = await forgetComputed(loadConfig(process.env, { dataDirectory: data }));
      if (json) printJson({ tables });
      else print(`emptied ${count(tables.length, 'table')}: the next start computes them from the event log`);
    });
}

/**
 * Empties the read models and checkpoints, and forgets what was consumed and published. Stored messages from outside
 * stay, and are consumed again.
 * @returns the names of the emptied tables.
 * @throws {DirectoryLocked}
 */
export async function forgetComputed(
  config: Pick<RuntimeConfig, 'dataDirectory' | 'eventStore' | 'database' | 'kafka' | 'memoryMb'>,
): Promise<readonly string[]> {
  const { dataDirectory, eventStore, database, kafka } = config;
  if (eventStore === EMBEDDED) eventStoreFile(dataDirectory);
  requireUnused(dataDirectory);
  const broker = join(dataDirectory, 'broker.sqlite');
  if (kafka === undefined && existsSync(broker)) forgetConsumption(broker);
  if (database === EMBEDDED && !existsSync(join(dataDirectory, 'read.sqlite'))) return [];
  const db = await openReadDatabase(config);
  try {
    return await emptyAllTables(db);
  } finally {
    await db.destroy();
  }
}
