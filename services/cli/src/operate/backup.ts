/** `tantieme backup` and `tantieme restore`: one consistent set of the files of a data directory. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { EMBEDDED, loadConfig } from '@tantieme/service-kit/runtime/config';
import { count, print, printJson } from '../output/print.js';
import { restoreBackup, takeBackup } from './backup-set.js';
import type { BackupManifest } from './backup-set.js';

interface Options {
  readonly data?: string;
  readonly logOnly?: boolean;
  readonly json?: boolean;
}

export function backupCommand(): Command {
  return new Command('backup')
    .description('copy the files of a data directory into a folder, with their hashes; the server may keep running')
    .argument('<directory>', 'folder for the backup, created if missing; must be empty')
    .option('--log-only', 'copy the event log alone: everything else is computed from it after a restore')
    .option('--data <directory>', 'data directory (TANTIEME_DATA; default: data/tantieme)')
    .option('--json', 'print the manifest as JSON')
    .action(async (directory: string, { data, logOnly = false, json }: Options) => {
      const { eventStore, dataDirectory } = loadConfig(process.env, { dataDirectory: data });
      if (eventStore !== EMBEDDED)
        throw new Error(
          'the event log is on a server (TANTIEME_EVENT_STORE): back it up with the tools of that server',
        );
      const target = resolve(directory);
      const manifest = await takeBackup(dataDirectory, target, { logOnly });
      if (json) printJson(manifest);
      else print(summary(`backed up to ${target}`, manifest));
    });
}

export function restoreCommand(): Command {
  return new Command('restore')
    .description('check a backup, and copy its files into an empty data directory')
    .argument('<directory>', 'folder of the backup')
    .option('--data <directory>', 'data directory to restore into (TANTIEME_DATA; default: data/tantieme)')
    .option('--json', 'print the manifest as JSON')
    .action(async (directory: string, { data, json }: Options) => {
      const { dataDirectory } = loadConfig(process.env, { dataDirectory: data });
      const manifest = await restoreBackup(resolve(directory), dataDirectory);
      if (json) printJson(manifest);
      else print(summary(`restored to ${dataDirectory}`, manifest));
    });
}

function summary(done: string, { takenAt, log, files }: BackupManifest): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return [
    ...files.map((file) => `${file.sha256}  ${file.name}`),
    `${done}: ${count(files.length, 'file')}, ${Math.ceil(bytes / 1024)} KiB, taken at ${takenAt}`,
    `the log ends at position ${log.position} with hash ${log.hash}`,
  ].join('\n');
}
