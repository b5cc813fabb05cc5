import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { parsePlan } from '@tantieme/commission-engine/plan';
import { print, printJson } from './output.js';

export function planCommand(): Command {
  const lint = new Command('lint')
    .description('check a plan document (YAML or JSON)')
    .argument('<file>')
    .option('--json', 'print JSON')
    .action((file: string, options: { json?: boolean }) => {
      const { findings } = parsePlan(readFileSync(file, 'utf8'));
      if (options.json) printJson(findings);
      else {
        for (const finding of findings)
          print(
            `${file}:${finding.line}:${finding.column} ${finding.severity} ${finding.code} at ${finding.path || '/'}: ${finding.message}`,
          );
        print(findings.length === 0 ? `${file}: nothing to say` : `${findings.length} findings`);
      }
      if (findings.some(({ severity }) => severity === 'error')) process.exitCode = 1;
    });
  return new Command('plan').description('work on plan documents').addCommand(lint);
}
