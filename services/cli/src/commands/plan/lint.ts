import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { parsePlan } from '@tantieme/commission-engine/plan/lint/parse-plan';
import { print, printJson } from '../../output/print.js';
import { findingText } from './finding.js';

export function lintCommand(): Command {
  return new Command('lint')
    .description('check a plan document (YAML or JSON); docs/plan-lint.md explains the codes')
    .argument('<file>')
    .option('--json', 'print JSON')
    .option('--strict', 'fail on warnings too')
    .action((file: string, options: { json?: boolean; strict?: boolean }) => {
      const { findings } = parsePlan(readFileSync(file, 'utf8'));
      const errors = findings.filter(({ severity }) => severity === 'error').length;
      if (options.json) printJson(findings);
      else {
        for (const finding of findings) print(findingText(file, finding));
        print(
          findings.length === 0
            ? `${file}: nothing to say`
            : `${count(errors, 'error')}, ${count(findings.length - errors, 'warning')}`,
        );
      }
      if (errors > 0 || (options.strict && findings.length > 0)) process.exitCode = 1;
    });
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
