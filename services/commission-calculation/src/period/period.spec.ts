import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { AT, Stream } from '../testing/world.fixture.js';
import { pagesOf, periodDecider } from './period.js';
import { MANIFEST_ENTRIES_MAX } from '../limits.js';

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
  return undefined;
}

describe('a period', () => {
  const entries = Array.from({ length: MANIFEST_ENTRIES_MAX + 1 }, (_, index) => ({
    stream: `earning-P${index}|p`,
    payee: `P${index}`,
    currency: 'EUR',
    lines: 2,
    minimum: '0.00',
    hash: '0'.repeat(64),
  }));

  it('closes when all pages of its manifest are recorded', () => {
    const period = new Stream(periodDecider);
    const [first, second] = pagesOf('monthly@Europe/Paris', '2026-01', entries);
    if (first === undefined || second === undefined) throw new Error('expected two pages');
    period.handle({ type: 'reach-stage', stage: 'sealed', at: AT });
    period.handle({ type: 'add-page', page: first, at: AT });
    expect(codeOf(() => period.handle({ type: 'close', at: AT }))).toBe('ManifestIncomplete');
    expect(period.handle({ type: 'add-page', page: first, at: AT })).toEqual([]);
    period.handle({ type: 'add-page', page: second, at: AT });
    expect(period.handle({ type: 'close', at: AT })[0]?.data).toEqual({ pages: 2, streams: 501, lines: 1002 });
    expect(period.handle({ type: 'close', at: AT })).toEqual([]);
  });

  it('without lines has a manifest of one empty page', () => {
    expect(pagesOf('monthly@Europe/Paris', '2026-01', [])).toMatchObject([{ page: 1, pages: 1, entries: [] }]);
  });
});
