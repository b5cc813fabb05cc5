import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { answerOf } from '../../golden/golden-case.js';
import { caseFolders, readCaseFolder, writeCaseFiles } from '../../golden/case-folder.js';
import { compare, updatedFiles } from '../../golden/comparison.js';
import type { Comparison, Difference } from '../../golden/comparison.js';
import { CaseInvalid, faultText } from '../../golden/csv-rows.js';
import type { CaseFault } from '../../golden/csv-rows.js';
import { print, printJson } from '../../output/print.js';
import { table } from '../../output/table.js';

interface TestOptions {
  readonly json?: boolean;
  readonly update?: boolean;
  readonly yes?: boolean;
}

/** What became of a case. */
type Outcome = { readonly case: string } & (
  | { readonly faults: readonly CaseFault[] }
  | (Comparison & { readonly currency: string; readonly updated: readonly string[] })
);

export function testCommand(): Command {
  return new Command('test')
    .description('calculate golden cases (a plan, deals.csv, lines.csv) and tell what differs, line by line')
    .argument('[folder...]', 'a case, or a folder of cases', ['.'])
    .option('--update', 'write what the plan gives as what is expected, after you have seen it and said yes')
    .option('--yes', 'with --update: yes to all')
    .option('--json', 'print JSON')
    .action(async (folders: readonly string[], options: TestOptions) => {
      if (options.update && options.json && !options.yes)
        throw new Error('--update shows a person what differs, which --json does not: with both, --yes says yes');
      const outcomes: Outcome[] = [];
      for (const folder of folders) {
        const cases = caseFolders(folder);
        if (cases.length === 0) throw new Error(`${folder} has no case: a folder with deals.csv`);
        for (const one of cases) outcomes.push(await test(one, options));
      }
      if (options.json) printJson(outcomes);
      else print(summary(outcomes));
      if (!outcomes.every(isGood)) process.exitCode = 1;
    });
}

async function test(folder: string, options: TestOptions): Promise<Outcome> {
  try {
    const files = readCaseFolder(folder);
    const answer = answerOf(files);
    const comparison = compare(files, answer);
    const outcome = { case: folder, ...comparison, currency: answer.currency, updated: [] };
    if (!options.json) print(outcomeText(outcome));
    if (!options.update || comparison.differences.length === 0) return outcome;
    const updated = updatedFiles(files, answer);
    if (!(await isWanted(`Write ${[...updated.keys()].join(' and ')} of ${folder}?`, options))) return outcome;
    writeCaseFiles(folder, updated);
    return { ...outcome, updated: [...updated.keys()] };
  } catch (error) {
    if (!(error instanceof CaseInvalid)) throw error;
    const outcome = { case: folder, faults: error.faults };
    if (!options.json) print(outcomeText(outcome));
    return outcome;
  }
}

/** Only a person, or a script that says so, makes what the plan gives what is expected. */
async function isWanted(question: string, { yes }: TestOptions): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) throw new Error('--update asks a person; without a terminal, --yes says yes');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

function isGood(outcome: Outcome): boolean {
  return !('faults' in outcome) && (outcome.differences.length === 0 || outcome.updated.length > 0);
}

function outcomeText(outcome: Outcome): string {
  if ('faults' in outcome)
    return [`${outcome.case}: cannot be calculated`, ...outcome.faults.map((fault) => `  ${faultText(fault)}`)].join(
      '\n',
    );
  const { differences, lines, pending, currency, expectedTotal, gotTotal } = outcome;
  const counted = `${lines} ${lines === 1 ? 'line' : 'lines'}, ${gotTotal} ${currency}${pending === 0 ? '' : `, ${pending} pending`}`;
  if (differences.length === 0) return `${outcome.case}: ${counted}, as expected`;
  return [
    `${outcome.case}: ${differences.length} ${differences.length === 1 ? 'difference' : 'differences'}`,
    ...(['lines.csv', 'pending.csv'] as const).flatMap((file) =>
      differenceTable(differences.filter((difference) => difference.file === file)),
    ),
    `  in all: expected ${expectedTotal} ${currency}, got ${gotTotal} ${currency}`,
  ].join('\n');
}

function differenceTable(differences: readonly Difference[]): readonly string[] {
  const [first] = differences;
  if (first === undefined) return [];
  // A column in which no line says anything is left out.
  const columns = Object.keys(first.of).filter((column) => differences.some(({ of }) => of[column] !== ''));
  return [
    table<Difference>(
      [
        { title: first.file, of: ({ what }) => what },
        ...columns.map((column) => ({ title: column, of: ({ of }: Difference) => of[column] })),
        { title: 'expected', of: ({ expected }) => expected, align: 'right' },
        { title: 'got', of: ({ got }) => got, align: 'right' },
      ],
      differences,
    ),
  ];
}

function summary(outcomes: readonly Outcome[]): string {
  const count = (word: string, is: (outcome: Outcome) => boolean): string[] => {
    const number = outcomes.filter(is).length;
    return number === 0 ? [] : [`${number} ${word}`];
  };
  const isUpdated = (outcome: Outcome) => 'updated' in outcome && outcome.updated.length > 0;
  return `${outcomes.length} ${outcomes.length === 1 ? 'case' : 'cases'}: ${[
    ...count('as expected', (outcome) => isGood(outcome) && !isUpdated(outcome)),
    ...count('updated', isUpdated),
    ...count('different', (outcome) => !isGood(outcome) && !('faults' in outcome)),
    ...count('not readable', (outcome) => 'faults' in outcome),
  ].join(', ')}`;
}
