import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { idSchema, isId } from './ids.js';

describe('an id', () => {
  it.each(['P-1', 'Zürich 東京 🙂', '🙂'.repeat(200), 'a b', '0'])('may be %j', (text) => {
    expect(isId(text)).toBe(true);
  });

  it.each(['', 'a|b', 'a\u0000b', 'a\nb', 'a\u0085b', 'a\u2028b', 'half a pair \ud800', 'x'.repeat(201)])(
    'may not be %j',
    (text) => {
      expect(isId(text)).toBe(false);
    },
  );

  it('is the same to the schema', () => {
    const isValid = new Ajv2020().compile(idSchema);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 210 }), (text) => expect(isValid(text)).toBe(isId(text))),
    );
  });
});
