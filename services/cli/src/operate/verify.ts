import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { Verification } from '@tantieme/audit/verify';
import { verifyFile } from '@tantieme/all-in-one/verify/verify-file';
import type { VerifyFileOptions } from '@tantieme/all-in-one/verify/verify-file';
import { EMBEDDED, loadConfig } from '@tantieme/service-kit/runtime/config';
import type { EventStoreConfig } from '@tantieme/service-kit/runtime/event-store';
import { startProgress } from '../output/progress.js';
import { print, printJson } from '../output/print.js';
import { verifyServer } from './verify-server.js';

export function verifyCommand(): Command {
  return new Command('verify')
    .description('re-hash every stored event and re-decide every decision from its journalled input')
    .option('--data <directory>', 'data directory', process.env['TANTIEME_DATA'] ?? 'data/tantieme')
    .option('--expect <head>', 'the head that an earlier verification printed: nothing before it may be missing')
    .option('--threads <number>', 'how many threads share the work; one a core if left out', threadsOf)
    .option('--json', 'print JSON')
    .action(async ({ data, ...options }: { data: string; expect?: string; threads?: number; json?: boolean }) => {
      const result = await verifyConfigured(loadConfig(process.env, { dataDirectory: data }), options);
      if (options.json) printJson(result);
      else print(verificationText(result).join('\n'));
      if (result.differences.length > 0) process.exitCode = 1;
    });
}

/** The event store that the configuration names; threads share the work on a file only. */
export function verifyConfigured(
  config: EventStoreConfig,
  options: Pick<VerifyFileOptions, 'expect' | 'threads'> = {},
): Promise<Verification> {
  return config.eventStore === EMBEDDED
    ? verifyDirectory(config.dataDirectory, options)
    : verifyServer(config, options.expect);
}

/** @throws where there is no event store in the directory. */
async function verifyDirectory(
  directory: string,
  { expect, threads }: Pick<VerifyFileOptions, 'expect' | 'threads'> = {},
): Promise<Verification> {
  const progress = startProgress('verify', 0, 'events');
  try {
    return await verifyFile(join(directory, 'events.sqlite'), {
      onProgress: ({ events, of }) => progress.update(events, of),
      ...(expect === undefined ? {} : { expect }),
      ...(threads === undefined ? {} : { threads }),
    });
  } finally {
    progress.stop();
  }
}

function threadsOf(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('A number from 1 to 99 was expected.');
  return Number(text);
}

export function verificationText(result: Verification): string[] {
  return [
    ...result.differences.map(({ stream, revision, reason }) => `${stream}@${revision}: ${reason}`),
    `${result.events} events in ${result.streams} streams re-hashed, ${result.decisions} decisions re-decided: ${result.differenceCount} differences`,
    `head ${result.head}`,
  ];
}
