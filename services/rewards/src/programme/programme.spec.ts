import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

import { document, run } from '../bonus/bonus.fixture.js';
import { compileProgramme, isEligible, payOf, programme } from './programme.js';
import type { ProgrammeCommand, ProgrammeDocument } from './programme.js';

function publish(parts: Partial<ProgrammeDocument> = {}): ProgrammeCommand {
  return { type: 'publish', at: '2026-01-01T08:00:00Z', document: document(parts), by: 'dora' };
}

function faults(parts: Partial<ProgrammeDocument>): readonly string[] {
  try {
    compileProgramme(document(parts));
  } catch (error) {
    if (error instanceof DomainError) return error.fields.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe('a programme', () => {
  it('is published once, and requests a catch-up', () => {
    const { state, events } = run(programme, [publish(), publish()]);
    expect(events.map(({ type }) => type)).toEqual(['ProgrammePublished']);
    expect(state.catchUps).toEqual([{ number: 0, payee: null }]);
  });

  it('never changes', () => {
    expect(() => run(programme, [publish(), publish({ title: 'Another' })])).toThrow(
      'publish a new one under another id',
    );
  });

  it.each<[string, Partial<ProgrammeDocument>, readonly string[]]>([
    ['an unknown currency', { currency: 'XXQ' }, ['currency']],
    ['no tiers', { tiers: [] }, ['tiers']],
    ['an amount with too many decimals', { tiers: [{ from: '1.005', pay: '1.00' }] }, ['tiers.0.from']],
    [
      'a tier that does not rise',
      {
        tiers: [
          { from: '5', pay: '1' },
          { from: '5', pay: '2' },
        ],
      },
      ['tiers.1.from'],
    ],
    ['a negative pay', { tiers: [{ from: '5', pay: '-1' }] }, ['tiers.0.pay']],
    ['a date that does not exist', { from: '2026-02-30' }, ['from']],
    ['an end before its beginning', { until: '2025-01-01' }, ['until']],
    ['an unknown time zone', { calendar: { periods: 'monthly', timeZone: 'Europe/Nowhere' } }, ['calendar.timeZone']],
    [
      'a start of weeks in a calendar without weeks',
      { calendar: { periods: 'monthly', timeZone: 'Europe/Paris', starts: '2026-01-05' } },
      ['calendar'],
    ],
    [
      'a measurement shorter than its periods',
      { calendar: { periods: 'annual', timeZone: 'Europe/Paris' }, measure: { of: 'basis', over: 'quarter' } },
      ['measure.over'],
    ],
    ['a title that no database stores', { title: 'a\u0000b' }, ['title']],
    ['half of a character', { measure: { of: 'basis', over: 'quarter', plans: ['\ud800'] } }, ['measure.plans']],
    ['an id with a bar', { programme: 'a|b' }, ['programme']],
  ])('is refused with %s', (_, parts, fields) => {
    expect(faults(parts)).toEqual(fields);
  });

  it('pays the highest tier reached', () => {
    const compiled = compileProgramme(document());
    expect([4_999_999n, 5_000_000n, 9_999_999n, 10_000_000n, -1n].map((minor) => payOf(compiled, minor))).toEqual([
      0n,
      50_000n,
      50_000n,
      150_000n,
      0n,
    ]);
  });

  it('is for everybody or for some channels; for an unknown partner it is undecided', () => {
    expect(isEligible(compileProgramme(document()), null)).toBe(true);
    const retail = compileProgramme(document({ eligible: { channel: ['retail'] } }));
    expect([isEligible(retail, 'retail'), isEligible(retail, 'direct'), isEligible(retail, null)]).toEqual([
      true,
      false,
      null,
    ]);
  });
});

describe('a catch-up', () => {
  const request = (payee: string, partnerRevision: number): ProgrammeCommand => ({
    type: 'request-catch-up',
    at: '2026-02-01T08:00:00Z',
    payee,
    partnerRevision,
  });

  it('is requested once per change of a partner, and ends when it is completed', () => {
    const complete: ProgrammeCommand = { type: 'complete-catch-up', at: '2026-02-01T08:00:01Z', number: 0 };
    const { state, events } = run(programme, [
      publish(),
      complete,
      complete,
      request('P1', 3),
      request('P1', 3),
      request('P1', 2),
      request('P2', 0),
    ]);
    expect(events.map(({ type }) => type)).toEqual([
      'ProgrammePublished',
      'CatchUpCompleted',
      'CatchUpRequested',
      'CatchUpRequested',
    ]);
    expect(state.catchUps).toEqual([
      { number: 1, payee: 'P1' },
      { number: 2, payee: 'P2' },
    ]);
  });
});
