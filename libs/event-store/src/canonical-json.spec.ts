import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { canonicalJson, isCanonicalText, NotCanonical, quote } from './canonical-json.js';
import { DEPTH_MAX } from './limits.js';

describe('canonical JSON', () => {
  it('equals an independent implementation of RFC 8785 over random values', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }), (value) => {
        const text = canonicalJson(value);
        expect(text).toBe(canonicalize(value));
        // Canonical text is a fixed point.
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('does not depend on the order of the members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).toReversed());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      }),
    );
  });

  it('orders names by UTF-16 code units, as in the example of RFC 8785 section 3.2.3', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
    const value = Object.fromEntries(names.map((name) => [name, 0]));
    expect(Object.keys(JSON.parse(canonicalJson(value)) as object)).toHaveLength(7);
    const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33'];
    expect(canonicalJson(value)).toBe(`{${sorted.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`);
  });

  it.each([
    [-0, '0'],
    [1e21, '1e+21'],
    [1e-7, '1e-7'],
    [333333333.33333329, '333333333.3333333'],
    [4.5, '4.5'],
    [2 ** 53, '9007199254740992'],
  ])('writes the number %d as %s', (number, text) => {
    expect(canonicalJson(number)).toBe(text);
  });

  it('accepts an object without a prototype', () => {
    const value = { __proto__: null, b: 1, a: 2 };
    expect(canonicalJson(value)).toBe('{"a":2,"b":1}');
  });

  it.each([
    ['undefined', { a: { 'b/c': undefined } }, '/a/b~1c'],
    ['NaN', [1, Number.NaN], '/1'],
    ['Infinity', { a: Infinity }, '/a'],
    ['a bigint', { a: [0n] }, '/a/0'],
    ['a function', { a: () => 1 }, '/a'],
    ['a symbol', { a: Symbol('s') }, '/a'],
    ['a Date', { a: new Date(0) }, '/a'],
    ['a Map', { a: new Map() }, '/a'],
    ['a lone surrogate', { a: 'x\udc00' }, '/a'],
  ])('refuses %s and names its path', (_, value, path) => {
    const refused = (): string => canonicalJson(value);
    expect(refused).toThrow(NotCanonical);
    expect(refused).toThrow(expect.objectContaining({ path }));
  });

  it('refuses a lone surrogate in a name', () => {
    expect(() => canonicalJson({ '\ud800': 1 })).toThrow(NotCanonical);
  });

  it('refuses a value that is nested too deeply or contains itself', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(() => canonicalJson(circle)).toThrow(`nested deeper than ${DEPTH_MAX}`);
  });

  it('stays correct with more shapes than the cache holds', () => {
    for (let number = 0; number < 20_000; number++) {
      expect(canonicalJson({ [`z${number}`]: 1, [`a${number}`]: 2 })).toBe(`{"a${number}":2,"z${number}":1}`);
    }
  });

  it('quotes a string like JSON.stringify', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) =>
        expect(quote(text)).toBe(JSON.stringify(text)),
      ),
    );
  });

  describe('is recognised', () => {
    it('also after a change of one character', () => {
      fc.assert(
        fc.property(
          fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }),
          fc.nat(),
          fc.string({ maxLength: 1 }),
          (value, at, other) => {
            const text = canonicalJson(value);
            expect(isCanonicalText(text, JSON.parse(text))).toBe(true);
            const where = at % text.length;
            const changed = text.slice(0, where) + other + text.slice(where + 1);
            let parsed: unknown;
            let canonical: string | undefined;
            try {
              parsed = JSON.parse(changed);
              canonical = canonicalize(parsed);
            } catch {
              // The change made it invalid JSON or a lone surrogate.
              return;
            }
            expect(isCanonicalText(changed, parsed)).toBe(canonical === changed);
          },
        ),
        { numRuns: 2000 },
      );
    });

    it.each([
      ['{"b":2,"a":1}'],
      ['{"9":1,"10":2}'],
      ['{ }'],
      ['[1.0]'],
      ['[1e2]'],
      ['"\\u00e9"'],
      ['"\\ud800"'],
      ['"\\ud83d\\ude00"'],
      ['[-0]'],
      ['{"a":1,"a":2}'],
      ['1 '],
    ])('and %s is not', (text) => {
      expect(isCanonicalText(text, JSON.parse(text))).toBe(false);
    });

    it('if JavaScript enumerates its names in another order', () => {
      expect(isCanonicalText('{"10":2,"9":1}', { 9: 1, 10: 2 })).toBe(true);
    });
  });
});
