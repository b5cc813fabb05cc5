import { Command } from 'commander';
import { connect, withConnection, type ConnectionOptions } from '../connection.js';
import { printVersion, versionPath, type PlanVersion } from './version.js';

export function approveCommand(): Command {
  return withConnection(new Command('approve'))
    .description('approve a version of a plan; somebody else than who drafted it')
    .argument('<plan>')
    .argument('<version>', 'number of the version')
    .option('--json', 'print JSON')
    .action(async (plan: string, version: string, options: ConnectionOptions & { json?: boolean }) => {
      const client = await connect(options, 'approver');
      printVersion(await client.post<PlanVersion>(`${versionPath(plan, version)}/approve`), options.json);
    });
}
