import { Command } from 'commander';
import { connect, withConnection, type ConnectionOptions } from '../connection.js';
import { print, printJson, table } from '../output.js';
import type { ListedPlan } from './version.js';

export function listCommand(): Command {
  return withConnection(new Command('list'))
    .description('plans with their versions')
    .option('--json', 'print JSON')
    .action(async (options: ConnectionOptions & { json?: boolean }) => {
      const client = await connect(options, 'auditor');
      const plans = await Array.fromAsync(client.all<ListedPlan>('/plans'));
      if (options.json) printJson(plans);
      else print(planTable(plans));
    });
}

function planTable(plans: readonly ListedPlan[]): string {
  return table(
    ['plan', '>version', 'state', 'from', 'last day', 'drafted by', 'approved by', '>warnings'],
    plans.flatMap(({ plan, ended, versions }) =>
      versions.map(({ version, state, published, drafted, approved, findings }) => [
        plan,
        String(version),
        state,
        published?.effectiveFrom ?? '',
        ended?.lastDay ?? '',
        drafted.by,
        approved?.by ?? '',
        String(findings.length),
      ]),
    ),
  );
}
