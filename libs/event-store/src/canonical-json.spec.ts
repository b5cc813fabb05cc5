import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { canonicalJson, DEPTH_MAX, isCanonicalText, NotCanonical, quote } from './canonical-json.js';

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

  it('does not depend on the sequence of the members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).toReversed());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
      }),
    );
  });

  it('orders names by UTF-16 code units, as the example of RFC 8785 section 3.2.3', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
    const value = Object.fromEntries(names.map((name) => [name, 0]));
    expect(Object.keys(JSON.parse(canonicalJson(value)))).toHaveLength(7);
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

  it('takes an object that is the root of nothing', () => {
    const value: object = Object.assign(Object.create(null), { b: 1, a: 2 });
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
  ])('refuses %s and names where it is', (_, value, path) => {
    const refusal = (): string => canonicalJson(value);
    expect(refusal).toThrow(NotCanonical);
    expect(refusal).toThrow(expect.objectContaining({ path }));
  });

  it('refuses a lone surrogate in a name', () => {
    expect(() => canonicalJson({ '\ud800': 1 })).toThrow(NotCanonical);
  });

  it('refuses what is nested too deeply, and what holds itself', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(() => canonicalJson(circle)).toThrow(`nested deeper than ${DEPTH_MAX}`);
  });

  it('stays right when more shapes come than are remembered', () => {
    for (let number = 0; number < 20_000; number++) {
      expect(canonicalJson({ [`z${number}`]: 1, [`a${number}`]: 2 })).toBe(`{"a${number}":2,"z${number}":1}`);
    }
  });

  it('quotes a string as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) =>
        expect(quote(text)).toBe(JSON.stringify(text)),
      ),
    );
  });

  describe('is recognised', () => {
    it('as what it is, and changed in one place as what that is', () => {
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
              // No JSON any more, or half a character.
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
    ])('and %s is not it', (text) => {
      expect(isCanonicalText(text, JSON.parse(text))).toBe(false);
    });

    it('with names that JavaScript enumerates in another order', () => {
      expect(isCanonicalText('{"10":2,"9":1}', { 9: 1, 10: 2 })).toBe(true);
    });
  });
});
