import { describe, expect, it } from '@jest/globals';
import { resolve } from './short-ids.js';

const IDS = [
  'ACME|EUR|monthly@Europe/Paris|2026-01',
  'ACME|EUR|monthly@Europe/Paris|2026-02',
  'ACME-NORD|EUR|monthly@Europe/Paris|2026-02',
  'ACME-NORD|USD|monthly@Europe/Paris|2026-02',
];

describe('a short id', () => {
  it('means the only id that all words fit', () => {
    expect(resolve('statement', ['acme', '2026-01'], IDS)).toBe(IDS[0]);
    expect(resolve('statement', ['acme-n', 'usd'], IDS)).toBe(IDS[3]);
  });

  it('prefers a part that equals a word to one that begins with it', () => {
    expect(resolve('statement', ['acme', '2026-02'], IDS)).toBe(IDS[1]);
  });

  it('is refused where it means several, which are named', () => {
    expect(() => resolve('statement', ['acme-nord', '2026-02'], IDS)).toThrow(
      `"acme-nord 2026-02" means 2 statements; name one:\n  ${IDS[2]}\n  ${IDS[3]}`,
    );
  });

  it('is refused where it means none', () => {
    expect(() => resolve('statement', ['acme', '2027-01'], IDS)).toThrow('there is no statement "acme 2027-01"');
  });

  it('may be the whole id', () => {
    expect(resolve('statement', [IDS[2] ?? ''], IDS)).toBe(IDS[2]);
  });
});
