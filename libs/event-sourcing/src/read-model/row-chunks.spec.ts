import { describe, expect, it } from '@jest/globals';
import { rowChunks } from './row-chunks.js';

const rows = (count: number): number[] => Array.from({ length: count }, (_, row) => row);

describe('row chunks', () => {
  it.each([0, 1, 999, 1000, 1001, 2500])('cover all of %i rows, in order, with at most a thousand each', (count) => {
    const chunks = [...rowChunks(rows(count))];
    expect(chunks.flat()).toEqual(rows(count));
    expect(chunks.every(({ length }) => length > 0 && length <= 1000)).toBe(true);
    expect(chunks).toHaveLength(Math.ceil(count / 1000));
  });

  it('have the given size', () => {
    expect([...rowChunks(rows(5), 2)]).toEqual([[0, 1], [2, 3], [4]]);
  });
});
