import { describe, expect, it } from '@jest/globals';
import { omitUndefined } from './omit-undefined.js';

describe('omitUndefined', () => {
  it('drops keys whose value is undefined and keeps the others in order', () => {
    expect(Object.entries(omitUndefined({ b: 1, a: undefined, c: null, d: '' }))).toEqual([
      ['b', 1],
      ['c', null],
      ['d', ''],
    ]);
  });
});
