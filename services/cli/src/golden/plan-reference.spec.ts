/**
 * Checks the plan reference: its examples are golden cases, and it has a row for every key of the schema, with all
 * values that the key may have. An example is a fenced `yaml` block and what follows up to the next heading or example:
 * a table of deals with what each row earns, and fenced `csv <file>` blocks with further files of the case.
 */
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { PLAN_SCHEMA } from '@tantieme/commission-engine/plan/schema';
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { compare } from './comparison.js';
import { calculateCase } from './golden-case.js';
import type { CaseResult } from './golden-case.js';

const PAGE = readFileSync(new URL('../../../../docs/plan-reference.md', import.meta.url), 'utf8');

/** The keys of a plan that the page's examples leave out. */
const HEAD = {
  plan: 'plan: example',
  title: 'title: Example',
  currency: 'currency: EUR',
  calendar: 'calendar: { periods: monthly, timeZone: Europe/Paris }',
};

interface Example {
  readonly name: string;
  readonly files: ReadonlyMap<string, string>;
  /** Cells of the column `earns`, one for each row of `deals.csv`; empty if the table has no such column. */
  readonly earns: readonly string[];
}

function examplesOf(page: string): readonly Example[] {
  let heading = '';
  const examples: { name: string; text: string }[] = [];
  for (const block of page.split(/^(?=#{2,4} |```yaml\n)/m)) {
    const titled = /^#+ (.*)/.exec(block)?.[1];
    if (titled !== undefined) heading = titled;
    else if (block.startsWith('```yaml\n')) examples.push({ name: heading, text: block });
  }
  return examples.map(({ name, text }) => exampleOf(name, text));
}

function exampleOf(name: string, text: string): Example {
  const plan = /^```yaml\n(.*?)^```$/ms.exec(text)?.[1] ?? '';
  const head = Object.entries(HEAD).flatMap(([key, line]) => (new RegExp(`^${key}:`, 'm').test(plan) ? [] : [line]));
  const files = new Map([['plan.yaml', [...head, plan].join('\n')]]);
  for (const [, file = '', content = ''] of text.matchAll(/^```csv (\S+)\n(.*?)^```$/gms)) files.set(file, content);
  const rows = text
    .split('\n')
    .filter((line) => /^\|/.test(line) && !/^\| *:?-/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [columns = [], ...deals] = rows;
  const hasEarns = columns.at(-1) === 'earns';
  const given = [columns, ...deals].map((cells) => (hasEarns ? cells.slice(0, -1) : cells).join(','));
  files.set('deals.csv', given.join('\n'));
  return { name, files, earns: hasEarns ? deals.map((cells) => cells.at(-1) ?? '') : [] };
}

/** What each row of `deals.csv` earns: an amount, `pending`, or '' if the row has no lines of its own. */
function earned({ files, earns }: Example, result: CaseResult): readonly string[] {
  const [head = '', ...rows] = (files.get('deals.csv') ?? '').trim().split('\n');
  const columns = head.split(',');
  return rows.map((row, index) => {
    const cell = (column: string) => row.split(',')[columns.indexOf(column)] ?? '';
    const occurrence = occurrenceOf(cell('fact') || 'booked', cell('id'));
    const lines = result.lines.filter((line) => line.deal === cell('deal') && line.occurrence === occurrence);
    if (lines.length === 0 && earns[index] === 'pending' && result.pending.some(({ deal }) => deal === cell('deal')))
      return 'pending';
    if (lines.length === 0) return '';
    const sum = lines.reduce((minor, { amount }) => minor + parseMinor(amount, result.decimals), 0n);
    return formatMinor(sum, result.decimals);
  });
}

function occurrenceOf(fact: string, id: string): string {
  const occurrences: Readonly<Record<string, string>> = { invoiced: 'invoice', paid: 'payment', returned: 'return' };
  return id === '' ? fact : `${occurrences[fact] ?? fact}:${id}`;
}

describe('examples of the plan reference', () => {
  const examples = examplesOf(PAGE);

  it.each(examples.map((example) => [example.name, example] as const))('%s', (_, example) => {
    const { files, earns } = example;
    const result = calculateCase(files);
    const wanted = earns.map((text) =>
      /^-?[0-9]/.test(text) ? formatMinor(parseMinor(text, result.decimals), result.decimals) : text,
    );
    expect(earned(example, result)).toEqual(earns.length === 0 ? expect.anything() : wanted);
    if (files.has('lines.csv')) expect(compare(files, result).differences).toEqual([]);
    // There are no lines besides those in the table.
    else expect(sumOf(result.lines.map(({ amount }) => amount))).toBe(sumOf(wanted));
    expect(earns.length > 0 || files.has('lines.csv')).toBe(true);
  });
});

function sumOf(amounts: readonly string[]): string {
  const minor = amounts.filter((text) => /^-?[0-9]/.test(text)).map((text) => parseMinor(text, 3));
  return formatMinor(
    minor.reduce((sum, one) => sum + one, 0n),
    3,
  );
}

// ── Keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every key of the schema with its possible values. Keys of a component are named without `components.`. */
function keysOf(node: unknown, path: string, found: Map<string, Set<string>>): ReadonlyMap<string, Set<string>> {
  if (!isNode(node)) return found;
  const reference = node['$ref'];
  if (typeof reference === 'string') {
    const defined = PLAN_SCHEMA.$defs[reference.slice('#/$defs/'.length) as keyof typeof PLAN_SCHEMA.$defs];
    return keysOf(defined, path, found);
  }
  const values = found.get(path) ?? new Set<string>();
  if (path !== '') found.set(path, values);
  for (const value of Array.isArray(node['enum']) ? node['enum'] : []) values.add(String(value));
  for (const [name, value] of Object.entries(isNode(node['properties']) ? node['properties'] : {})) {
    if (value === false) continue;
    const below = path === '' || path === 'components' ? name : `${path}.${name}`;
    keysOf(value, below, found);
  }
  for (const pattern of Object.keys(isNode(node['patternProperties']) ? node['patternProperties'] : {}))
    for (const name of namesOf(pattern)) found.set(name, new Set());
  for (const part of ['items', 'then', 'else']) keysOf(node[part], path, found);
  return found;
}

/** `^line\.(product|category)$` → `line.product`, `line.category`. */
function namesOf(pattern: string): readonly string[] {
  const text = pattern
    .replace(/^\^|\$$/g, '')
    .replaceAll('\\.', '.')
    .replace(/\[A-Za-z\]\[.*\]\*/, '<name>');
  const [, before = '', list] = /^(.*)\((.*)\)$/.exec(text) ?? [];
  return list === undefined ? [text] : list.split('|').map((name) => before + name);
}

describe('keys of the plan language', () => {
  const rows = PAGE.split('\n').filter((line) => line.startsWith('| `'));

  it.each([...keysOf(PLAN_SCHEMA, '', new Map())])('%s has a row in the reference', (key, values) => {
    const row = rows.find((line) => line.split('|')[1]?.includes(`\`${key}\``)) ?? '';
    expect(row).not.toBe('');
    expect([...values].filter((value) => !row.includes(`\`${value}\``))).toEqual([]);
  });
});
