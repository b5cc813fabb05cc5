import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { connect, withConnection, type ConnectionOptions } from '../connection.js';
import { print } from '../output.js';
import { findingText } from './finding.js';
import { printVersion, type PlanVersion } from './version.js';

export function draftCommand(): Command {
  return withConnection(new Command('draft'))
    .description('draft a version of a plan; the newest one again changes nothing')
    .argument('<file>', 'plan document, YAML or JSON')
    .option('--json', 'print JSON')
    .action(async (file: string, options: ConnectionOptions & { json?: boolean }) => {
      const client = await connect(options, 'plan-designer');
      const draft = await client.postText<PlanVersion>('/plans', readFileSync(file, 'utf8'), 'application/yaml');
      if (!options.json) for (const finding of draft.findings) print(findingText(file, finding));
      printVersion(draft, options.json);
    });
}
