import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { calculateCase } from '../../golden/golden-case.js';
import { caseFolders, readCaseFolder, writeCaseFiles } from '../../golden/case-folder.js';
import { compare, updatedFiles } from '../../golden/comparison.js';
import type { Comparison, Difference } from '../../golden/comparison.js';
import { CaseInvalid, faultText } from '../../golden/csv-rows.js';
import type { CaseFault } from '../../golden/csv-rows.js';
import { count, print, printJson } from '../../output/print.js';
import { table } from '../../output/table.js';

interface TestOptions {
  readonly json?: boolean;
  readonly update?: boolean;
  readonly yes?: boolean;
}

/** The result of one case. */
type Outcome = { readonly case: string } & (
  | { readonly faults: readonly CaseFault[] }
  | (Comparison & { readonly currency: string; readonly updated: readonly string[] })
);

export function testCommand(): Command {
  return new Command('test')
    .description(
      'calculate golden cases (plan.yaml, deals.csv, lines.csv) without a server and print each line that differs',
    )
    .argument('[folder...]', 'a case, or a folder of cases', ['.'])
    .option('--update', 'write the calculated lines to lines.csv and pending.csv, once you confirm the differences')
    .option('--yes', 'with --update: write without asking')
    .option('--json', 'print JSON')
    .action(async (folders: readonly string[], options: TestOptions) => {
      if (options.update && options.json && !options.yes)
        throw new Error('--update with --json needs --yes: JSON output cannot ask for confirmation');
      const outcomes: Outcome[] = [];
      for (const folder of folders) {
        const cases = caseFolders(folder);
        if (cases.length === 0)
          throw new Error(`${folder} has no golden case; a case is a folder with plan.yaml and deals.csv`);
        for (const caseFolder of cases) outcomes.push(await test(caseFolder, options));
      }
      if (options.json) printJson(outcomes);
      else print(summary(outcomes));
      if (!outcomes.every(isGood)) process.exitCode = 1;
    });
}

async function test(folder: string, options: TestOptions): Promise<Outcome> {
  try {
    const files = readCaseFolder(folder);
    const result = calculateCase(files);
    const comparison = compare(files, result);
    const outcome = { case: folder, ...comparison, currency: result.currency, updated: [] };
    if (!options.json) print(outcomeText(outcome));
    if (!options.update || comparison.differences.length === 0) return outcome;
    const updated = updatedFiles(files, result);
    if (!(await isConfirmed(`Write ${[...updated.keys()].join(' and ')} of ${folder}?`, options))) return outcome;
    writeCaseFiles(folder, updated);
    return { ...outcome, updated: [...updated.keys()] };
  } catch (error) {
    if (!(error instanceof CaseInvalid)) throw error;
    const outcome = { case: folder, faults: error.faults };
    if (!options.json) print(outcomeText(outcome));
    return outcome;
  }
}

/** Expected files are never rewritten without a confirmation: by a person, or by `--yes`. */
async function isConfirmed(question: string, { yes }: TestOptions): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY)
    throw new Error('--update asks before it writes, which needs a terminal; add --yes to confirm');
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
  const pendingText = pending === 0 ? '' : `, ${pending} pending`;
  if (differences.length === 0)
    return `${outcome.case}: ${count(lines, 'line')}, ${gotTotal} ${currency}${pendingText}, as expected`;
  return [
    `${outcome.case}: ${count(differences.length, 'difference')}`,
    ...(['lines.csv', 'pending.csv'] as const).flatMap((file) =>
      differenceTable(differences.filter((difference) => difference.file === file)),
    ),
    `  total: expected ${expectedTotal} ${currency}, got ${gotTotal} ${currency}`,
  ].join('\n');
}

function differenceTable(differences: readonly Difference[]): readonly string[] {
  const [first] = differences;
  if (first === undefined) return [];
  // Empty columns are left out.
  const columns = Object.keys(first.key).filter((column) => differences.some(({ key }) => key[column] !== ''));
  return [
    table<Difference>(
      [
        { title: first.file, of: ({ kind }) => kind },
        ...columns.map((column) => ({ title: column, of: ({ key }: Difference) => key[column] })),
        { title: 'expected', of: ({ expected }) => expected, align: 'right' },
        { title: 'got', of: ({ got }) => got, align: 'right' },
      ],
      differences,
    ),
  ];
}

function summary(outcomes: readonly Outcome[]): string {
  const countOf = (word: string, matches: (outcome: Outcome) => boolean): string[] => {
    const number = outcomes.filter(matches).length;
    return number === 0 ? [] : [`${number} ${word}`];
  };
  const isUpdated = (outcome: Outcome) => 'updated' in outcome && outcome.updated.length > 0;
  return `${count(outcomes.length, 'case')}: ${[
    ...countOf('as expected', (outcome) => isGood(outcome) && !isUpdated(outcome)),
    ...countOf('updated', isUpdated),
    ...countOf('different', (outcome) => !isGood(outcome) && !('faults' in outcome)),
    ...countOf('invalid', (outcome) => 'faults' in outcome),
  ].join(', ')}`;
}
