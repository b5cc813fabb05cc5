/**
 * Reading a plan's text, YAML 1.2 or JSON, with the place of every value. All scalars are read as the text they are
 * written as: a number that was never a double cannot lose digits.
 */
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { Problem } from './schema.js';

/** Characters of a plan's text at the most. */
export const PLAN_TEXT_LENGTH_MAX = 512 * 1024;
const NESTING_MAX = 50;

export interface Place {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface PlanText {
  /** Maps, lists and texts; undefined where the text is no YAML at all. */
  readonly value: unknown;
  readonly problems: readonly (Problem & Place)[];
  /** Where the value at a JSON pointer stands: its key, where it has one. */
  readonly placeOf: (path: string) => Place;
}

const START: Place = { line: 1, column: 1 };

export function readPlanText(text: string): PlanText {
  const unreadable = (code: string, message: string): PlanText => ({
    value: undefined,
    problems: [{ code, severity: 'error', message, path: '', ...START }],
    placeOf: () => START,
  });
  if (text.length > PLAN_TEXT_LENGTH_MAX)
    return unreadable('TextTooLong', `the text has more than ${PLAN_TEXT_LENGTH_MAX} characters`);
  const nesting = deepest(text);
  if (nesting > NESTING_MAX) return unreadable('TextTooDeep', `brackets are nested more than ${NESTING_MAX} deep`);
  const lines = new LineCounter();
  const document = parse(text, lines);
  if (document === undefined) return unreadable('TextTooDeep', 'values are nested too deep');
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems: (Problem & Place)[] = document.errors.map((error) => ({
    code: error.code === 'DUPLICATE_KEY' ? 'KeyTwice' : 'TextInvalid',
    severity: 'error',
    message: error.message,
    path: '',
    ...placeAt(error.pos[0]),
  }));
  const places = new Map<string, Place>();
  const value = problems.length > 0 ? undefined : read(document.contents, '', START, 0);

  function refuse(code: string, message: string, path: string, place: Place): undefined {
    problems.push({ code, severity: 'error', message, path, ...place });
    return undefined;
  }

  function read(node: unknown, path: string, place: Place, depth: number): unknown {
    if (depth > NESTING_MAX)
      return refuse('TextTooDeep', `values are nested more than ${NESTING_MAX} deep`, path, place);
    places.set(path, place);
    if (isScalar(node)) return typeof node.value === 'string' ? node.value : '';
    if (isAlias(node))
      return refuse('AliasRefused', 'aliases are not taken: the document is to be the same in JSON', path, place);
    if (isSeq(node))
      return node.items.map((item, index) => read(item, `${path}/${index}`, rangeStart(item) ?? place, depth + 1));
    if (!isMap(node)) return '';
    const map: Record<string, unknown> = {};
    for (const pair of node.items) {
      if (!isPair(pair) || !isScalar(pair.key) || typeof pair.key.value !== 'string') {
        refuse('KeyInvalid', 'a key must be a plain text', path, place);
        continue;
      }
      const key = pair.key.value;
      const keyPlace = rangeStart(pair.key) ?? place;
      const keyPath = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (key === '__proto__' || key === '<<')
        refuse('KeyInvalid', `"${key}" is not taken as a key`, keyPath, keyPlace);
      else map[key] = read(pair.value, keyPath, keyPlace, depth + 1);
    }
    return map;
  }

  function rangeStart(node: unknown): Place | undefined {
    if (!isScalar(node) && !isMap(node) && !isSeq(node) && !isAlias(node)) return undefined;
    return node.range ? placeAt(node.range[0]) : undefined;
  }

  return { value, problems, placeOf: (path) => nearest(places, path) };
}

/** The parsed text, or undefined where its nesting is more than the parser's stack. */
function parse(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, { schema: 'failsafe', lineCounter, prettyErrors: false, uniqueKeys: true });
  } catch (fault) {
    if (fault instanceof RangeError) return undefined;
    throw fault;
  }
}

/** Place of the pointer, or of what encloses it where the value itself is missing. */
function nearest(places: ReadonlyMap<string, Place>, path: string): Place {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
    const place = places.get(at);
    if (place !== undefined) return place;
    if (at === '') return START;
  }
}

/** Depth of brackets, which a recursive parser would pay with its stack. Brackets within texts count too: none has fifty. */
function deepest(text: string): number {
  let depth = 0;
  let most = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 91 || code === 123) most = Math.max(most, ++depth);
    else if (code === 93 || code === 125) depth = Math.max(0, depth - 1);
  }
  return most;
}
