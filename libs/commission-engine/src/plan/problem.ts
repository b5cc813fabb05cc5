/** What is wrong at one place of a plan document. */
export interface Problem {
  /** Stable, for machines and for `docs/plan-lint.md`: `TiersNotAscending`. */
  readonly code: string;
  /** An error refuses the document; a warning does not. */
  readonly severity: 'error' | 'warning';
  /** Names the key, what is wrong and what is allowed. */
  readonly message: string;
  /** JSON pointer into the document: `/components/0/rate/marginal/1/below`. */
  readonly path: string;
  /** Why it matters; only findings of the linter have it. */
  readonly why?: string;
}

/** The key at the end of a JSON pointer: `trigger`, or `levels[0]` for an entry of a list. */
export function keyAt(path: string): string {
  const [last = '', before = ''] = path
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reverse();
  if (last === '') return 'the document';
  return /^[0-9]+$/.test(last) ? `${before}[${last}]` : last;
}
