import { Command } from 'commander';
import type { Statement } from '@tantieme/contracts/payout';
import type { Client } from '../client.js';
import { connect, withConnection, type ConnectionOptions } from './connection.js';
import { print, printJson } from './output.js';

export function explainCommand(): Command {
  return withConnection(new Command('explain'))
    .description('tell how a line of a statement came about, down to the source line')
    .argument('<statement>', 'payee|currency|calendar|period')
    .argument('<line>', 'number of the line, from 1')
    .option('--json', 'print JSON')
    .action(async (id: string, number: string, options: ConnectionOptions & { json?: boolean }) => {
      const client = await connect(options, 'auditor');
      const explanation = await explainLine(client, id, Number(number));
      if (options.json) printJson(explanation);
      else print(explanation.text.join('\n'));
    });
}

/** What commission-calculation and rewards say of a ledger line: sentences for a person, and the trace itself. */
export interface Explanation {
  readonly text: readonly string[];
}

export async function explainLine(client: Client, statementId: string, number: number): Promise<Explanation> {
  const statement: Statement = JSON.parse(await client.text(`/statements/${encodeURIComponent(statementId)}/document`));
  const line = statement.lines[number - 1];
  if (!line)
    throw new Error(`line ${number}: the statement ${statementId} has the lines 1 to ${statement.lines.length}`);
  if (line.kind === 'bonus' || line.deal === '') {
    return {
      text: [
        `${line.amount} ${statement.currency}: ${line.kind} of programme ${line.component} for ${line.line}, on a measured ${line.basis} ${statement.currency}`,
      ],
    };
  }
  const query = new URLSearchParams({
    payee: statement.payee,
    plan: line.plan,
    component: line.component,
    deal: line.deal,
    line: line.line,
  });
  return client.get<Explanation>(`/earnings/explain?${query}`);
}
