/** The pages of the repository: links lead somewhere, and questions have answers. */
import { globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parsers } from 'prettier/plugins/markdown';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

const PAGES = globSync(
  ['*.md', 'docs/**/*.md', 'deploy/**/*.md', 'libs/*/{,*/}README.md', 'services/*/{,*/}README.md'],
  {
    cwd: ROOT,
    exclude: ['**/node_modules/**'],
  },
).sort();

/** A node of a Markdown document, as prettier parses it (mdast). */
interface Node {
  readonly type: string;
  readonly url?: string;
  readonly value?: string;
  readonly children?: readonly Node[];
}

interface Link {
  readonly url: string;
  readonly text: string;
}

function nodesOf(page: string): readonly Node[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  // The parser needs no options; its type asks for all of the formatter's.
  const parse = parsers.markdown.parse as (text: string, options: object) => Node;
  return withDescendants(parse(text, {}));
}

function withDescendants(node: Node): readonly Node[] {
  return [node, ...(node.children ?? []).flatMap(withDescendants)];
}

function textOf(node: Node): string {
  return withDescendants(node)
    .map(({ value }) => value ?? '')
    .join('');
}

function linksOf(nodes: readonly Node[]): readonly Link[] {
  return nodes.flatMap((node) =>
    (node.type === 'link' || node.type === 'image' || node.type === 'definition') && node.url !== undefined
      ? [{ url: node.url, text: textOf(node) }]
      : [],
  );
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: Node): string {
  return textOf(heading)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsOf(page: string): readonly string[] {
  return nodesOf(page)
    .filter(({ type }) => type === 'heading')
    .map(anchorOf);
}

/** What is wrong with a link of a page; undefined if nothing is. */
function faultOf(page: string, { url }: Link): string | undefined {
  if (/^[a-z]+:/.test(url)) return undefined;
  const [path = '', anchor] = url.split('#');
  const target = path === '' ? page : join(dirname(page), decodeURIComponent(path));
  if (statSync(join(ROOT, target), { throwIfNoEntry: false }) === undefined) return `${url}: there is no ${target}`;
  if (anchor !== undefined && !anchorsOf(target).includes(anchor)) return `${url}: ${target} has no such heading`;
  return undefined;
}

describe('links of', () => {
  it.each(PAGES)('%s', (page) => {
    const faults = linksOf(nodesOf(page)).flatMap((link) => faultOf(page, link) ?? []);
    expect(faults).toEqual([]);
  });
});

describe('docs/finding-your-way.md', () => {
  const page = 'docs/finding-your-way.md';
  const questions = nodesOf(page).filter(({ type }) => type === 'listItem');

  it('answers thirty questions or more', () => {
    expect(questions.filter((item) => /^[^.]+\?/.test(textOf(item))).length).toBe(questions.length);
    expect(questions.length).toBeGreaterThanOrEqual(30);
  });

  it.each(questions.map((item) => [textOf(item).split('?', 1)[0] ?? '', item]))(
    '%s? names code that exists',
    (_, item) => {
      const code = linksOf(withDescendants(item as Node)).filter(({ url }) => url.endsWith('.ts'));
      expect(code.length).toBeGreaterThanOrEqual(1);
      for (const { url, text } of code)
        expect(readFileSync(join(ROOT, dirname(page), url), 'utf8')).toMatch(new RegExp(`\\b${text}\\b`));
    },
  );
});
