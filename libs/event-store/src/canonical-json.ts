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
      return writeObject(value, depth + 1);
    default:
      throw new NotCanonical(`a value of type ${typeof value} has no JSON`);
  }
}

function writeArray(values: readonly unknown[], depth: number): string {
  if (values.length === 0) return '[]';
  let text = '';
  for (let index = 0; index < values.length; index++) {
    try {
      text += (index === 0 ? '[' : ',') + write(values[index], depth);
    } catch (error) {
      throw located(error, `${index}`);
    }
  }
  return text + ']';
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object's prototype is a root; it may be the root of another realm (a worker, a test's sandbox).
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new NotCanonical('an object that is not plain has no JSON of its own');
  }
  const names = sortedNames(value);
  let text = '';
  for (let index = 0; index < names.length; index++) {
    const name = names[index] ?? '';
    try {
      text += (index === 0 ? '{' : ',') + quotedName(name) + write(memberOf(value, name), depth);
    } catch (error) {
      throw located(error, name);
    }
  }
  return names.length === 0 ? '{}' : text + '}';
}

/** Typed as unknown instead of any. */
function memberOf(value: object, name: string): unknown {
  return Reflect.get(value, name);
}

function sortedNames(value: object): readonly string[] {
  const names = Object.keys(value);
  for (let index = 1; index < names.length; index++) {
    // Code units, as `<` and the default `sort` compare: RFC 8785, section 3.2.3.
    if ((names[index - 1] ?? '') > (names[index] ?? '')) return names.sort();
  }
  return names;
}

function quote(text: string): string {
  const quoted = JSON.stringify(text);
  // JSON.stringify escapes a lone surrogate, so the length tells whether there is anything to look at.
  if (quoted.length !== text.length + 2 && !text.isWellFormed()) {
    throw new NotCanonical('a string with a lone surrogate has no UTF-8');
  }
  return quoted;
}

/** Member names come again and again: their quoted form is kept, up to a bound (names may come from outside). */
const QUOTED_NAMES_MAX = 4096;
const quotedNames = new Map<string, string>();

function quotedName(name: string): string {
  const known = quotedNames.get(name);
  if (known !== undefined) return known;
  const quoted = `${quote(name)}:`;
  if (quotedNames.size < QUOTED_NAMES_MAX) quotedNames.set(name, quoted);
  return quoted;
}

function located(error: unknown, name: string): unknown {
  return error instanceof NotCanonical ? error.within(name) : error;
}
