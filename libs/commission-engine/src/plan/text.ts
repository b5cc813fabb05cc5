/**
 * Reads the text of a plan, YAML 1.2 or JSON, and notes where each value stands. Every scalar is read as the text that
 * was written: a number that was never a double cannot lose digits.
 */
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, YAMLError } from 'yaml';
import { keyAt } from './problem.js';
import type { Problem } from './problem.js';

/** Longest text of a plan, in characters. */
export const PLAN_TEXT_LENGTH_MAX = 512 * 1024;
const NESTING_MAX = 50;

export interface Place {
  /** Counts from 1. */
  readonly line: number;
  /** Counts from 1. */
  readonly column: number;
}

export interface PlanText {
  /** Maps, lists and texts; undefined if the text is not YAML. */
  readonly value: unknown;
  readonly problems: readonly (Problem & Place)[];
  /** Where the value at a JSON pointer begins: at its key, if it has one. */
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
    return unreadable('TextTooLong', `the text is longer than ${PLAN_TEXT_LENGTH_MAX} characters`);
  const nesting = deepest(text);
  if (nesting > NESTING_MAX)
    return unreadable('TextTooDeep', `brackets are nested more than ${NESTING_MAX} levels deep`);
  const lines = new LineCounter();
  const document = parse(text, lines);
  if (document === undefined) return unreadable('TextTooDeep', 'values are nested too deeply');
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems: (Problem & Place)[] = document.errors.map((error) => ({
    code: error.code === 'DUPLICATE_KEY' ? 'KeyTwice' : 'TextInvalid',
    severity: 'error',
    message: syntaxFault(error, text),
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
      return refuse('TextTooDeep', `values are nested more than ${NESTING_MAX} levels deep`, path, place);
    places.set(path, place);
    if (isScalar(node)) {
      const scalar = typeof node.value === 'string' ? node.value : '';
      return scalar.isWellFormed()
        ? scalar
        : refuse('TextInvalid', `${keyAt(path)} has half of a surrogate pair, which is no character`, path, place);
    }
    if (isAlias(node))
      return refuse(
        'AliasRefused',
        `${keyAt(path)} is a YAML alias; write the value out: JSON has no aliases`,
        path,
        place,
      );
    if (isSeq(node))
      return node.items.map((item, index) => read(item, `${path}/${index}`, rangeStart(item) ?? place, depth + 1));
    if (!isMap(node)) return '';
    const map: Record<string, unknown> = {};
    for (const pair of node.items) {
      if (!isPair(pair) || !isScalar(pair.key) || typeof pair.key.value !== 'string') {
        refuse('KeyInvalid', `a key in ${keyAt(path)} is not a plain text; write name: value`, path, place);
        continue;
      }
      const key = pair.key.value;
      const keyPlace = rangeStart(pair.key) ?? place;
      const keyPath = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (key === '__proto__' || key === '<<')
        refuse('KeyInvalid', `the key "${key}" is reserved; use another name`, keyPath, keyPlace);
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

/** A fault of the YAML or JSON syntax, in words. */
function syntaxFault({ code, message, pos }: YAMLError, text: string): string {
  if (code === 'DUPLICATE_KEY') return `the key ${/^[^:\n]*/.exec(text.slice(pos[0]))?.[0].trim() ?? ''} appears twice`;
  if (code === 'MULTIPLE_DOCS')
    return 'the text has more than one YAML document; a plan is one, without a --- in between';
  return `the text is not valid YAML or JSON: ${message}`;
}

/** Undefined if the text is nested too deeply for the parser's stack. */
function parse(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, { schema: 'failsafe', lineCounter, prettyErrors: false, uniqueKeys: true });
  } catch (fault) {
    if (fault instanceof RangeError) return undefined;
    throw fault;
  }
}

/** Place of the value at a pointer, or of what encloses it if the value itself is missing. */
function nearest(places: ReadonlyMap<string, Place>, path: string): Place {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
    const place = places.get(at);
    if (place !== undefined) return place;
    if (at === '') return START;
  }
}

/** Deepest nesting of brackets: a recursive parser needs stack for each level. Brackets within texts count too. */
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
