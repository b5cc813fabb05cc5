import { describe, expect, it } from '@jest/globals';
import { decode, envelopeMessage } from '@tantieme/contracts/envelope';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { AT, Stream } from '../testing/world.fixture.js';
import type { PeriodManifest } from '@tantieme/contracts/ledger';
import { pagesOf, periodDecider, progressOf } from './period.js';
import type { Step } from './period.js';
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

const NAME = { calendar: 'monthly@Europe/Paris', period: '2026-01', closing: 1 };

describe('a period', () => {
  const entries = Array.from({ length: MANIFEST_ENTRIES_MAX + 1 }, (_, index) => ({
    stream: `earning-P${index}|p`,
    payee: `P${index}`,
    currency: 'EUR',
    lines: 2,
    minimum: '0.00',
    hash: '0'.repeat(64),
  }));

  it('reaches its steps once, and closes its earnings when all pages of its manifest are recorded', () => {
    const period = new Stream(periodDecider);
    const [first, second] = pagesOf(NAME, entries);
    if (first === undefined || second === undefined) throw new Error('expected two pages');
    const reach = (step: Step, closing = 1) =>
      period.handle({ type: 'reach-step', ...NAME, closing, step, at: AT }).map(({ type }) => type);
    const add = (page: PeriodManifest) => period.handle({ type: 'add-page', ...NAME, page, at: AT });
    expect(reach('sealed')).toEqual([]);
    expect(['announced', 'sealed', 'inputs-drained'].flatMap((step) => reach(step as Step))).toHaveLength(3);
    add(first);
    expect(codeOf(() => reach('earnings-closed'))).toBe('ManifestIncomplete');
    expect(add(first)).toEqual([]);
    add(second);
    expect(reach('earnings-closed')).toEqual(['StepReached']);
    expect(reach('earnings-closed')).toEqual([]);
    expect(period.state).toMatchObject({ closing: 1, pages: 2, streams: entries.length, lines: 2 * entries.length });
    expect(progressOf(period.state).waitsFor).toBe('rewards to close the period');
    // Steps of others in another order, and of a closing that was withdrawn.
    expect(reach('statements-issued')).toEqual(['StepReached']);
    expect(progressOf(period.state).waitsFor).toBe('rewards to close the period');
    expect(reach('announced', 2)).toEqual(['StepReached']);
    expect(reach('rewards-closed', 1)).toEqual([]);
    expect(period.state).toMatchObject({ closing: 2, pages: 0, streams: 0 });
    expect(add(first)).toEqual([]);
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
    for (const page of pagesOf(NAME, longest))
      expect(decode(envelopeMessage('period-manifest', attributes, page).value)).toMatchObject({ data: page });
  });

  it('without lines has a manifest of one empty page', () => {
    expect(pagesOf(NAME, [])).toMatchObject([{ page: 1, pages: 1, entries: [] }]);
  });
});
