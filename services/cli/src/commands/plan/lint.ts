import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { parsePlan } from '@tantieme/commission-engine/plan';
import { print, printJson } from '../output.js';
import { findingText } from './finding.js';

export function lintCommand(): Command {
  return new Command('lint')
    .description('check a plan document (YAML or JSON)')
    .argument('<file>')
    .option('--json', 'print JSON')
    .action((file: string, options: { json?: boolean }) => {
      const { findings } = parsePlan(readFileSync(file, 'utf8'));
      if (options.json) printJson(findings);
      else {
        for (const finding of findings) print(findingText(file, finding));
        print(findings.length === 0 ? `${file}: nothing to say` : `${findings.length} findings`);
      }
      if (findings.some(({ severity }) => severity === 'error')) process.exitCode = 1;
    });
}
