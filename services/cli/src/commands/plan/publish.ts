import { Command } from 'commander';
import { connect, withConnection, type ConnectionOptions } from '../connection.js';
import { printVersion, versionPath, type PlanVersion } from './version.js';

interface PublishOptions extends ConnectionOptions {
  readonly effectiveFrom: string;
  readonly json?: boolean;
}

export function publishCommand(): Command {
  return withConnection(new Command('publish'))
    .description('let an approved version of a plan take effect; somebody else than who drafted it')
    .argument('<plan>')
    .argument('<version>', 'number of the version')
    .requiredOption(
      '--effective-from <day>',
      'with the first measurement window that starts on or after it: 2026-01-01',
    )
    .option('--json', 'print JSON')
    .action(async (plan: string, version: string, { effectiveFrom, json, ...options }: PublishOptions) => {
      const client = await connect(options, 'approver');
      printVersion(await client.post<PlanVersion>(`${versionPath(plan, version)}/publish`, { effectiveFrom }), json);
    });
}
