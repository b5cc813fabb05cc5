/** `tantieme import`: many facts from one file, streamed to the server. */
import { openAsBlob, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { Command, Option } from 'commander';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Role } from '@tantieme/service-kit/access/auth';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { startProgress } from '../output/progress.js';
import { hint, print, printJson } from '../output/print.js';
import { table } from '../output/table.js';
import { localTime } from '../output/time.js';
import { dataOf, ndjsonOf, rawBody } from '../server/client.js';
import type { Api, Schemas } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';

/** What a file may be about, and as whom it is sent. */
const ROLES = {
  deals: 'source',
  partners: 'operator',
  tiers: 'operator',
  uplines: 'operator',
  agreements: 'operator',
  certifications: 'operator',
  quotas: 'plan-designer',
  'exchange-rates': 'source',
} as const satisfies Record<string, Role>;

export type ImportKind = keyof typeof ROLES;
export type ImportFormat = 'csv' | 'ndjson';

interface ImportOptions extends ServerOptions {
  readonly format?: ImportFormat;
  readonly mapping?: string;
  readonly locale?: string;
  readonly dryRun?: boolean;
  readonly withdraw?: boolean;
}

/** Reasons of refused rows that are printed; the server keeps all of those about deals. */
const REASONS_SHOWN_MAX = 20;

export function importCommand(): Command {
  return new Command('import')
    .description('facts from CSV or NDJSON files; importing a file again changes nothing')
    .addCommand(kindCommand('deals', 'deals and what happened to them'), { isDefault: true })
    .addCommand(kindCommand('partners', 'partners'))
    .addCommand(kindCommand('agreements', 'agreements of partners to plans'))
    .addCommand(kindCommand('tiers', 'tiers of partners'))
    .addCommand(kindCommand('uplines', 'partners above partners'))
    .addCommand(kindCommand('certifications', 'certifications of partners'))
    .addCommand(kindCommand('quotas', 'quotas of payees'))
    .addCommand(kindCommand('exchange-rates', 'published exchange rates'))
    .addCommand(listCommand())
    .addCommand(undoCommand())
    .addCommand(rejectedCommand());
}

/** `name` is the kind, or `import` below the command of that kind. */
export function kindCommand(kind: ImportKind, about: string, name: string = kind): Command {
  const command = serverCommand(name, `import ${about}`)
    .argument('<file>')
    .addOption(new Option('--format <format>', 'default: by the ending of the file').choices(['csv', 'ndjson']))
    .option('--mapping <file>', 'JSON document that names the columns of a CSV file')
    .option('--locale <locale>', 'how numbers and dates are written in a CSV file: fr-FR, de-DE, en-US')
    .option('--dry-run', 'print what would happen, with totals; nothing is stored');
  if (kind !== 'deals' && kind !== 'partners')
    command.option('--withdraw', 'withdraw what the file states, where it is still recorded so');
  return command.action(async (file: string, options: ImportOptions) => {
    const api = await connect(options, ROLES[kind]);
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
      withdraw: options.withdraw,
    });
    if (options.json) printJson(result);
    else print(importSummary(result, options.withdraw));
    if (!options.json && kind === 'deals' && result.counts.refused + result.counts.conflicts > 0 && !options.dryRun)
      hint('refused facts are kept: "tantieme refusal list" prints them with the reasons');
    if (result.counts.refused + result.counts.conflicts > 0) process.exitCode = 1;
  });
}

export interface ImportResult {
  readonly dryRun: boolean;
  readonly counts: {
    /** Facts of deals, quotas and rates; rows of files about partners. */
    readonly total: number;
    /** New, or changed. */
    readonly accepted: number;
    /** Known before with the same content. */
    readonly repeated: number;
    /** Known before with other content. */
    readonly conflicts: number;
    readonly refused: number;
  };
  /** Of a dry run of deals: what would be accepted. */
  readonly amounts: readonly Schemas['AmountTotalBody'][];
  /** The first reasons why facts were refused, and warnings. */
  readonly reasons: readonly string[];
}

export function importSummary({ dryRun, counts, amounts, reasons }: ImportResult, withdraw = false): string {
  const { total, accepted, repeated, conflicts, refused } = counts;
  const words = withdraw
    ? `${accepted} withdrawn, ${repeated} not there, ${refused} left as they are`
    : `${accepted} new, ${repeated} known already, ${conflicts} in conflict, ${refused} refused`;
  const summary = `${dryRun ? 'nothing is stored; it would be ' : ''}${total} in all: ${words}`;
  return [summary, ...totalsOf(amounts), ...reasons].join('\n');
}

/** A table, unless there is nothing to list. */
function totalsOf(amounts: readonly Schemas['AmountTotalBody'][]): readonly string[] {
  if (amounts.length === 0) return [];
  return [
    table(
      [
        { title: 'kind', of: (one) => one.kind },
        { title: 'currency', of: (one) => one.currency },
        { title: 'facts', of: (one) => one.facts, align: 'right' },
        { title: 'amount', of: (one) => one.amount, align: 'right' },
      ],
      amounts,
    ),
  ];
}

export interface ImportRequest {
  readonly kind: ImportKind;
  readonly body: Blob | string;
  readonly format: ImportFormat;
  readonly file?: string | undefined;
  readonly mapping?: unknown;
  readonly locale?: string | undefined;
  readonly dryRun?: boolean | undefined;
  /** Not of deals and partners. */
  readonly withdraw?: boolean | undefined;
}

/** Sends facts and shows how far the server is. @throws where the server breaks off before the result */
export async function importBody(api: Api, request: ImportRequest): Promise<ImportResult> {
  const reasons: string[] = [];
  const progress = startProgress('import', 0, 'facts');
  try {
    for await (const message of ndjsonOf(send(api, request))) {
      if (message['type'] === 'progress') progress.update(Number(message['done']), Number(message['staged']));
      else if (message['type'] === 'conflict' || message['type'] === 'refused' || message['type'] === 'warning') {
        if (reasons.length < REASONS_SHOWN_MAX) reasons.push(reasonText(message));
      } else if (message['type'] === 'result') return resultOf(message, reasons);
      else if (message['type'] === 'error') throw new Error(errorText(message));
    }
  } finally {
    progress.stop();
  }
  throw new Error(
    'the server broke off the import before its end; import again: what is stored already changes nothing',
  );
}

function send(api: Api, { kind, body, format, file, mapping, locale, dryRun, withdraw }: ImportRequest) {
  const { headers, ...raw } = rawBody(body, format === 'csv' ? 'text/csv' : 'application/x-ndjson');
  const sent = {
    ...raw,
    headers: { ...headers, ...(mapping === undefined ? {} : { 'x-import-mapping': JSON.stringify(mapping) }) },
    parseAs: 'stream' as const,
  };
  const query = omitUndefined({ format, file, locale, dryRun });
  const withdrawable = omitUndefined({ ...query, withdraw });
  switch (kind) {
    case 'deals':
      return api.POST('/imports', { params: { query }, ...sent });
    case 'partners':
      return api.POST('/partners/batch', { params: { query }, ...sent });
    case 'quotas':
      return api.POST('/quotas/batch', { params: { query: withdrawable }, ...sent });
    case 'exchange-rates':
      return api.POST('/exchange-rates/batch', { params: { query: withdrawable }, ...sent });
    default:
      return api.POST('/partners/{kind}/batch', { params: { path: { kind }, query: withdrawable }, ...sent });
  }
}

function resultOf(message: Readonly<Record<string, unknown>>, reasons: readonly string[]): ImportResult {
  const count = (name: string): number => Number(message[name] ?? 0);
  return {
    dryRun: message['dryRun'] === true,
    counts: {
      total: count('facts') + count('rows'),
      accepted: count('accepted') + count('changed'),
      repeated: count('repeated') + count('unchanged'),
      conflicts: count('conflicts'),
      refused: count('refused'),
    },
    amounts: (message['amounts'] ?? []) as ImportResult['amounts'],
    reasons,
  };
}

/** A row of a file, or a fact of a deal, and what is wrong with it: `row 12, Net "1.2.3": is not a number`. */
function reasonText(message: Readonly<Record<string, unknown>>): string {
  const { type, rows, row, fact, deal, partner } = message;
  const place = Array.isArray(rows) ? `row ${rows.join(', ')}` : row === undefined ? '' : `row ${textOf(row)}`;
  const subject = [place, textOf(deal ?? partner ?? fact)].filter((text) => text !== '').join(', ');
  return `${textOf(type)}: ${[subject, cellFaults(message['errors'])].filter((text) => text !== '').join(': ')}`;
}

function errorText({ detail, errors }: Readonly<Record<string, unknown>>): string {
  const faults = cellFaults(errors);
  return faults === '' ? textOf(detail) : `${textOf(detail)}\n  ${faults}`;
}

/** What is wrong with each cell or field, on one line. */
export function cellFaults(errors: unknown): string {
  const faults = (Array.isArray(errors) ? errors : []) as readonly Schemas['RefusalError'][];
  return faults
    .map(({ field, reason, column, cell }) =>
      [column ?? field, cell === undefined || reason.includes(cell) ? '' : JSON.stringify(cell), reason]
        .filter((text) => text !== '')
        .join(' '),
    )
    .join('; ');
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function listCommand(): Command {
  return withLimit(serverCommand('list', 'imports of deals, the newest first'))
    .addOption(new Option('--state <state>').choices(['running', 'interrupted', 'completed', 'failed', 'undone']))
    .option('--file <text>', 'part of the file name')
    .action(async (options: ServerOptions & ListOptions & { state?: Schemas['Import']['state']; file?: string }) => {
      const api = await connect(options, 'operator');
      const { state, file } = options;
      await printList(
        options,
        (query) => api.GET('/imports', { params: { query: omitUndefined({ ...query, state, file }) } }),
        [
          { title: 'import', of: (one) => one.id },
          { title: 'file', of: (one) => one.file, text: true },
          { title: 'at (UTC)', of: (one) => localTime(one.at, 'UTC'), rank: 2 },
          { title: 'by', of: (one) => one.actor, rank: 3, text: true },
          { title: 'state', of: (one) => one.state, rank: 1 },
          { title: 'facts', of: (one) => one.facts, align: 'right' },
          { title: 'accepted', of: (one) => one.accepted, align: 'right' },
          { title: 'refused', of: (one) => one.refused, align: 'right' },
        ],
      );
    });
}

function undoCommand(): Command {
  return serverCommand('undo', 'withdraw every fact that an import of deals brought; what was replaced since stays')
    .argument('<import>', 'id of the import, as "import list" prints it')
    .option('--dry-run', 'print what would be withdrawn, with totals; nothing is changed')
    .action(async (id: string, options: ServerOptions & { readonly dryRun?: boolean }) => {
      const api = await connect(options, 'source');
      const lines: string[] = [];
      const params = { path: { id }, query: omitUndefined({ dryRun: options.dryRun }) };
      for await (const message of ndjsonOf(api.POST('/imports/{id}/undo', { params, parseAs: 'stream' }))) {
        if (message['type'] === 'error') throw new Error(errorText(message));
        if (message['type'] === 'result') {
          const result = message as unknown as Schemas['UndoResultLine'];
          if (options.json) printJson(result);
          else print(undoSummary(result, lines));
          if (!options.json && result.withdrawn > 0 && !result.dryRun)
            hint('to import the corrected file, give its facts a higher revision: "revision": 1 in the mapping');
          return;
        }
        if (lines.length < REASONS_SHOWN_MAX && (message['type'] === 'replaced' || options.dryRun === true))
          lines.push(
            `${textOf(message['type'])}: ${['source', 'deal', 'fact'].map((name) => textOf(message[name])).join(' ')}`,
          );
      }
      throw new Error('the server broke off the undo before its end; undo again: it goes on from there');
    });
}

function undoSummary(result: Schemas['UndoResultLine'], lines: readonly string[]): string {
  const { dryRun, withdrawn, withdrawnBefore, replaced, amounts } = result;
  const summary =
    `${dryRun ? 'nothing is changed; it would be ' : ''}${withdrawn} withdrawn, ${withdrawnBefore} withdrawn before, ` +
    `${replaced} replaced since by a higher revision from elsewhere, which stay`;
  return [summary, ...totalsOf(amounts), ...lines].join('\n');
}

function rejectedCommand(): Command {
  return serverCommand('rejected', 'print the refused rows of an import as the same file, with a column for the reason')
    .argument('<import>', 'id of the import')
    .action(async (id: string, options: ServerOptions) => {
      const api = await connect(options, 'operator');
      if (options.json) return printJson(await dataOf(api.GET('/imports/{id}', { params: { path: { id } } })));
      const params = { path: { id }, query: { state: 'open' as const } };
      process.stdout.write(textOf(await dataOf(api.GET('/imports/{id}/rejected', { params, parseAs: 'text' }))));
    });
}
