import { describe, expect, it } from '@jest/globals';
import { rejectedCells, rejectedLine } from './rejected-rows.js';

const errors = [{ field: 'terms.lines.0.net', reason: 'is bad', row: 3, column: 'Net', cell: 'x' }];

describe('rejected rows', () => {
  it('have the cells of the file and the reason', () => {
    const raw = '[{"Order":"A","Net":"1"},{"Order":"A","Net":"x","column 3":"y"}]';
    expect(rejectedCells({ raw, errors }, ['Order', 'Net'])).toEqual([
      ['A', '1', 'row 3, Net: is bad'],
      ['A', 'x', 'row 3, Net: is bad'],
    ]);
  });

  it('of NDJSON are the fact, or the line that is not JSON, with the reason', () => {
    expect(rejectedLine({ raw: '{"kind":"booked"}', errors: [{ field: 'deal', reason: 'is missing' }] })).toBe(
      '{"kind":"booked","refusal_reason":"deal: is missing"}',
    );
    expect(rejectedLine({ raw: '{"kind', errors: [] })).toBe('{"line":"{\\"kind","refusal_reason":""}');
  });
});
