import { describe, expect, it } from '@jest/globals';

import { decodeCursor, encodeCursor, pageOf } from './cursor.js';

describe('a cursor', () => {
  it('decodes to the key that was encoded', () => {
    expect(decodeCursor(encodeCursor(['crm|D-1', 7, 'é']), 3)).toEqual(['crm|D-1', 7, 'é']);
  });

  it.each(['', '%%%', 'bm9uc2Vuc2U', encodeCursor(['a']), Buffer.from('[{},1]').toString('base64url')])(
    'is refused where it does not belong to the list: %s',
    (text) => {
      expect(() => decodeCursor(text, 2)).toThrow('the cursor does not belong to this list');
    },
  );

  it('is part of a page only where another page follows', () => {
    const keyOf = (row: number) => [row];
    expect(pageOf([1, 2], 2, keyOf)).toEqual({ items: [1, 2] });
    expect(pageOf([1, 2, 3], 2, keyOf)).toEqual({ items: [1, 2], next: encodeCursor([2]) });
    expect(pageOf([], 2, keyOf)).toEqual({ items: [] });
  });
});
