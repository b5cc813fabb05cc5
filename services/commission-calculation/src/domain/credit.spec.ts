import { beforeEach, describe, expect, it } from '@jest/globals';
import { creditDecider } from './credit.js';
import type { CreditView } from './credit.js';
import { packLines, unpackLines } from './credit-lines.js';
import { AT, dealOf, partnerOf, PLAN, World } from './world.fixture.js';

let world: World;
beforeEach(() => {
  world = new World();
});

const plan = (): void => world.take({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
const partner = (id: string, shape: Parameters<typeof partnerOf>[1] = {}, revision = 0): void =>
  world.take({ kind: 'partner', partner: partnerOf(id, shape), revision });
const deal = (shape: Parameters<typeof dealOf>[1] = {}, revision = 0): void =>
  world.take({ kind: 'deal', deal: dealOf('D-1', shape), revision });

const credited = () => world.credits.get('crm|D-1')?.events ?? [];
const newest = () => credited().at(-1)?.data;

describe('the credit of a deal', () => {
  it('journals what it looked up: partners by value with the revision read, plans by the hash of their documents', () => {
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
        plans: [{ key: 'plan:resellers', revision: 2, versions: [{ effectiveFrom: '2026-01-01' }] }],
      },
      credits: [
        { payee: 'anna', plan: 'resellers', groups: [{ component: 'hardware', lines: [['1', '100.00']] }] },
        { payee: 'dora', plan: 'resellers', groups: [{ component: 'team', level: 1, lines: [['1', '100.00']] }] },
      ],
      waiting: [],
    });
  });

  it('is empty for one who no longer has any, and says nothing of those for whom nothing changes', () => {
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

  it('is not said again for a deal that came before, nor for a fact that changes nothing', () => {
    plan();
    partner('anna');
    deal({}, 3);
    deal({ net: '1.00' }, 2);
    deal({}, 3);
    partner('anna', { tier: 'platinum' }, 1);
    expect(credited()).toHaveLength(1);
  });

  it('is journalled for each new revision of the deal, also where it credits the same', () => {
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
      'a plan that is not there',
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
      'a moment that does not exist',
      () => (plan(), partner('anna'), deal({ bookedAt: '2026-02-30T10:00:00Z' })),
      'TermsInvalid',
      'deal:crm|D-1',
    ],
  ])('waits for what is missing: %s', (_, when, code, subject) => {
    when();
    expect(newest()).toMatchObject({ credits: [], waiting: [{ code, subject }] });
  });

  it('waits without terms, and is credited when they come', () => {
    plan();
    partner('anna');
    const { terms: _, ...bare } = dealOf('D-1');
    world.take({ kind: 'deal', deal: bare, revision: 0 });
    expect(newest()).toMatchObject({ credits: [], waiting: [{ code: 'TermsMissing', subject: 'deal:crm|D-1' }] });
    deal({}, 1);
    expect(newest()).toMatchObject({ credits: [{ payee: 'anna' }], waiting: [] });
  });
});

describe('a credit decided again from its journal', () => {
  it('asks for nothing that is not in it', () => {
    plan();
    partner('anna');
    deal();
    const [event] = credited();
    if (event === undefined) throw new Error('there is no credit');
    const { view } = creditDecider(world).commandOf(event) as { view: CreditView };
    expect(() => view.partner('bert')).toThrow('not in the journal');
    expect(() => view.partner('anna')?.asOf('2026-01-11')).toThrow('not in the journal');
    expect(() => view.plan('other')).toThrow('not in the journal');
    expect(creditDecider(world).commandOf(event)).toMatchObject({ type: 'credit', at: AT });
  });
});

describe('credit lines', () => {
  it('are packed by what they have in common, and come out as they were', () => {
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
