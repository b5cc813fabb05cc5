/** `tantieme verify`: checks that no stored event was changed or removed, and that every decision can be repeated. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { Verification } from '@tantieme/audit/verify';
import { verifyFile } from '@tantieme/all-in-one/verify/verify-file';
import type { VerifyFileOptions } from '@tantieme/all-in-one/verify/verify-file';
import { listCheckpoints } from '@tantieme/event-sourcing/read-model/checkpoints';
import { findMismatch } from '@tantieme/event-store/same-log';
import { EMBEDDED, loadConfig } from '@tantieme/service-kit/runtime/config';
import { openReadDatabase } from '@tantieme/service-kit/runtime/database';
import type { DatabaseConfig } from '@tantieme/service-kit/runtime/database';
import { openEventStore } from '@tantieme/service-kit/runtime/event-store';
import type { EventStoreConfig } from '@tantieme/service-kit/runtime/event-store';
import { startProgress } from '../output/progress.js';
import { count, print, printJson } from '../output/print.js';
import { eventStoreFile } from './event-store-file.js';
import { verifyServer } from './verify-server.js';

type VerifyOptions = Pick<VerifyFileOptions, 'expect' | 'threads'>;

export function verifyCommand(): Command {
  return new Command('verify')
    .description('re-hash every stored event, and re-decide every decision from its recorded input')
    .option('--data <directory>', 'data directory (TANTIEME_DATA; default: data/tantieme)')
    .option(
      '--expect <head>',
      'head that an earlier verification printed: all events up to it must be there, unchanged',
    )
    .option(
      '--threads <number>',
      'threads that share the work on an embedded event store; default: one per core',
      threadsOf,
    )
    .option('--json', 'print JSON')
    .action(async ({ data, json, ...options }: VerifyOptions & { data?: string; json?: boolean }) => {
      const result = await verifyConfigured(loadConfig(process.env, { dataDirectory: data }), options);
      if (json) printJson(result);
      else print(verificationText(result).join('\n'));
      if (result.differences.length > 0) process.exitCode = 1;
    });
}

/** Verifies the event store that the configuration names, and whether the read models belong to it. */
export async function verifyConfigured(
  config: EventStoreConfig & DatabaseConfig,
  options: VerifyOptions = {},
): Promise<Verification> {
  const verification = await (config.eventStore === EMBEDDED
    ? verifyDirectory(config.dataDirectory, options)
    : verifyServer(config, options.expect));
  const reason = await mismatchOf(config);
  if (reason === undefined) return verification;
  return {
    ...verification,
    differences: [...verification.differences, { stream: '(log)', revision: -1, reason }],
    differenceCount: verification.differenceCount + 1,
  };
}

/** Why the log is not the one that the read models and processes have read; undefined where it is. */
async function mismatchOf(config: EventStoreConfig & DatabaseConfig): Promise<string | undefined> {
  if (config.database === EMBEDDED && !existsSync(join(config.dataDirectory, 'read.sqlite'))) return undefined;
  await using opened = new AsyncDisposableStack();
  const store = await openEventStore(config);
  opened.defer(() => store.close());
  const db = opened.use(await openReadDatabase(config));
  return (await findMismatch(store, await listCheckpoints(db)))?.reason;
}

/** @throws if the directory has no event store */
async function verifyDirectory(directory: string, options: VerifyOptions): Promise<Verification> {
  const path = eventStoreFile(directory);
  const progress = startProgress('verify', 0, 'events');
  try {
    return await verifyFile(path, { ...options, onProgress: ({ events, of }) => progress.update(events, of) });
  } finally {
    progress.stop();
  }
}

function threadsOf(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 1 to 99.');
  return Number(text);
}

/** Each difference, then the totals and the head of the log. */
export function verificationText({ differences, ...result }: Verification): string[] {
  return [
    ...differences.map(({ stream, revision, reason }) => `${stream}@${revision}: ${reason}`),
    `${count(result.events, 'event')} in ${count(result.streams, 'stream')} re-hashed, ` +
      `${count(result.decisions, 'decision')} re-decided: ${count(result.differenceCount, 'difference')}`,
    `head ${result.head}`,
  ];
}
