/**
 * Canonical JSON (RFC 8785, JSON Canonicalization Scheme): members sorted by the UTF-16 code units of their names,
 * numbers and strings as ECMAScript writes them, no whitespace. The stored text of an event *is* this text.
 *
 * Written by hand because it is on the hot path. Its spec compares it with the `canonicalize` package on random values.
 */
import { DEPTH_MAX, SHAPES_MAX } from './limits.js';

/** A value that has no canonical JSON. `path` is a JSON Pointer (RFC 6901); '' is the whole value. */
export class NotCanonical extends Error {
  readonly code = 'NotCanonical';
  path = '';
  constructor(readonly reason: string) {
    super(reason);
  }

  /** Adds the name of the enclosing member to the path. */
  within(name: string): this {
    this.path = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}${this.path}`;
    this.message = `${this.reason} at ${this.path}`;
    return this;
  }
}

/**
 * @throws {NotCanonical} for values that JSON cannot represent exactly: undefined, functions, symbols, bigints, NaN,
 * infinities, strings with a lone surrogate, and objects that are not plain (a Date, a Map, a class instance).
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

const texts = new WeakMap<object, string>();

/** Like {@link canonicalJson}, written once for an object that nobody changes, such as the data of a decided event. */
export function canonicalText(data: unknown): string {
  if (typeof data !== 'object' || data === null) return canonicalJson(data);
  let text = texts.get(data);
  if (text === undefined) texts.set(data, (text = canonicalJson(data)));
  return text;
}

/**
 * Whether `text` is canonical JSON. Faster than writing the canonical text: if the names of every object are in canonical
 * order, the native `JSON.stringify` returns it.
 *
 * @param parsed what the text parses to, if the caller has it.
 */
export function isCanonicalText(text: string, parsed?: unknown): boolean {
  try {
    const value: unknown = parsed === undefined ? JSON.parse(text) : parsed;
    // In canonical text only a lone surrogate is escaped, which JSON.stringify would accept.
    return (hasSortedNames(value) && !text.includes('\\ud') ? JSON.stringify(value) : canonicalJson(value)) === text;
  } catch (error) {
    if (error instanceof NotCanonical || error instanceof SyntaxError) return false;
    throw error;
  }
}

function hasSortedNames(value: unknown): boolean {
  return !isTree(value) || (Array.isArray(value) ? value.every(hasSortedNames) : hasOwnNamesSorted(value));
}

function hasOwnNamesSorted(value: Readonly<Record<string, unknown>>): boolean {
  let before = '';
  for (const name in value) {
    if (name < before) return false;
    const member = value[name];
    // Most members are strings: a call for each would cost as much as comparing the names.
    if (isTree(member) && !hasSortedNames(member)) return false;
    before = name;
  }
  return true;
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/**
 * The JSON text of a string, like `JSON.stringify` but without the call if nothing needs escaping.
 * @throws {NotCanonical} for a lone surrogate.
 */
export function quote(text: string): string {
  if (text.length <= PLAIN_LENGTH_MAX && isPlain(text)) return `"${text}"`;
  const quoted = JSON.stringify(text);
  // JSON.stringify escapes a lone surrogate, so only a longer text needs the check.
  if (quoted.length !== text.length + 2 && !text.isWellFormed()) {
    throw new NotCanonical('a string with a lone surrogate cannot be encoded as UTF-8');
  }
  return quoted;
}

/** Up to this length a loop is faster than `JSON.stringify`. */
const PLAIN_LENGTH_MAX = 40;

function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return false;
  }
  return true;
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      if (!Number.isFinite(value)) throw new NotCanonical(`JSON cannot represent the number ${value}`);
      return value === 0 ? '0' : `${value}`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth === DEPTH_MAX) throw new NotCanonical(`nested deeper than ${DEPTH_MAX} levels`);
      if (Array.isArray(value)) return writeArray(value, depth + 1);
      if (isPlainObject(value)) return writeObject(value, depth + 1);
      throw new NotCanonical('only plain objects and arrays can be stored as JSON');
    default:
      throw new NotCanonical(`JSON cannot represent a value of type ${typeof value}`);
  }
}

/** The prototype of a plain object is null or a root prototype, perhaps of another realm (a test's sandbox). */
function isPlainObject(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function writeArray(values: readonly unknown[], depth: number): string {
  if (values.length === 0) return '[]';
  let text = '';
  let index = 0;
  try {
    for (; index < values.length; index++) text += (index === 0 ? '[' : ',') + write(values[index], depth);
  } catch (error) {
    throw located(error, `${index}`);
  }
  return text + ']';
}

function writeObject(value: Readonly<Record<string, unknown>>, depth: number): string {
  const members = membersOf(value);
  let text = '';
  let name = '';
  try {
    for (let index = 0; index < members.length; index++) {
      const member = members[index];
      if (member === undefined) break;
      name = member.name;
      text += member.opening + write(value[name], depth);
    }
  } catch (error) {
    throw located(error, name);
  }
  return text === '' ? '{}' : text + '}';
}

function located(error: unknown, name: string): unknown {
  return error instanceof NotCanonical ? error.within(name) : error;
}

/** A member of an object with the text before its value: `{"a":` for the first, `,"b":` for later ones. */
interface Member {
  readonly name: string;
  readonly opening: string;
}

/**
 * Caches the canonical order of members per sequence of names: events of one type have the same names in the same
 * sequence. The sequences form a tree, and each node has the sorted members of its path.
 */
interface Shape {
  readonly next: Map<string, Shape>;
  members: readonly Member[] | undefined;
}

let shapes = 0;
let root: Shape = { next: new Map(), members: undefined };

function membersOf(value: Readonly<Record<string, unknown>>): readonly Member[] {
  let shape = root;
  for (const name in value) shape = shape.next.get(name) ?? grow(shape, name);
  return (shape.members ??= sortedMembers(value));
}

function grow(shape: Shape, name: string): Shape {
  if (shapes >= SHAPES_MAX) {
    // The lookup in progress continues in the discarded tree.
    shapes = 0;
    root = { next: new Map(), members: undefined };
  }
  const grown: Shape = { next: new Map(), members: undefined };
  shape.next.set(name, grown);
  shapes += 1;
  return grown;
}

function sortedMembers(value: object): readonly Member[] {
  // `sort` compares UTF-16 code units, as RFC 8785 section 3.2.3 requires.
  return Object.keys(value)
    .sort()
    .map((name, index) => ({ name, opening: `${index === 0 ? '{' : ','}${quote(name)}:` }));
}
