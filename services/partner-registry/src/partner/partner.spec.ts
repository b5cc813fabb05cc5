import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Partner } from '@tantieme/contracts/partner';
import { partnerDecider } from './partner.js';
import type { PartnerChange, PartnerDetails, PartnerEvent, PartnerState } from './partner.js';

const AT = '2026-01-01T00:00:00.000Z';
const details: PartnerDetails = { name: 'Ada', channel: 'retail', country: 'FR' };
const registered: PartnerChange = { kind: 'details', details };
const partner: Partner = { id: 'P', ...details, tiers: [], uplines: [], agreements: [] };
const tier = (from: string, name: string): PartnerChange => ({ kind: 'tier', from, tier: name });
const agreement = (id: string, from: string, until?: string, plan = 'emea'): PartnerChange => ({
  kind: 'agreement',
  agreement: omitUndefined({ id, plan, from, until }),
});
const upline = (
  from: string,
  above: string | null,
  uplines: Record<string, [string, string | null][]> = {},
): PartnerChange => ({
  kind: 'upline',
  from,
  upline: above,
  above: Object.fromEntries(
    Object.entries(uplines).map(([id, entries]) => [id, entries.map(([day, value]) => ({ from: day, value }))]),
  ),
});

const deciding = (change: PartnerChange, state: PartnerState): readonly PartnerEvent[] =>
  partnerDecider.decide({ id: 'P', change, at: AT }, state);

function given(...changes: PartnerChange[]): PartnerState {
  let state = partnerDecider.initialState();
  for (const change of changes)
    for (const event of deciding(change, state)) state = partnerDecider.evolve(state, event);
  return state;
}

function refusal(act: () => unknown): DomainError {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a partner', () => {
  it('is registered with its details', () => {
    expect(deciding(registered, given())).toEqual([
      { type: 'PartnerRegistered', version: 1, occurredAt: AT, data: { change: registered, partner } },
    ]);
  });

  it('keeps its lists when its details change', () => {
    const state = given(registered, tier('2026-01-01', 'gold'));
    const [event] = deciding({ kind: 'details', details: { ...details, name: 'Ada & Co' } }, state);
    expect(event?.data.partner).toEqual({
      ...partner,
      name: 'Ada & Co',
      tiers: [{ from: '2026-01-01', value: 'gold' }],
    });
  });

  it('adds nothing when nothing changes', () => {
    const state = given(
      registered,
      tier('2026-01-01', 'gold'),
      agreement('A', '2026-01-01'),
      upline('2026-01-01', 'Q'),
    );
    for (const again of [
      registered,
      tier('2026-01-01', 'gold'),
      agreement('A', '2026-01-01'),
      upline('2026-01-01', 'Q'),
    ])
      expect(deciding(again, state)).toEqual([]);
  });

  it('must be registered before anything else is recorded', () => {
    expect(refusal(() => deciding(tier('2026-01-01', 'gold'), given()))).toMatchObject({
      code: 'PartnerUnknown',
      kind: 'not-found',
    });
  });

  it.each([
    ['channel', { channel: 'street' }],
    ['country', { country: 'France' }],
  ])('is refused for its %s', (field, changes) => {
    const change = JSON.parse(
      JSON.stringify({ kind: 'details', details: { ...details, ...changes } }),
    ) as PartnerChange;
    expect(refusal(() => deciding(change, given())).fields).toMatchObject([{ field }]);
  });

  it('is decided again from its events to the same bytes', () => {
    let state = partnerDecider.initialState();
    for (const change of [
      registered,
      tier('2026-01-01', 'gold'),
      upline('2026-01-01', 'Q', { Q: [] }),
      agreement('A', '2026-01-01'),
      {
        kind: 'certification',
        certification: { id: 'C-1', certification: 'security-pro', from: '2026-01-01', count: 1 },
      } as const,
    ])
      for (const event of deciding(change, state)) {
        expect(JSON.stringify(partnerDecider.decide(partnerDecider.commandOf(event), state))).toBe(
          JSON.stringify([event]),
        );
        state = partnerDecider.evolve(state, event);
      }
  });
});

describe('tiers', () => {
  it('are in order of days, whenever they were assigned', () => {
    const state = given(
      registered,
      tier('2026-03-01', 'gold'),
      tier('2026-01-01', 'silver'),
      tier('2026-03-01', 'platinum'),
    );
    expect(state?.tiers).toEqual([
      { from: '2026-01-01', value: 'silver' },
      { from: '2026-03-01', value: 'platinum' },
    ]);
  });

  it.each(['2026-02-30', '2026-3-1', '01/03/2026', '', '2026-13-01'])('are refused from the day %j', (from) => {
    expect(refusal(() => deciding(tier(from, 'gold'), given(registered))).fields).toMatchObject([{ field: 'from' }]);
  });
});

describe('agreements', () => {
  it('to one plan may follow each other without a gap', () => {
    const state = given(registered, agreement('A', '2026-01-01', '2026-04-01'), agreement('B', '2026-04-01'));
    expect(state?.agreements).toHaveLength(2);
  });

  it('to one plan may not overlap', () => {
    const state = given(registered, agreement('A', '2026-01-01', '2026-04-01'));
    expect(refusal(() => deciding(agreement('B', '2026-03-31'), state))).toMatchObject({
      code: 'AgreementOverlaps',
      kind: 'conflict',
      fields: [
        { field: 'from', reason: 'overlaps with the agreement A to the same plan, from 2026-01-01 until 2026-04-01' },
      ],
    });
    expect(refusal(() => deciding(agreement('B', '2025-01-01'), state))).toMatchObject({ code: 'AgreementOverlaps' });
  });

  it('to several plans may overlap', () => {
    const state = given(registered, agreement('A', '2026-01-01'), agreement('B', '2026-02-01', undefined, 'spiff'));
    expect(state?.agreements.map(({ id }) => id)).toEqual(['A', 'B']);
  });

  it('can be ended by recording them again', () => {
    const state = given(
      registered,
      agreement('A', '2026-01-01'),
      agreement('A', '2026-01-01', '2026-06-01'),
      agreement('B', '2026-06-01'),
    );
    expect(state?.agreements).toEqual([
      { id: 'A', plan: 'emea', from: '2026-01-01', until: '2026-06-01' },
      { id: 'B', plan: 'emea', from: '2026-06-01' },
    ]);
  });

  it('last at least a day', () => {
    expect(refusal(() => deciding(agreement('A', '2026-01-01', '2026-01-01'), given(registered))).fields).toMatchObject(
      [{ field: 'agreement.until' }],
    );
  });
});

describe('certifications', () => {
  const certified = (id: string, from: string, more: { until?: string; count?: number } = {}): PartnerChange => ({
    kind: 'certification',
    certification: { id, certification: 'security-pro', from, ...more },
  });

  it('may overlap: several people hold one, each from their own day', () => {
    const state = given(registered, certified('C-2', '2026-03-01', { count: 2 }), certified('C-1', '2026-01-01'));
    expect(state?.certifications).toEqual([
      { id: 'C-1', certification: 'security-pro', from: '2026-01-01' },
      { id: 'C-2', certification: 'security-pro', from: '2026-03-01', count: 2 },
    ]);
  });

  it('can be ended by recording them again, and stay when the details change', () => {
    const state = given(
      registered,
      certified('C-1', '2026-01-01'),
      certified('C-1', '2026-01-01', { until: '2026-06-01', count: 1 }),
      { kind: 'details', details: { ...details, name: 'Ada & Co' } },
    );
    expect(state?.certifications).toEqual([
      { id: 'C-1', certification: 'security-pro', from: '2026-01-01', until: '2026-06-01' },
    ]);
    expect(deciding(certified('C-1', '2026-01-01', { until: '2026-06-01' }), state)).toEqual([]);
  });

  it.each([
    ['certification.from', certified('C-1', '2026-02-30')],
    ['certification.until', certified('C-1', '2026-01-01', { until: '2026-01-01' })],
    ['certification.count', certified('C-1', '2026-01-01', { count: 0 })],
    ['certification.count', certified('C-1', '2026-01-01', { count: 1.5 })],
  ])('are refused for their %s', (field, change) => {
    expect(refusal(() => deciding(change, given(registered))).fields).toMatchObject([{ field }]);
  });

  it('are absent from the document of a partner that has none', () => {
    expect(given(registered, { kind: 'document', partner: { ...partner, certifications: [] }, above: {} })).toEqual(
      partner,
    );
  });
});

describe('uplines', () => {
  it('may be above each other', () => {
    const state = given(registered, upline('2026-01-01', 'Q', { Q: [['2026-01-01', 'R']], R: [] }));
    expect(state?.uplines).toEqual([{ from: '2026-01-01', value: 'Q' }]);
  });

  it('must not be the partner itself', () => {
    expect(refusal(() => deciding(upline('2026-01-01', 'P'), given(registered)))).toMatchObject({
      code: 'UplineCircle',
      kind: 'conflict',
    });
  });

  it('must not form a circle', () => {
    const change = upline('2026-01-01', 'Q', { Q: [['2025-01-01', 'R']], R: [['2025-06-01', 'P']] });
    expect(refusal(() => deciding(change, given(registered))).fields).toEqual([
      { field: 'upline', reason: 'on 2026-01-01 P is below Q is below R is below P' },
    ]);
  });

  it('must not form a circle on a later day', () => {
    const change = upline('2026-01-01', 'Q', { Q: [['2026-05-01', 'P']] });
    expect(refusal(() => deciding(change, given(registered))).message).toContain('2026-05-01');
  });

  it('may have been the other way round earlier', () => {
    const change = upline('2026-01-01', 'Q', {
      Q: [
        ['2025-01-01', 'P'],
        ['2026-01-01', null],
      ],
    });
    expect(deciding(change, given(registered))).toHaveLength(1);
  });
});

describe('a whole document', () => {
  const document = (changes: Partial<Partner> = {}): PartnerChange => ({
    kind: 'document',
    partner: { ...partner, ...changes },
    above: {},
  });

  it('replaces what was recorded', () => {
    const state = given(registered, tier('2026-01-01', 'gold'), document({ name: 'Ada & Co' }));
    expect(state).toEqual({ ...partner, name: 'Ada & Co' });
  });

  it('adds nothing when it is imported again with its lists in another order', () => {
    const tiers = [
      { from: '2026-01-01', value: 'silver' },
      { from: '2026-02-01', value: 'gold' },
    ];
    expect(deciding(document({ tiers: tiers.toReversed() }), given(document({ tiers })))).toEqual([]);
  });

  it('is refused when it contradicts itself', () => {
    const twice = [
      { from: '2026-01-01', value: 'silver' },
      { from: '2026-01-01', value: 'gold' },
    ];
    expect(refusal(() => deciding(document({ tiers: twice }), given())).fields).toMatchObject([
      { field: 'tiers.1.from' },
    ]);
    const agreements = [
      { id: 'A', plan: 'emea', from: '2026-01-01' },
      { id: 'B', plan: 'emea', from: '2026-05-01' },
    ];
    expect(refusal(() => deciding(document({ agreements }), given()))).toMatchObject({
      code: 'AgreementOverlaps',
      fields: [{ field: 'agreements.1.from', reason: expect.stringContaining('overlaps with the agreement A') }],
    });
    const certificate = { id: 'C', certification: 'security-pro', from: '2026-01-01' };
    const certifications = [certificate, { ...certificate, from: '2026-05-01' }];
    expect(refusal(() => deciding(document({ certifications }), given())).fields).toMatchObject([
      { field: 'certifications.1.id' },
    ]);
  });
});
