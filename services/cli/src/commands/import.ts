import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { fileBody, type Client, type FieldError } from '../client.js';
import { startProgress } from '../progress.js';
import { connect, withConnection, type ConnectionOptions } from './connection.js';
import { print, printJson } from './output.js';

/** What a file may be about, and where it is sent. */
const ADDRESSES = {
  deals: (format: string) => `/imports?format=${format}`,
  'exchange-rates': () => '/exchange-rates/batch',
  quotas: () => '/quotas/batch',
} as const;

type ImportKind = keyof typeof ADDRESSES;

interface ImportOptions extends ConnectionOptions {
  readonly kind: ImportKind;
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
  /** What was not taken, and why: the first of them. Of deals the server keeps them, and they are not told here. */
  readonly reasons: readonly string[];
}

/** Facts that were not taken of which the reason is shown. */
const REASONS_SHOWN_MAX = 20;

export function importCommand(): Command {
  return withConnection(new Command('import'))
    .description(
      'import facts: NDJSON or CSV (of deals with a column mapping, else with a header); what is there already changes nothing',
    )
    .argument('<file>')
    .addOption(new Option('--kind <kind>', 'what it is about').choices(Object.keys(ADDRESSES)).default('deals'))
    .addOption(new Option('--format <format>', 'default: by the ending of the file').choices(['csv', 'ndjson']))
    .option('--mapping <file>', 'JSON document that maps columns to facts (CSV of deals)')
    .option('--json', 'print JSON')
    .action(async (file: string, options: ImportOptions) => {
      const client = await connect(options, 'source');
      const format = options.format ?? (file.endsWith('.csv') ? 'csv' : 'ndjson');
      const mapping: unknown =
        options.mapping === undefined ? undefined : JSON.parse(readFileSync(options.mapping, 'utf8'));
      const result = await importBody(client, await fileBody(file), format, mapping, options.kind);
      if (options.json) printJson(result);
      else print(importSummary(result));
      if (result.refused + result.conflicts > 0) process.exitCode = 1;
    });
}

export function importSummary(result: ImportResult): string {
  const { facts, accepted, repeated, conflicts, refused, reasons } = result;
  return [
    `${facts} facts: ${accepted} new, ${repeated} known already, ${conflicts} in conflict with what is known, ${refused} refused`,
    ...reasons,
  ].join('\n');
}

/** Sends facts and shows how far the server is. @throws where the server breaks off before the result. */
export async function importBody(
  client: Client,
  body: Blob | string,
  format: 'csv' | 'ndjson',
  mapping?: unknown,
  kind: ImportKind = 'deals',
): Promise<ImportResult> {
  const reasons: string[] = [];
  const progress = startProgress('import', 0, 'facts');
  try {
    for await (const message of client.stream(ADDRESSES[kind](format), body, {
      'content-type': format === 'csv' ? 'text/csv' : 'application/x-ndjson',
      ...(mapping === undefined ? {} : { 'x-import-mapping': JSON.stringify(mapping) }),
    })) {
      if (message['type'] === 'progress') progress.update(Number(message['done']), Number(message['staged']));
      else if (message['type'] === 'conflict' || message['type'] === 'refused') {
        if (reasons.length < REASONS_SHOWN_MAX) reasons.push(reasonText(message));
      } else if (message['type'] === 'result') {
        const count = (name: string): number => Number(message[name]);
        return {
          facts: count('facts'),
          accepted: count('accepted'),
          repeated: count('repeated'),
          conflicts: count('conflicts'),
          refused: count('refused'),
          reasons,
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

function reasonText({ fact, code, errors }: Readonly<Record<string, unknown>>): string {
  const fields: readonly FieldError[] = Array.isArray(errors) ? errors : [];
  return `fact ${String(fact)}: ${String(code)}: ${fields.map(({ field, reason }) => `${field} ${reason}`.trim()).join('; ')}`;
}
