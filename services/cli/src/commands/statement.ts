/** `tantieme statement`: what each payee earned in a period, and what it is paid. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command, Option } from 'commander';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import type { Statement, StatementIssued } from '@tantieme/contracts/payout';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { count, print, printJson } from '../output/print.js';
import { table } from '../output/table.js';
import type { Column } from '../output/table.js';
import { dataOf } from '../server/client.js';
import type { Api } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { partnerNames } from '../server/partner-names.js';
import { calendarOf, statementId } from '../server/short-ids.js';

export function statementCommand(): Command {
  return new Command('statement')
    .description('statements: what payees earned in a period, and what they are paid')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(approveCommand())
    .addCommand(exportCommand());
}

interface StatementFilter extends ServerOptions, ListOptions {
  readonly payee?: string;
  readonly currency?: string;
  readonly period?: string;
  readonly state?: 'issued' | 'approved' | 'withdrawn';
}

function listCommand(): Command {
  return withLimit(serverCommand('list', 'statements, with names of payees'))
    .option('--payee <partner>')
    .option('--currency <code>', 'EUR')
    .option('--period <period>', '2026-01')
    .addOption(new Option('--state <state>').choices(['issued', 'approved', 'withdrawn']))
    .action(async (options: StatementFilter) => {
      const api = await connect(options, 'auditor');
      const { payee, currency, period, state } = options;
      await printList<StatementIssued>(
        options,
        (query) =>
          api.GET('/statements', { params: { query: omitUndefined({ ...query, payee, currency, period, state }) } }),
        async (rows) =>
          statementColumns(
            await partnerNames(
              api,
              rows.map((row) => row.payee),
            ),
          ),
      );
    });
}

export function statementColumns(names: ReadonlyMap<string, string> = new Map()): readonly Column<StatementIssued>[] {
  return [
    { title: 'period', of: (one) => one.period },
    { title: 'payee', of: (one) => one.payee },
    { title: 'name', of: (one) => names.get(one.payee), rank: 4, text: true },
    { title: 'currency', of: (one) => one.currency },
    { title: 'lines', of: (one) => one.lineCount, align: 'right', rank: 3 },
    { title: 'opening', of: (one) => one.opening, align: 'right', rank: 2 },
    { title: 'total', of: (one) => one.total, align: 'right' },
    { title: 'payable', of: (one) => one.payable, align: 'right' },
    { title: 'carried', of: (one) => one.carried, align: 'right', rank: 1 },
  ];
}

const words = [
  '<statement...>',
  'id (payee|currency|calendar|period), or as much of it as names one: acme 2026-01',
] as const;

function showCommand(): Command {
  return serverCommand('show', 'one statement with its lines')
    .argument(...words)
    .action(async (wanted: readonly string[], options: ServerOptions) => {
      const api = await connect(options, 'auditor');
      const statement = await readStatement(api, await statementId(api, wanted));
      if (options.json) return printJson(statement);
      const name = (await partnerNames(api, [statement.payee])).get(statement.payee);
      print(`Statement ${statement.id}${name === undefined ? '' : `  ${name}`}`);
      print(lineTable(statement.lines));
      const { opening, total, payable, carried, currency } = statement;
      print(`opening ${opening}, total ${total}, payable ${payable}, carried ${carried} ${currency}`);
      if (statement.forgiven !== undefined) print(`forgiven ${statement.forgiven} ${currency}`);
      for (const exchanged of statement.exchanged ?? [])
        print(
          `${exchanged.of} ${currency} of it come from deals in ${exchanged.currency}, worth ` +
            `${exchanged.amount} ${exchanged.currency} at their rates`,
        );
      print(`sha256 ${statement.hash}`);
    });
}

/** The whole canonical document of a statement. */
export async function readStatement(api: Api, id: string): Promise<Statement> {
  return dataOf(api.GET('/statements/{id}/document', { params: { path: { id } } }));
}

/** Lines are numbered from 1, as `tantieme explain` takes them. */
export function lineTable(lines: readonly LedgerLine[]): string {
  return table(
    [
      { title: '#', of: ({ number }) => number, align: 'right' },
      { title: 'period', of: ({ line }) => line.origin, rank: 4 },
      { title: 'plan', of: ({ line }) => line.plan, rank: 3 },
      { title: 'component', of: ({ line }) => line.component },
      { title: 'deal', of: ({ line }) => line.deal },
      { title: 'line', of: ({ line }) => line.line, rank: 2 },
      { title: 'kind', of: ({ line }) => line.kind, rank: 1 },
      { title: 'basis', of: ({ line }) => line.basis, align: 'right' },
      { title: 'amount', of: ({ line }) => line.amount, align: 'right' },
    ],
    lines.map((line, index) => ({ line, number: index + 1 })),
  );
}

interface ApproveOptions extends ServerOptions {
  readonly period?: string;
  readonly calendar?: string;
}

function approveCommand(): Command {
  return serverCommand('approve', 'approve one statement, or all of a period: what they pay goes out to finance')
    .argument('[statement...]', words[1])
    .option('--period <period>', 'all statements of this period')
    .option('--calendar <calendar>', 'with --period; may be left out while plans have one calendar')
    .action(async (wanted: readonly string[], options: ApproveOptions) => {
      const api = await connect(options, 'approver');
      if ((wanted.length === 0) === (options.period === undefined))
        throw new Error('name one statement, or a whole period with --period');
      if (options.period === undefined) {
        const id = await statementId(api, wanted);
        const approved = await dataOf(api.POST('/statements/{id}/approve', { params: { path: { id } } }));
        if (options.json) printJson(approved);
        else print(`${id} is approved`);
        return;
      }
      const body = { calendar: await calendarOf(api, options.calendar), period: options.period };
      const approved = await dataOf(api.POST('/statements/approve', { body }));
      if (options.json) printJson(approved);
      else print(`${count(approved.approved, 'statement')} of ${options.period} approved`);
    });
}

function exportCommand(): Command {
  return serverCommand('export', 'the canonical documents of all statements of a period, one a line (NDJSON)')
    .argument('<period>', '2026-01')
    .option('--calendar <calendar>', 'may be left out while plans have one calendar')
    .action(async (period: string, options: ServerOptions & { calendar?: string }) => {
      const api = await connect(options, 'auditor');
      const query = { calendar: await calendarOf(api, options.calendar), period };
      const text = await dataOf(api.GET('/statements/export', { params: { query }, parseAs: 'text' }));
      process.stdout.write(text);
    });
}
