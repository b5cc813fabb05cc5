import { describe, expect, it } from '@jest/globals';
import { oneOf, suggest } from './suggest.js';

const KINDS = ['registered', 'booked', 'invoiced', 'paid'];

describe('a suggestion', () => {
  it.each([
    ['bookd', 'booked'],
    ['INVOICED', 'invoiced'],
    ['payd', 'paid'],
  ])('for %s is %s', (typed, known) => {
    expect(suggest(typed, KINDS)).toBe(known);
  });

  it('is not made for a text unlike every known value, or too long for a typo', () => {
    expect(suggest('shipment', KINDS)).toBeUndefined();
    expect(suggest('booked'.repeat(20), KINDS)).toBeUndefined();
  });

  it('follows the list of allowed values', () => {
    expect(oneOf(KINDS, 'bookd')).toBe('one of registered, booked, invoiced, paid; did you mean "booked"?');
    expect(oneOf(KINDS, 7)).toBe('one of registered, booked, invoiced, paid');
  });
});
