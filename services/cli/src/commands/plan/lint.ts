import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { parsePlan } from '@tantieme/commission-engine/plan/lint/parse-plan';
import { count, print, printJson } from '../../output/print.js';
import { findingText } from './finding.js';

export function lintCommand(): Command {
  return new Command('lint')
    .description('check a plan document (YAML or JSON) without a server; docs/plan-lint.md explains the codes')
    .argument('<file>', 'plan document: plan.yaml')
    .option('--json', 'print JSON')
    .option('--strict', 'exit with code 1 on warnings too')
    .action((file: string, options: { json?: boolean; strict?: boolean }) => {
      const { findings } = parsePlan(readFileSync(file, 'utf8'));
      const errors = findings.filter(({ severity }) => severity === 'error').length;
      if (options.json) printJson(findings);
      else {
        for (const finding of findings) print(findingText(file, finding));
        print(
          findings.length === 0
            ? `${file}: no findings`
            : `${count(errors, 'error')}, ${count(findings.length - errors, 'warning')}`,
        );
      }
      if (errors > 0 || (options.strict && findings.length > 0)) process.exitCode = 1;
    });
}
