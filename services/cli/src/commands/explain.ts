/** `tantieme explain`: how a line of a statement came about, down to the row of the source file. */
import type { Command } from 'commander';
import type { Statement } from '@tantieme/contracts/payout';
import { print, printJson } from '../output/print.js';
import { dataOf } from '../server/client.js';
import type { Api } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { statementId } from '../server/short-ids.js';
import { readStatement } from './statement.js';

export function explainCommand(): Command {
  return serverCommand('explain', 'explain a line of a statement, down to the source line')
    .argument('<statement...>', 'id, or as much of it as names one, then the number of the line: acme 2026-01 3')
    .action(async (words: readonly string[], options: ServerOptions) => {
      const number = words.at(-1) ?? '';
      if (!/^[1-9]\d{0,6}$/.test(number))
        throw new Error(`the last argument is the number of the line, from 1; "${number}" is not a number`);
      if (words.length < 2) throw new Error('name the statement before the number of the line: acme 2026-01 3');
      const api = await connect(options, 'auditor');
      const statement = await readStatement(api, await statementId(api, words.slice(0, -1)));
      const explanation = await explainLine(api, statement, Number(number));
      if (options.json) printJson(explanation);
      else print(explanation.text.join('\n'));
    });
}

/** Sentences for a person; with `--json` the trace of the calculation stands beside them. */
export interface Explanation {
  readonly text: readonly string[];
}

/** @param number of the line, from 1 */
export async function explainLine(api: Api, statement: Statement, number: number): Promise<Explanation> {
  const line = statement.lines[number - 1];
  if (!line)
    throw new Error(`line ${number}: the statement ${statement.id} has the lines 1 to ${statement.lines.length}`);
  if (line.kind === 'bonus' || line.deal === '')
    return {
      text: [
        `${line.amount} ${statement.currency}: ${line.kind} of programme ${line.component} for ${line.line}, ` +
          `on a measured ${line.basis} ${statement.currency}`,
      ],
    };
  const { payee } = statement;
  const query = { payee, plan: line.plan, component: line.component, deal: line.deal, line: line.line };
  return dataOf(api.GET('/earnings/explain', { params: { query } }));
}
