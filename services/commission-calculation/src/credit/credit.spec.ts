import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ExchangeRate } from '@tantieme/contracts/reference';
import { creditsIn, creditDecider, usedPartners } from './credit.js';
import type { CreditView } from './credit.js';
import { packLines, unpackLines } from './credit-lines.js';
import { AT, dealOf, partnerOf, PLAN, World } from '../testing/world.fixture.js';

let world: World;
beforeEach(() => {
  world = new World();
});

const plan = (): void => world.apply({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
const partner = (id: string, shape: Parameters<typeof partnerOf>[1] = {}, revision = 0): void =>
  world.apply({ kind: 'partner', partner: partnerOf(id, shape), revision });
const deal = (shape: Parameters<typeof dealOf>[1] = {}, revision = 0): void =>
  world.apply({ kind: 'deal', deal: dealOf('D-1', shape), revision });

const credited = () => (world.credits.get('crm|D-1')?.events ?? []).filter((event) => event.type === 'DealCredited');
const newest = () => {
  const event = credited().at(-1);
  return (
    event && {
      ...event.data,
      pending: event.data.pending ?? [],
      credits: creditsIn(event),
      input: { ...event.data.input, partners: usedPartners(event.data.input) },
    }
  );
};

describe('the credit of a deal', () => {
  it('journals what it looked up: partners by value with the revision read, plans by the names of their versions', () => {
    plan();
    partner('dora');
    partner('anna', { upline: 'dora', tier: 'silver' });
    deal();
    expect(newest()).toMatchObject({
      number: 1,
      input: {
        origin: { stream: 'deal-crm|D-1', revision: 0 },
        partners: [
          {
            key: 'partner:anna',
            revision: 0,
            plans: ['resellers'],
            asOf: [{ day: '2026-01-10', tier: 'silver', upline: 'dora', channel: 'retail', plans: ['resellers'] }],
          },
          { key: 'partner:dora', revision: 0, asOf: [{ day: '2026-01-10', tier: 'gold', upline: null }] },
        ],
        plans: [
          { key: 'plan:resellers', revision: 2, versions: [{ version: 'resellers@1', effectiveFrom: '2026-01-01' }] },
        ],
      },
      credits: [
        { payee: 'anna', plan: 'resellers', groups: [{ component: 'hardware', lines: [['1', '100.00']] }] },
        { payee: 'dora', plan: 'resellers', groups: [{ component: 'team', level: 1, lines: [['1', '100.00']] }] },
      ],
      pending: [],
    });
  });

  it('is empty for a payee who is no longer credited, and leaves out payees for whom nothing changes', () => {
    plan();
    partner('dora');
    partner('emil');
    partner('anna', { upline: 'dora' });
    deal();
    partner('anna', { upline: 'emil' }, 1);
    expect(newest()).toMatchObject({
      number: 2,
      credits: [
        { payee: 'dora', groups: [] },
        { payee: 'emil', groups: [{ lines: [['1', '100.00']] }] },
      ],
    });
    expect(newest()?.input.deal).toBeUndefined();
  });

  it('adds no event for an older or repeated deal, nor for a fact that changes nothing', () => {
    plan();
    partner('anna');
    deal({}, 3);
    deal({ net: '1.00' }, 2);
    deal({}, 3);
    partner('anna', { tier: 'platinum' }, 1);
    expect(credited()).toHaveLength(1);
  });

  it('is journalled for each new revision of the deal, also where the credit is the same', () => {
    plan();
    partner('anna');
    deal();
    deal({ payments: [{ id: 'P1', at: '2026-02-01T10:00:00Z', amount: '10.00' }] }, 1);
    expect(newest()).toMatchObject({ number: 2, credits: [] });
  });
});

describe('a deal that cannot be credited', () => {
  it.each([
    ['an unknown partner', () => deal(), 'PartnerMissing', 'partner:anna'],
    [
      'a plan that does not exist',
      () => (partner('anna', { plans: ['nowhere'] }), deal()),
      'PlanMissing',
      'plan:nowhere',
    ],
    [
      'a plan that is not in force yet',
      () => (plan(), partner('anna', { from: '2025-01-01' }), deal({ bookedAt: '2025-12-10T10:00:00Z' })),
      'PlanNotInForce',
      'plan:resellers',
    ],
    [
      'a partner without agreement on the day',
      () => (plan(), partner('anna', { from: '2026-02-01' }), deal()),
      'AgreementMissing',
      'partner:anna',
    ],
    [
      'another currency',
      () => (plan(), partner('anna'), deal({ currency: 'USD' })),
      'ExchangeRateMissing',
      'exchange-rate:USD/EUR',
    ],
    [
      'a time that does not exist',
      () => (plan(), partner('anna'), deal({ bookedAt: '2026-02-30T10:00:00Z' })),
      'TermsInvalid',
      'deal:crm|D-1',
    ],
  ])('is pending with the reason: %s', (_, when, code, subject) => {
    when();
    expect(newest()).toMatchObject({ credits: [], pending: [{ code, subject }] });
  });

  it('is pending without terms, and credited when they arrive', () => {
    plan();
    partner('anna');
    const { terms: _, ...bare } = dealOf('D-1');
    world.apply({ kind: 'deal', deal: bare, revision: 0 });
    expect(newest()).toMatchObject({ credits: [], pending: [{ code: 'TermsMissing', subject: 'deal:crm|D-1' }] });
    deal({}, 1);
    expect(newest()).toMatchObject({ credits: [{ payee: 'anna' }], pending: [] });
  });

  it('is neither credited nor pending when all of its facts are withdrawn', () => {
    plan();
    partner('anna');
    const { terms: _, bookedAt: _bookedAt, ...withdrawn } = dealOf('D-1');
    deal();
    world.apply({ kind: 'deal', deal: withdrawn, revision: 1 });
    expect(newest()).toMatchObject({ credits: [{ payee: 'anna', groups: [] }], pending: [] });
  });
});

describe('a pending deal', () => {
  it('touches the calendars of its partners’ plans from its first day on, or all while a partner is unknown', () => {
    deal({ returns: [{ id: 'R', at: '2026-01-09T23:30:00+01:00' }] });
    expect(newest()).toMatchObject({ touches: { from: '2026-01-09T22:30:00.000Z' } });
    expect(newest()?.touches?.calendars).toBeUndefined();
    plan();
    partner('anna');
    deal({ currency: 'USD' }, 1);
    expect(newest()?.touches).toEqual({ from: '2026-01-10T10:00:00.000Z', calendars: ['monthly@Europe/Paris'] });
    deal({}, 2);
    expect(newest()?.touches).toBeUndefined();
  });

  it('is waived once, and is credited all the same when the missing fact arrives', () => {
    plan();
    deal();
    const waived = [{ code: 'PartnerMissing', subject: 'partner:anna' }];
    const waive = {
      type: 'waive',
      waived,
      reason: 'never registers',
      by: 'fiona',
      confirmedBy: 'ada',
      at: AT,
    } as const;
    const stream = world.credits.get('crm|D-1');
    expect(stream?.handle(waive)).toHaveLength(1);
    expect(stream?.handle(waive)).toEqual([]);
    partner('anna');
    expect(newest()).toMatchObject({ credits: [{ payee: 'anna' }], pending: [] });
  });

  it('stops waiting when it is cancelled, or when all its facts are withdrawn', () => {
    deal();
    expect(newest()).toMatchObject({ pending: [{ code: 'PartnerMissing' }], uncredited: [{ code: 'Pending' }] });
    deal({ cancelledAt: '2026-01-20T10:00:00Z' }, 1);
    expect(newest()).toMatchObject({ pending: [], uncredited: [{ code: 'Cancelled', subject: 'deal:crm|D-1' }] });
    const { terms: _, bookedAt: __, ...bare } = dealOf('D-1');
    world.apply({ kind: 'deal', deal: bare, revision: 2 });
    expect(newest()).toMatchObject({ pending: [], uncredited: [{ code: 'Withdrawn' }] });
  });
});

describe('a deal that is credited to nobody', () => {
  const QUARTERLY = PLAN.replace(/ {2}- id: service[^]*$/, '');
  it.each([
    [
      'after the end of an agreement',
      () => (plan(), partner('anna', { until: '2026-01-10' }), deal()),
      { code: 'NotCovered', subject: 'partner:anna' },
    ],
    [
      'in a quarter that began before the plan',
      () => {
        world.apply({ kind: 'plan', text: QUARTERLY.replace(/ {2}- id: team[^]*$/, ''), effectiveFrom: '2026-01-05' });
        partner('anna');
        deal();
      },
      { code: 'WindowNotBegun', subject: 'plan:resellers' },
    ],
    [
      'of another category',
      () => (plan(), partner('anna'), deal({ lines: [{ id: '1', category: 'books', net: '1.00' }] })),
      { code: 'ConditionsNotMet', subject: 'plan:resellers' },
    ],
    ['without partners', () => (plan(), deal({ partners: [] })), { code: 'NoPartners', subject: 'deal:crm|D-1' }],
    [
      'that was only invoiced, where the plan pays on bookings',
      () => {
        plan();
        partner('anna');
        const { bookedAt: _, ...rest } = dealOf('D-1', { invoices: [{ id: 'I', at: '2026-01-12T10:00:00Z' }] });
        world.apply({ kind: 'deal', deal: rest, revision: 0 });
      },
      { code: 'NotTriggered', subject: 'plan:resellers' },
    ],
  ])('waits for nothing, and names its reason: %s', (_, when, reason) => {
    when();
    expect(newest()).toMatchObject({ credits: [], pending: [], uncredited: [reason] });
  });

  it('is credited when an agreement is extended backwards', () => {
    plan();
    partner('anna', { until: '2026-01-10' });
    deal();
    partner('anna', {}, 1);
    expect(newest()).toMatchObject({ credits: [{ payee: 'anna' }], pending: [] });
    expect(newest()?.uncredited).toBeUndefined();
  });
});

describe('certifications of a partner', () => {
  it('are journalled as of the day, added up, where anybody holds one', () => {
    plan();
    const certificate = { certification: 'security-pro', from: '2026-01-01' };
    const certifications = [
      { ...certificate, id: 'C-1', count: 2 },
      { ...certificate, id: 'C-2', from: '2026-01-10' },
      { ...certificate, id: 'C-3', until: '2026-01-10' },
      { ...certificate, id: 'C-4', certification: 'cloud', from: '2026-02-01' },
    ];
    world.apply({ kind: 'partner', partner: { ...partnerOf('anna'), certifications }, revision: 0 });
    partner('bert');
    deal({
      partners: [
        { role: 'seller', partner: 'anna', share: '0.5' },
        { role: 'seller', partner: 'bert', share: '0.5' },
      ],
    });
    const [anna, bert] = newest()?.input.partners ?? [];
    expect(anna?.asOf).toMatchObject([{ day: '2026-01-10', certifications: { 'security-pro': 3 } }]);
    expect(bert?.asOf[0]).not.toHaveProperty('certifications');
  });
});

describe('a deal of very many lines', () => {
  const linesOf = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ id: `${index + 1}`, category: 'hardware', net: '10.00' }));

  beforeEach(() => {
    plan();
    partner('anna');
  });

  it('is credited as long as events can hold the credit', () => {
    deal({ lines: linesOf(2500) });
    expect(newest()).toMatchObject({ pending: [], credits: [{ payee: 'anna' }] });
  });

  it('is pending beyond that, and earlier credits are withdrawn', () => {
    deal({ lines: linesOf(10) });
    deal({ lines: linesOf(4000) }, 1);
    expect(newest()).toMatchObject({
      pending: [{ code: 'DealTooLarge', subject: 'deal:crm|D-1', message: expect.stringContaining('4000 lines') }],
      credits: [{ payee: 'anna', groups: [] }],
    });
    deal({ lines: linesOf(20) }, 2);
    expect(newest()).toMatchObject({ pending: [], credits: [{ payee: 'anna' }] });
  });
});

describe('a deal in another currency than its plan', () => {
  const rate = (date: string, text: string, more: Partial<ExchangeRate> = {}): void =>
    world.apply({
      kind: 'exchange-rate',
      exchangeRate: { base: 'EUR', quote: 'USD', date, rate: text, source: 'ecb', ...more },
    });
  const basis = () => newest()?.credits[0]?.groups[0]?.lines;

  beforeEach(() => {
    plan();
    partner('anna');
  });

  it('is pending, and its journal records that there was no rate', () => {
    deal({ currency: 'USD' });
    expect(newest()).toMatchObject({ credits: [], pending: [{ code: 'ExchangeRateMissing' }] });
    expect(newest()?.input.exchangeRates).toEqual([
      { key: 'exchange-rate:USD/EUR', revision: null, on: [{ day: '2026-01-10', maxAgeDays: 7, found: null }] },
    ]);
  });

  it('is credited when a rate arrives, which is journalled by value with the revision read', () => {
    deal({ currency: 'USD' });
    rate('2026-01-02', '9');
    expect(credited()).toHaveLength(1);
    rate('2026-01-09', '1.1');
    expect(newest()).toMatchObject({ number: 2, pending: [] });
    expect(basis()).toMatchObject([['1', '90.91']]);
    expect(newest()?.input.exchangeRates).toEqual([
      {
        key: 'exchange-rate:USD/EUR',
        revision: 1,
        on: [
          {
            day: '2026-01-10',
            maxAgeDays: 7,
            found: { rate: '10/11', date: '2026-01-09', source: 'ecb', inverse: true },
          },
        ],
      },
    ]);
  });

  it('is credited again for a correction, not for rates published after its day', () => {
    rate('2026-01-09', '1.1');
    deal({ currency: 'USD' });
    rate('2026-01-11', '2');
    expect(credited()).toHaveLength(1);
    rate('2026-01-09', '1.25', { revision: 1 });
    expect(basis()).toMatchObject([['1', '80.00']]);
  });

  it('uses the average of its period where the plan says so', () => {
    world.apply({
      kind: 'plan',
      text: PLAN.replace('components:', 'exchange: { on: period-average }\ncomponents:'),
      effectiveFrom: '2026-01-01',
    });
    deal({ currency: 'USD' });
    expect(newest()).toMatchObject({ credits: [], pending: [{ code: 'ExchangeRateMissing' }] });
    for (const [date, text] of [
      ['2025-12-31', '9'],
      ['2026-01-05', '1.2'],
      ['2026-01-31', '1.3'],
      ['2026-02-01', '9'],
    ] as const)
      rate(date, text);
    expect(basis()).toMatchObject([['1', '80.00']]);
    expect(newest()?.input.exchangeRates).toMatchObject([
      { on: [], averages: [{ from: '2026-01-01', until: '2026-02-01', found: { rate: '0.8', inverse: true } }] },
    ]);
  });

  it('is the only kind of deal whose journal has exchange rates', () => {
    rate('2026-01-09', '1.1');
    deal();
    expect(newest()?.input).not.toHaveProperty('exchangeRates');
  });
});

describe('a credit decided again from its journal', () => {
  it('looks up nothing that is not in it', () => {
    plan();
    partner('anna');
    deal();
    const [event] = credited();
    if (event === undefined) throw new Error('the deal has no credit');
    const { view } = creditDecider(world).commandOf(event) as { view: CreditView };
    expect(() => view.partner('bert')).toThrow('not in the journal');
    expect(() => view.partner('anna')?.asOf('2026-01-11')).toThrow('not in the journal');
    expect(() => view.plan('other')).toThrow('not in the journal');
    expect(() => view.exchangeRate('USD', 'EUR')).toThrow('not in the journal');
    expect(creditDecider(world).commandOf(event)).toMatchObject({ type: 'credit', at: AT });
  });
});

describe('a stored credit', () => {
  it('holds what its groups have in common once, and only what differs of a partner', () => {
    plan();
    partner('dora');
    partner('anna', { upline: 'dora' });
    deal();
    const [event] = credited();
    expect(event?.data).toMatchObject({
      shared: { occurrence: 'booked', period: '2026-01', planVersion: 'resellers@1', lines: [['1', '100.00']] },
      input: {
        partners: [{ key: 'partner:anna' }, { asOf: { '2026-01-10': { tier: 'gold' } } }],
      },
    });
    expect(event?.data.credits.map(({ groups }) => groups)).toEqual([
      [{ component: 'hardware', window: '2026-Q1' }],
      [{ component: 'team', level: 1, child: { payee: 'anna', component: 'hardware' } }],
    ]);
    expect(event?.data.input.partners[1]?.asOf).toEqual({
      '2026-01-10': { channel: 'retail', country: 'FR', tier: 'gold' },
    });
  });
});

describe('credit lines', () => {
  it('are packed by what they have in common, and unpacked unchanged', () => {
    plan();
    partner('dora');
    partner('anna', { upline: 'dora' });
    partner('bert');
    deal({
      lines: [
        { id: '1', category: 'hardware', net: '10.00' },
        { id: '2', category: 'hardware', net: '20.00' },
        { id: '3', category: 'service', net: '30.00' },
      ],
      partners: [
        { role: 'seller', partner: 'anna', share: '0.5' },
        { role: 'seller', partner: 'bert', share: '0.5' },
      ],
      returns: [{ id: 'R1', at: '2026-02-01T10:00:00Z', lines: [{ line: '1', net: '5.00' }] }],
    });
    const groups = newest()?.credits.find(({ payee }) => payee === 'anna')?.groups ?? [];
    expect(groups.map(({ component, occurrence, lines }) => [component, occurrence, lines])).toEqual([
      [
        'hardware',
        'booked',
        [
          ['1', '5.00'],
          ['2', '10.00'],
        ],
      ],
      ['service', 'booked', [['3', '15.00']]],
      ['hardware', 'return:R1', [['1', '-2.50', '0.00', '5.00', '10.00']]],
    ]);
    expect(packLines(unpackLines(groups))).toEqual(groups);
  });
});
