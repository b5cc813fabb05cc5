import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { firstDifference } from './first-difference.js';
import { isSameJson } from './same-json.js';

describe('two values of plain JSON', () => {
  it('are the same if their canonical texts are', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(isSameJson(one, other)).toBe(canonicalJson(one) === canonicalJson(other));
        expect(isSameJson(one, JSON.parse(canonicalJson(one)))).toBe(true);
      }),
    );
  });

  it.each([
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: undefined }, { b: 1 }],
    [{ a: undefined }, {}],
    [{}, { a: undefined }],
    [[], {}],
    [[1], [1, 2]],
    [{}, new Map()],
    [{ a: null }, { a: {} }],
    ['1', 1],
  ])('%j and %j are not the same', (one, other) => {
    expect(isSameJson(one, other)).toBe(false);
  });

  it('differ at the first place in canonical order', () => {
    expect(firstDifference({ b: 1, a: [1, { c: '2.00' }] }, { b: 2, a: [1, { c: '3.00' }] })).toBe(
      '/a/1/c is "3.00" instead of "2.00"',
    );
    expect(firstDifference({ a: 1 }, {})).toBe('/a is absent instead of 1');
    expect(firstDifference({ a: [] }, { a: {} })).toBe('/a is {} instead of []');
  });
});
