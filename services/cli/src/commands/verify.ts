import { join } from 'node:path';
import { Command } from 'commander';
import type { Verification } from '@tantieme/audit/verify';
import { verifyFile } from '@tantieme/all-in-one/verify-file';
import { startProgress } from '../progress.js';
import { print, printJson } from './output.js';

export function verifyCommand(): Command {
  return new Command('verify')
    .description('re-hash every stored event and re-decide every decision from its journalled input')
    .option('--data <directory>', 'data directory', process.env['TANTIEME_DATA'] ?? 'data/tantieme')
    .option('--expect <head>', 'the head that an earlier verification printed: nothing before it may be missing')
    .option('--json', 'print JSON')
    .action(async (options: { data: string; expect?: string; json?: boolean }) => {
      const result = await verifyDirectory(options.data, options.expect);
      if (options.json) printJson(result);
      else print(verificationText(result).join('\n'));
      if (result.differences.length > 0) process.exitCode = 1;
    });
}

/** @throws where there is no event store in the directory. */
export async function verifyDirectory(directory: string, expect?: string): Promise<Verification> {
  const progress = startProgress('verify', 0, 'events');
  try {
    return await verifyFile(join(directory, 'events.sqlite'), {
      onProgress: ({ events, of }) => progress.update(events, of),
      ...(expect === undefined ? {} : { expect }),
    });
  } finally {
    progress.stop();
  }
}

export function verificationText(result: Verification): string[] {
  return [
    ...result.differences.map(({ stream, revision, reason }) => `${stream}@${revision}: ${reason}`),
    `${result.events} events in ${result.streams} streams re-hashed, ${result.decisions} decisions re-decided: ${result.differenceCount} differences`,
    `head ${result.head}`,
  ];
}
