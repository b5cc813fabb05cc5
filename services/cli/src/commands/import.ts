import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { fileBody, type Client } from '../client.js';
import { startProgress } from '../progress.js';
import { connect, withConnection, type ConnectionOptions } from './connection.js';
import { print, printJson } from './output.js';

interface ImportOptions extends ConnectionOptions {
  readonly format?: 'csv' | 'ndjson';
  readonly mapping?: string;
  readonly json?: boolean;
}

export interface ImportResult {
  readonly facts: number;
  readonly accepted: number;
  readonly repeated: number;
  readonly conflicts: number;
  readonly refused: number;
}

export function importCommand(): Command {
  return withConnection(new Command('import'))
    .description('import facts of deals: NDJSON, or CSV with a column mapping; what is there already changes nothing')
    .argument('<file>')
    .addOption(new Option('--format <format>', 'default: by the ending of the file').choices(['csv', 'ndjson']))
    .option('--mapping <file>', 'JSON document that maps columns to facts (CSV)')
    .option('--json', 'print JSON')
    .action(async (file: string, options: ImportOptions) => {
      const client = await connect(options, 'source');
      const format = options.format ?? (file.endsWith('.csv') ? 'csv' : 'ndjson');
      const mapping: unknown =
        options.mapping === undefined ? undefined : JSON.parse(readFileSync(options.mapping, 'utf8'));
      const result = await importBody(client, await fileBody(file), format, mapping);
      if (options.json) printJson(result);
      else print(importSummary(result));
      if (result.refused + result.conflicts > 0) process.exitCode = 1;
    });
}

export function importSummary(result: ImportResult): string {
  return `${result.facts} facts: ${result.accepted} new, ${result.repeated} known already, ${result.conflicts} in conflict with what is known, ${result.refused} refused`;
}

/** Sends facts and shows how far the server is. @throws where the server breaks off before the result. */
export async function importBody(
  client: Client,
  body: Blob | string,
  format: 'csv' | 'ndjson',
  mapping?: unknown,
): Promise<ImportResult> {
  const progress = startProgress('import', 0, 'facts');
  try {
    for await (const message of client.stream(`/imports?format=${format}`, body, {
      'content-type': format === 'csv' ? 'text/csv' : 'application/x-ndjson',
      ...(mapping === undefined ? {} : { 'x-import-mapping': JSON.stringify(mapping) }),
    })) {
      if (message['type'] === 'progress') progress.update(Number(message['done']), Number(message['staged']));
      else if (message['type'] === 'result') {
        const count = (name: string): number => Number(message[name]);
        return {
          facts: count('facts'),
          accepted: count('accepted'),
          repeated: count('repeated'),
          conflicts: count('conflicts'),
          refused: count('refused'),
        };
      } else if (message['type'] === 'error') throw new Error(String(message['detail'] ?? message['message']));
    }
  } finally {
    progress.stop();
  }
  throw new Error(
    'the server broke off the import before its end; import again: what is stored already changes nothing',
  );
}
