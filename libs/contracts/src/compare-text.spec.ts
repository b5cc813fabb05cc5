import { describe, expect, it } from '@jest/globals';
import { compareText } from './compare-text.js';

describe('compareText', () => {
  it('orders by code units, not by any language', () => {
    expect(['é', 'a', 'Z', '10', '9', ''].sort(compareText)).toEqual(['', '10', '9', 'Z', 'a', 'é']);
  });

  it('is 0 for equal texts only', () => {
    expect([compareText('a', 'a'), compareText('a', 'b'), compareText('b', 'a')]).toEqual([0, -1, 1]);
  });
});
