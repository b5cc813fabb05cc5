/**
 * Canonical JSON (RFC 8785, JSON Canonicalization Scheme): members sorted by the UTF-16 code units of their names,
 * numbers and strings as ECMAScript writes them, nothing between tokens. The stored text of an event *is* this text.
 *
 * Written by hand because it is on the hot path; a spec proves it equal to the `canonicalize` package over random values.
 */

/** Deeper data is a mistake, and would end in a stack overflow somewhere less readable. */
export const DEPTH_MAX = 128;

/** A value that has no canonical JSON. `path` names it as a JSON Pointer (RFC 6901), '' being the whole. */
export class NotCanonical extends Error {
  readonly code = 'NotCanonical';
  path = '';
  constructor(readonly reason: string) {
    super(reason);
  }

  /** The same refusal, seen from the member that holds it. */
  within(name: string): this {
    this.path = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}${this.path}`;
    this.message = `${this.reason} at ${this.path}`;
    return this;
  }
}

/**
 * @throws {NotCanonical} for what JSON cannot say exactly: undefined, functions, symbols, bigints, NaN and infinities,
 * strings with a lone surrogate, objects that are not plain (a Date, a Map, an instance of a class).
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

/**
 * Whether `text`, which parses to `parsed`, is canonical. Quicker than making the canonical text: where the names of every object
 * come in canonical order, the engine's own `JSON.stringify` gives the canonical text.
 */
export function isCanonicalText(text: string, parsed: unknown): boolean {
  // An escaped surrogate is one that stands alone, if the rest is canonical: JSON.stringify would let it pass.
  if (hasSortedNames(parsed) && !text.includes('\\ud')) return JSON.stringify(parsed) === text;
  try {
    return canonicalJson(parsed) === text;
  } catch (error) {
    if (error instanceof NotCanonical) return false;
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
    // Most members are texts: a call for each would cost as much as comparing the names.
    if (isTree(member) && !hasSortedNames(member)) return false;
    before = name;
  }
  return true;
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/**
 * The JSON text of a string: what `JSON.stringify` gives, without the call where nothing has to be escaped.
 * @throws {NotCanonical} for a lone surrogate.
 */
export function quote(text: string): string {
  if (text.length <= PLAIN_LENGTH_MAX && isPlain(text)) return `"${text}"`;
  const quoted = JSON.stringify(text);
  // JSON.stringify escapes a lone surrogate, so the length tells whether there is anything to look at.
  if (quoted.length !== text.length + 2 && !text.isWellFormed()) {
    throw new NotCanonical('a string with a lone surrogate has no UTF-8');
  }
  return quoted;
}

/** Up to here a loop is quicker than `JSON.stringify`. */
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
      if (!Number.isFinite(value)) throw new NotCanonical(`the number ${value} has no JSON`);
      return value === 0 ? '0' : `${value}`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth === DEPTH_MAX) throw new NotCanonical(`nested deeper than ${DEPTH_MAX} levels`);
      if (Array.isArray(value)) return writeArray(value, depth + 1);
      if (isPlainObject(value)) return writeObject(value, depth + 1);
      throw new NotCanonical('an object that is not plain has no JSON of its own');
    default:
      throw new NotCanonical(`a value of type ${typeof value} has no JSON`);
  }
}

/** A plain object's prototype is a root; it may be the root of another realm (a worker, a test's sandbox). */
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

/** A member in canonical order, with what is written before its value: `{"a":` for the first, `,"b":` after. */
interface Member {
  readonly name: string;
  readonly opening: string;
}

/**
 * The order of an object's members is worked out once for each sequence of names: events of one type are built with the
 * same names in the same sequence. The sequences form a tree; a path through it ends in the sorted members.
 */
interface Shape {
  readonly next: Map<string, Shape>;
  members: readonly Member[] | undefined;
}

/** Names may come from outside without end: beyond this many shapes the tree is begun anew. Costs time, never the result. */
const SHAPES_MAX = 8192;
let shapes = 0;
let root: Shape = { next: new Map(), members: undefined };

function membersOf(value: Readonly<Record<string, unknown>>): readonly Member[] {
  let shape = root;
  for (const name in value) shape = shape.next.get(name) ?? grow(shape, name);
  return (shape.members ??= sortedMembers(value));
}

function grow(shape: Shape, name: string): Shape {
  if (shapes >= SHAPES_MAX) {
    // What is being looked up goes on in the tree that is given up.
    shapes = 0;
    root = { next: new Map(), members: undefined };
  }
  const grown: Shape = { next: new Map(), members: undefined };
  shape.next.set(name, grown);
  shapes += 1;
  return grown;
}

function sortedMembers(value: object): readonly Member[] {
  // `sort` compares UTF-16 code units, as RFC 8785 section 3.2.3 wants it.
  return Object.keys(value)
    .sort()
    .map((name, index) => ({ name, opening: `${index === 0 ? '{' : ','}${quote(name)}:` }));
}
