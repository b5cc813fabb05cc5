import { describe, expect, it } from '@jest/globals';
import { backoffMs } from './backoff.js';

describe('the pause between attempts', () => {
  it('doubles from the first to the longest', () => {
    const backoff = { firstMs: 50, maxMs: 1_000 };
    expect([1, 2, 3, 4, 5, 6, 7, 5_000].map((attempts) => backoffMs(backoff, attempts))).toEqual([
      50, 100, 200, 400, 800, 1_000, 1_000, 1_000,
    ]);
  });
});
