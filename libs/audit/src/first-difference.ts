/** The first place, in canonical order, where two values of plain JSON differ: a JSON Pointer and both values. */
import { SHOWN_MAX } from './limits.js';

export function firstDifference(stored: unknown, decided: unknown): string {
  return find(stored, decided, '') ?? 'nothing differs';
}

function find(stored: unknown, decided: unknown, path: string): string | undefined {
  if (isTree(stored) && isTree(decided) && Array.isArray(stored) === Array.isArray(decided)) {
    for (const name of [...new Set([...Object.keys(stored), ...Object.keys(decided)])].sort()) {
      const difference = find(stored[name], decided[name], `${path}/${name}`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return Object.is(stored, decided)
    ? undefined
    : `${path === '' ? 'the data' : path} is ${shown(decided)} instead of ${shown(stored)}`;
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  const text = value === undefined ? 'absent' : JSON.stringify(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
