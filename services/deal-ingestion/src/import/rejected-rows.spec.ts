import { describe, expect, it } from '@jest/globals';
import { rejectedCells, rejectedLine, storedRows } from './rejected-rows.js';

const errors = [{ field: 'terms.lines.0.net', reason: 'is bad', row: 3, column: 'Net', cell: 'x' }];

describe('rejected rows', () => {
  it('have the cells of the file and the reason', () => {
    const raw = '[{"Order":"A","Net":"1"},{"Order":"A","Net":"x","column 3":"y"}]';
    expect(rejectedCells({ raw, errors }, ['Order', 'Net'])).toEqual([
      ['A', '1', 'row 3, Net: is bad'],
      ['A', 'x', 'row 3, Net: is bad'],
    ]);
  });

  it('of a truncated refusal are those that are whole, and say that rows are missing', () => {
    const raw = '[{"Order":"A","Net":"1\\"},{\\"2"},{"Order":"A","Net":"3"},{"Order":"A","N';
    expect(rejectedCells({ raw, errors: [], truncated: true }, ['Order', 'Net'])).toEqual([
      ['A', '1"},{"2', 'rows of this fact are missing here: it was too large to be stored whole'],
      ['A', '3', 'rows of this fact are missing here: it was too large to be stored whole'],
    ]);
    expect(storedRows('[{"Order":"A')).toEqual([]);
  });

  it('of NDJSON are the fact, or the line that is not JSON, with the reason', () => {
    expect(rejectedLine({ raw: '{"kind":"booked"}', errors: [{ field: 'deal', reason: 'is missing' }] })).toBe(
      '{"kind":"booked","refusal_reason":"deal: is missing"}',
    );
    expect(rejectedLine({ raw: '{"kind', errors: [] })).toBe('{"line":"{\\"kind","refusal_reason":""}');
  });
});
