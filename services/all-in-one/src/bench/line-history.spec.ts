import { describe, expect, it } from '@jest/globals';

import { lineHistory, LINES_MAX } from './line-history.js';

interface Fact {
  readonly occurredAt: string;
  readonly terms?: { readonly lines: readonly object[] };
}

describe('the line-heavy history', () => {
  it('has the lines that were asked for, in deals of one line to more than a thousand, in order of date', async () => {
    const { deals, months } = await lineHistory(540_000);
    const facts = months.flatMap(({ chunks }) =>
      chunks.flatMap((chunk) => chunk.facts.split('\n').map((text) => JSON.parse(text) as Fact)),
    );
    const sizes = facts.flatMap(({ terms }) => terms?.lines.length ?? []);
    const lines = sizes.reduce((sum, size) => sum + size, 0);

    expect(deals).toBe(27_000);
    expect(lines).toBeGreaterThan(500_000);
    expect(lines).toBeLessThanOrEqual(540_000);
    expect(Math.min(...sizes)).toBe(1);
    expect(Math.max(...sizes)).toBeGreaterThan(1000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(LINES_MAX);
    const days = facts.map(({ occurredAt }) => occurredAt);
    expect(days).toEqual(days.toSorted());
  });

  it('returns lines in the quarter of their sale, and long after', async () => {
    const { months } = await lineHistory(20_000);
    const returned = months.map(({ chunks }) =>
      chunks.reduce((sum, { facts }) => sum + facts.split('"kind":"returned"').length - 1, 0),
    );

    expect(months.map(({ period }) => period).at(0)).toBe('2016-01');
    expect(months).toHaveLength(24);
    expect(returned.slice(1).every((count) => count > 0)).toBe(true);
  });
});
