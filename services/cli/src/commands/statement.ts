import { Command } from 'commander';
import type { Statement, StatementIssued } from '@tantieme/contracts/payout';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import type { Client } from '../client.js';
import { connect, withConnection, type ConnectionOptions } from './connection.js';
import { print, printJson, table } from './output.js';

interface StatementOptions extends ConnectionOptions {
  readonly payee?: string;
  readonly currency?: string;
  readonly period?: string;
  readonly json?: boolean;
}

export function statementCommand(): Command {
  return withConnection(new Command('statement'))
    .description('list statements, or show one with its lines')
    .argument('[id]', 'payee|currency|calendar|period')
    .option('--payee <partner>')
    .option('--currency <code>')
    .option('--period <period>')
    .option('--json', 'print JSON')
    .action(async (id: string | undefined, options: StatementOptions) => {
      const client = await connect(options, 'auditor');
      if (id === undefined) await listStatements(client, options);
      else await showStatement(client, id, options);
    });
}

async function listStatements(client: Client, options: StatementOptions): Promise<void> {
  const query = new URLSearchParams();
  for (const key of ['payee', 'currency', 'period'] as const) {
    const value = options[key];
    if (value !== undefined) query.set(key, value);
  }
  const statements = await Array.fromAsync(client.all<StatementIssued>(`/statements?${query}`));
  if (options.json) printJson(statements);
  else print(statementTable(statements));
}

export function statementTable(statements: readonly StatementIssued[]): string {
  return table(
    ['period', 'payee', 'currency', '>lines', '>opening', '>total', '>payable', '>carried'],
    statements.map((one) => [
      one.period,
      one.payee,
      one.currency,
      String(one.lineCount),
      one.opening,
      one.total,
      one.payable,
      one.carried,
    ]),
  );
}

async function showStatement(client: Client, id: string, options: StatementOptions): Promise<void> {
  const statement: Statement = JSON.parse(await client.text(`/statements/${encodeURIComponent(id)}/document`));
  if (options.json) return printJson(statement);
  print(`Statement ${statement.id}`);
  print(lineTable(statement.lines));
  print(
    `opening ${statement.opening}, total ${statement.total}, payable ${statement.payable}, carried ${statement.carried} ${statement.currency}`,
  );
  if (statement.forgiven !== undefined) print(`forgiven ${statement.forgiven} ${statement.currency}`);
  for (const { amount, currency, of } of statement.exchanged ?? [])
    print(
      `of it ${of} ${statement.currency} earned with deals in ${currency}, worth ${amount} ${currency} at their rates`,
    );
  print(`sha256 ${statement.hash}`);
}

/** Lines are numbered from 1, as `tantieme explain` takes them. */
export function lineTable(lines: readonly LedgerLine[]): string {
  return table(
    ['>#', 'belongs to', 'plan', 'component', 'deal', 'line', 'kind', '>basis', '>amount'],
    lines.map((line, index) => [
      String(index + 1),
      line.origin,
      line.plan,
      line.component,
      line.deal,
      line.line,
      line.kind,
      line.basis,
      line.amount,
    ]),
  );
}
