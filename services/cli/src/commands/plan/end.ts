import { Command } from 'commander';
import { connect, withConnection, type ConnectionOptions } from '../connection.js';
import { print, printJson } from '../output.js';
import type { ListedPlan } from './version.js';

interface EndOptions extends ConnectionOptions {
  readonly lastDay: string;
  readonly json?: boolean;
}

export function endCommand(): Command {
  return withConnection(new Command('end'))
    .description('end a plan')
    .argument('<plan>')
    .requiredOption('--last-day <day>', 'last day on which anything counts: 2026-12-31')
    .option('--json', 'print JSON')
    .action(async (plan: string, { lastDay, json, ...options }: EndOptions) => {
      const client = await connect(options, 'plan-designer');
      const ended = await client.post<ListedPlan>(`/plans/${encodeURIComponent(plan)}/end`, { lastDay });
      if (json) printJson(ended);
      else print(`${plan} ends on ${lastDay}`);
    });
}
