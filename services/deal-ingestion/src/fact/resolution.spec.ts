import { describe, expect, it } from '@jest/globals';
import { resolutionOf } from './resolution.js';
import type { OpenRefusal } from './resolution.js';

const refusal: OpenRefusal = { kind: 'invalid', source: 'crm', deal: 'D-1', fact: 'returned:R-1' };
const arrived = (key: string, changes: { source?: string; deal?: string } = {}) => ({
  source: 'crm',
  deal: 'D-1',
  key,
  ...changes,
});

describe('an invalid fact', () => {
  it('is resolved by the same fact of the same deal', () => {
    expect(resolutionOf(refusal, arrived('returned:R-1'))).toBe('recorded');
  });

  it.each([
    arrived('returned:R-2'),
    arrived('booked'),
    arrived('amended:1'),
    arrived('returned:R-1', { deal: 'D-2' }),
    arrived('returned:R-1', { source: 'erp' }),
  ])('is not resolved by $source $deal $key', (fact) => {
    expect(resolutionOf(refusal, fact)).toBeUndefined();
  });
});

describe('a conflict', () => {
  const conflict = (fact: string): OpenRefusal => ({ ...refusal, kind: 'conflict', fact });

  it.each(['booked', 'registered', 'invoiced:I-1', 'amended:1'])(
    'about the terms of %s is resolved by an amendment',
    (fact) => {
      expect(resolutionOf(conflict(fact), arrived('amended:2'))).toBe('amended');
      expect(resolutionOf(conflict(fact), arrived('amended@2026-03-05T10:00:00.000Z'))).toBe('amended');
      expect(resolutionOf(conflict(fact), arrived('amended:2', { deal: 'D-2' }))).toBeUndefined();
    },
  );

  it.each(['paid:P-1|1', 'paid:P-1|2'])('is resolved by the higher revision %s', (key) => {
    expect(resolutionOf(conflict('paid:P-1'), arrived(key))).toBe('revised');
    expect(resolutionOf(conflict('paid:P-1|2'), arrived(key))).toBeUndefined();
    expect(resolutionOf(conflict('paid:P-2'), arrived(key))).toBeUndefined();
  });

  it('is resolved when the fact is withdrawn', () => {
    expect(resolutionOf(conflict('paid:P-1'), arrived('paid:P-1|withdrawn'))).toBe('withdrawn');
    expect(resolutionOf(refusal, arrived('returned:R-1|withdrawn'))).toBe('withdrawn');
  });

  it('is not resolved by the fact that it is in conflict with, nor by others', () => {
    expect(resolutionOf(conflict('booked'), arrived('booked'))).toBeUndefined();
    expect(resolutionOf(conflict('booked'), arrived('paid:amended'))).toBeUndefined();
  });

  it.each(['paid:P-1', 'returned:R-1', 'cancelled'])(
    'about %s, which has no terms, is not resolved by an amendment',
    (fact) => {
      expect(resolutionOf(conflict(fact), arrived('amended:2'))).toBeUndefined();
    },
  );
});
