import { describe, expect, it } from '@jest/globals';

import { figureLines } from './figures.js';

describe('figures of a benchmark', () => {
  it('prints counts as they are, small fractions with decimals, parts beside their whole', () => {
    expect(figureLines({ deals: 20_000, violations: 0, growth: 1.23456, perSecond: 1234.56, lag: { a: 0.5 } })).toBe(
      ['deals       20000', 'violations  0', 'growth      1.235', 'perSecond   1235', 'lag a       0.500', ''].join(
        '\n',
      ),
    );
  });
});
