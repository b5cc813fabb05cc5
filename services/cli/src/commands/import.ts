/** `tantieme import`: many facts from one file, streamed to the server. */
import { openAsBlob, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { Command, Option } from 'commander';
import type { Role } from '@tantieme/service-kit/access/auth';
import { printList, withLimit } from '../output/list.js';
import type { ListOptions } from '../output/list.js';
import { startProgress } from '../output/progress.js';
import { print, printJson } from '../output/print.js';
import { localTime } from '../output/time.js';
import { ndjsonOf } from '../server/client.js';
import type { Api, FieldError } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';

/** What a file may be about: where it is sent, and as whom. */
const KINDS = {
  deals: { path: '/imports', role: 'source' },
  partners: { path: '/partners/batch', role: 'operator' },
  quotas: { path: '/quotas/batch', role: 'plan-designer' },
  'exchange-rates': { path: '/exchange-rates/batch', role: 'source' },
} as const satisfies Record<string, { readonly path: string; readonly role: Role }>;

export type ImportKind = keyof typeof KINDS;
export type ImportFormat = 'csv' | 'ndjson';

interface ImportOptions extends ServerOptions {
  readonly kind?: ImportKind;
  readonly format?: ImportFormat;
  readonly mapping?: string;
  readonly locale?: string;
  readonly dryRun?: boolean;
}

/** Reasons of refused facts that are printed; the server keeps all of them. */
const REASONS_SHOWN_MAX = 20;

export function importCommand(): Command {
  return importOptions(
    serverCommand('import', 'import facts from CSV or NDJSON; importing a file again changes nothing'),
  )
    .addOption(new Option('--kind <kind>', 'what the file is about').choices(Object.keys(KINDS)).default('deals'))
    .action((file: string, options: ImportOptions) => importAction(options.kind ?? 'deals')(file, options))
    .addCommand(listCommand());
}

export function importOptions(command: Command): Command {
  return command
    .argument('<file>')
    .addOption(new Option('--format <format>', 'default: by the ending of the file').choices(['csv', 'ndjson']))
    .option('--mapping <file>', 'JSON document that maps columns of a CSV file')
    .option('--locale <locale>', 'how numbers and dates are written in a CSV file: fr-FR, de-DE, en-US')
    .option('--dry-run', 'print what would happen, with totals; nothing is stored');
}

export function importAction(kind: ImportKind): (file: string, options: ImportOptions) => Promise<void> {
  return async (file, options) => {
    const api = await connect(options, KINDS[kind].role);
    const mapping: unknown =
      options.mapping === undefined ? undefined : JSON.parse(readFileSync(options.mapping, 'utf8'));
    const result = await importBody(api, {
      kind,
      body: await openAsBlob(file),
      format: options.format ?? (extname(file).toLowerCase() === '.csv' ? 'csv' : 'ndjson'),
      file: basename(file),
      mapping,
      locale: options.locale,
      dryRun: options.dryRun,
    });
    if (options.json) printJson(result);
    else print(importSummary(result));
    if (result.refused + result.conflicts > 0) process.exitCode = 1;
  };
}

export interface ImportResult {
  readonly facts: number;
  readonly accepted: number;
  readonly repeated: number;
  readonly conflicts: number;
  readonly refused: number;
  /** The first reasons why facts were not recorded. */
  readonly reasons: readonly string[];
}

export function importSummary(result: ImportResult): string {
  const { facts, accepted, repeated, conflicts, refused, reasons } = result;
  return [
    `${facts} facts: ${accepted} new, ${repeated} known already, ${conflicts} in conflict, ${refused} refused`,
    ...reasons,
  ].join('\n');
}

export interface ImportRequest {
  readonly kind: ImportKind;
  readonly body: Blob | string;
  readonly format: ImportFormat;
  readonly file?: string | undefined;
  readonly mapping?: unknown;
  readonly locale?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Sends facts and shows how far the server is. @throws where the server breaks off before the result */
export async function importBody(api: Api, request: ImportRequest): Promise<ImportResult> {
  const { kind, body, format, file, mapping, locale, dryRun } = request;
  const reasons: string[] = [];
  const progress = startProgress('import', 0, 'facts');
  try {
    const answer = api.POST(KINDS[kind].path, {
      params: { query: { format, file, locale, dryRun } },
      headers: {
        'content-type': format === 'csv' ? 'text/csv' : 'application/x-ndjson',
        ...(mapping === undefined ? {} : { 'x-import-mapping': JSON.stringify(mapping) }),
      },
      body,
      bodySerializer: (sent: Blob | string) => sent,
      parseAs: 'stream',
    });
    for await (const message of ndjsonOf(answer)) {
      if (message['type'] === 'progress') progress.update(Number(message['done']), Number(message['staged']));
      else if (message['type'] === 'conflict' || message['type'] === 'refused') {
        if (reasons.length < REASONS_SHOWN_MAX) reasons.push(reasonText(message));
      } else if (message['type'] === 'result') {
        const { type: _, ...counts } = message;
        return { ...(counts as Omit<ImportResult, 'reasons'>), reasons };
      } else if (message['type'] === 'error') throw new Error(String(message['detail']));
    }
  } finally {
    progress.stop();
  }
  throw new Error(
    'the server broke off the import before its end; import again: what is stored already changes nothing',
  );
}

function reasonText({ fact, code, errors }: Readonly<Record<string, unknown>>): string {
  const fields = Array.isArray(errors) ? (errors as readonly FieldError[]) : [];
  return `fact ${String(fact)}: ${String(code)}: ${fields.map(({ field, reason }) => `${field} ${reason}`.trim()).join('; ')}`;
}

function listCommand(): Command {
  return withLimit(serverCommand('list', 'imports of deals, the newest first')).action(
    async (options: ServerOptions & ListOptions) => {
      const api = await connect(options, 'operator');
      await printList(options, (query) => api.GET('/imports', { params: { query } }), [
        { title: 'import', of: (one) => one.id },
        { title: 'file', of: (one) => one.file, text: true },
        { title: 'at (UTC)', of: (one) => localTime(one.at, 'UTC') },
        { title: 'by', of: (one) => one.actor, rank: 1, text: true },
        { title: 'facts', of: (one) => one.facts, align: 'right' },
        { title: 'accepted', of: (one) => one.accepted, align: 'right' },
        { title: 'refused', of: (one) => one.refused, align: 'right' },
      ]);
    },
  );
}
