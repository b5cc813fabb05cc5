import { describe, expect, it } from '@jest/globals';
import { decode, envelopeMessage } from '@tantieme/contracts/envelope';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
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
    expect(period.handle({ type: 'close', at: AT })[0]?.data).toEqual({
      pages: 2,
      streams: entries.length,
      lines: 2 * entries.length,
    });
    expect(period.handle({ type: 'close', at: AT })).toEqual([]);
  });

  it('has pages that a message can hold, however long the ids of its payees are', () => {
    const payee = '𝔞'.repeat(ID_LENGTH_MAX);
    const longest = entries.map((entry) => ({
      ...entry,
      payee,
      stream: `earning-${payee}|${'p'.repeat(64)}`,
      lines: Number.MAX_SAFE_INTEGER,
      minimum: '999999999999.99',
      negative: 'forgive' as const,
      as: 'self-billed' as const,
      tax: 'by-partner' as const,
    }));
    const key = 'monthly@Europe/Paris';
    const attributes = { id: 'e', time: AT, source: '/test', subject: key, key, correlationId: 'c', actor: 'test' };
    for (const page of pagesOf(key, '2026-01', longest))
      expect(decode(envelopeMessage('period-manifest', attributes, page).value)).toMatchObject({ data: page });
  });

  it('without lines has a manifest of one empty page', () => {
    expect(pagesOf('monthly@Europe/Paris', '2026-01', [])).toMatchObject([{ page: 1, pages: 1, entries: [] }]);
  });
});
