import { describe, expect, it } from '@jest/globals';
import { creditDeal } from './credit.js';
import { compareCreditLines, lineKey } from './credit-line.js';
import type { CreditLookup } from './lookup.js';
import type { DealCredits } from './credit.js';
import type { Deal } from '../deal/deal.js';
import { BOOKED, dealOf, ONE_PARTNER, partnersOf, planWith, worldOf } from '../testing/world.fixture.js';

const PERCENT = 'rate: { percent: 10 % }';

function creditWith(component: string, deal: Deal, lookup: CreditLookup = ONE_PARTNER): DealCredits {
  return creditDeal(deal, [{ effectiveFrom: '2000-01-01', plan: planWith([component]) }], lookup);
}

/** `payee occurrence line basis`, of every line. */
function linesOf({ credits }: DealCredits): string[] {
  return credits.flatMap(({ payee, lines }) =>
    lines.map(({ occurrence, line, basis }) => `${payee} ${occurrence} ${line} ${basis}`),
  );
}

const two = [
  { id: '1', net: '60.00', gross: '72.00', cost: '50.00', category: 'hardware', product: 'H1', quantity: '3' },
  { id: '2', net: '40.00', category: 'software' },
];

describe('conditions', () => {
  const deal = dealOf('D', { lines: two, customer: 'C1', attributes: { region: 'west', source: 'ignored' } });
  const credited = (conditions: string, partner = {}) =>
    linesOf(
      creditWith(
        `{ id: sales, credit: { trigger: booked, ${conditions} }, ${PERCENT} }`,
        deal,
        partnersOf({ P1: partner }),
      ),
    ).map((line) => line.split(' ')[2]);

  it.each([
    ['where: { line.category: hardware }', ['1']],
    ['where: { line.category: [hardware, software] }', ['1', '2']],
    ['where: { line.product: H1 }', ['1']],
    ['where: { line.category: hardware, deal.region: east }', []],
    ['where: { deal.region: west, deal.customer: C1, deal.currency: EUR, deal.source: crm }', ['1', '2']],
    ['where: { deal.unknown: x }', []],
    ['where: { deal.constructor: x }', []],
    ['except: { line.category: hardware }', ['2']],
    ['except: { line.product: H1 }', ['2']],
    ['except: { line.category: hardware, deal.region: east }', ['1', '2']],
    ['where: { partner.channel: [retail, direct], partner.country: FR, partner.id: P1 }', ['1', '2']],
    ['where: { partner.channel: direct }', []],
    ['where: { partner.tier: gold }', []],
    ['except: { partner.channel: retail }', []],
    ['except: { partner.channel: retail, line.category: hardware }', ['2']],
    ['except: { partner.tier: gold, line.category: hardware }', ['1', '2']],
  ])('%s credits lines %j', (conditions, lines) => {
    expect(credited(conditions)).toEqual(lines);
  });

  it('look up the partner as of the day of the trigger, in the plan’s time zone', () => {
    const days: string[] = [];
    const lookup: CreditLookup = {
      partner(id, day) {
        days.push(day);
        return ONE_PARTNER.partner(id, day);
      },
    };
    creditWith(
      `{ id: sales, ${BOOKED}, ${PERCENT} }`,
      dealOf('D', { bookedAt: '2026-01-31T23:30:00Z', lines: two }),
      lookup,
    );
    expect(days).toEqual(['2026-02-01']);
  });
});

describe('the basis', () => {
  const basisOf = (basis: string) =>
    creditWith(
      `{ id: s, credit: { trigger: booked, basis: ${basis}, where: { line.category: hardware } }, rate: { flat: 1, per: line } }`,
      dealOf('D', { lines: two }),
    );

  it('is net, gross, margin or quantity', () => {
    expect(['net', 'gross', 'margin', 'quantity'].map((basis) => linesOf(basisOf(basis)))).toEqual([
      ['P1 booked 1 60.00'],
      ['P1 booked 1 72.00'],
      ['P1 booked 1 10.00'],
      ['P1 booked 1 3.00'],
    ]);
  });

  it.each(['gross', 'margin', 'quantity'])('is pending where the line lacks it: %s', (basis) => {
    const answer = creditWith(
      `{ id: s, credit: { trigger: booked, basis: ${basis} }, rate: { flat: 1, per: line } }`,
      dealOf('D', { net: '5.00' }),
    );
    expect(linesOf(answer)).toEqual([]);
    expect(answer.pending).toMatchObject([{ code: 'TermsMissing', subject: 'deal:crm|D' }]);
  });
});

describe('a pending deal', () => {
  const component = `{ id: sales, ${BOOKED}, ${PERCENT} }`;

  it('has no terms', () => {
    const { terms: _terms, ...deal } = dealOf('D');
    expect(creditWith(component, deal).pending).toMatchObject([{ code: 'TermsMissing', subject: 'deal:crm|D' }]);
    const { bookedAt: _bookedAt, ...withdrawn } = deal;
    expect(creditWith(component, withdrawn)).toEqual({ credits: [], pending: [] });
  });

  it('has an unknown partner; the other partners are credited', () => {
    const partners = [
      { role: 'seller' as const, partner: 'P1', share: '0.5' },
      { role: 'seller' as const, partner: 'P2', share: '0.5' },
    ];
    const answer = creditWith(component, dealOf('D', { partners }));
    expect(linesOf(answer)).toEqual(['P1 booked 1 50.00']);
    expect(answer.pending).toEqual([
      { code: 'PartnerMissing', subject: 'partner:P2', message: 'partner P2 is unknown on 2026-01-10' },
    ]);
  });

  it('is in another currency without an exchange rate', () => {
    expect(creditWith(component, dealOf('D', { currency: 'USD' })).pending).toMatchObject([
      { code: 'ExchangeRateMissing', subject: 'exchange-rate:USD/EUR' },
    ]);
  });

  it.each([
    ['shares that do not sum to 1', { partners: [{ role: 'seller' as const, partner: 'P1', share: '0.5' }] }],
    ['an amount that is not a decimal', { lines: [{ id: '1', net: '1e400' }] }],
    ['an amount with a fraction of a cent', { lines: [{ id: '1', net: '1.005' }] }],
    ['a currency that does not exist', { currency: 'XXX' }],
    ['an amount above the maximum', { net: '9'.repeat(30) }],
    ['a basis whose earnings would have more digits than a message holds', { net: '100000000000000.01' }],
    ['a date that does not exist', { bookedAt: '2026-02-30T00:00:00Z' }],
    ['a year outside the calendar', { bookedAt: '0001-01-01T00:00:00Z' }],
    [
      'a return with a negative amount',
      { returns: [{ id: 'R', at: '2026-02-01T00:00:00Z', lines: [{ line: '1', net: '-5.00' }] }] },
    ],
  ])('has %s', (_, shape) => {
    expect(creditWith(component, dealOf('D', shape)).pending).toMatchObject([
      { code: 'TermsInvalid', subject: 'deal:crm|D' },
    ]);
  });

  it('has a quantity above the maximum, where the rate needs the quantity', () => {
    const lines = [{ id: '1', net: '1.00', quantity: '9'.repeat(20) }];
    const units = `{ id: s, ${BOOKED}, rate: { flat: 1, per: unit } }`;
    expect(creditWith(units, dealOf('D', { lines })).pending).toMatchObject([{ code: 'TermsInvalid' }]);
    expect(creditWith(component, dealOf('D', { lines })).pending).toEqual([]);
  });

  it('is not one from the first or last supported year, in any time zone', () => {
    for (const timeZone of ['Pacific/Kiritimati', 'America/Los_Angeles'])
      for (const bookedAt of ['1900-01-01T00:00:00Z', '2999-12-31T23:59:59.999Z']) {
        const plan = planWith([`{ id: s, ${BOOKED}, measure: { over: year }, ${PERCENT} }`], { timeZone });
        const { credits } = creditDeal(dealOf('D', { bookedAt }), [{ effectiveFrom: '0000-01-01', plan }], ONE_PARTNER);
        expect(credits).toHaveLength(1);
      }
  });

  it('has a return of a line that it does not have; its other lines are credited', () => {
    const answer = creditWith(
      component,
      dealOf('D', { returns: [{ id: 'R', at: '2026-02-01T00:00:00Z', lines: [{ line: '9' }] }] }),
    );
    expect(answer.pending).toMatchObject([{ code: 'TermsMissing' }]);
    expect(linesOf(answer)).toEqual(['P1 booked 1 100.00']);
  });

  it('is not one whose partner has no agreement to the plan', () => {
    expect(creditWith(component, dealOf('D'), partnersOf({ P1: { plans: ['other'] } }))).toEqual({
      credits: [],
      pending: [],
    });
  });
});

describe('occurrences of a deal', () => {
  const at = (day: number) => `2026-02-${String(day).padStart(2, '0')}T12:00:00Z`;
  const invoiced = `{ id: sales, credit: { trigger: invoiced }, ${PERCENT} }`;

  it('credit an invoice’s own lines; an invoice without lines covers those that no earlier invoice names', () => {
    const deal = dealOf('D', {
      lines: two,
      invoices: [
        { id: 'B', at: at(2) },
        { id: 'A', at: at(1), lines: [{ id: '1', net: '25.00' }] },
        { id: 'C', at: at(3) },
      ],
    });
    expect(linesOf(creditWith(invoiced, deal))).toEqual(['P1 invoice:A 1 25.00', 'P1 invoice:B 2 40.00']);
  });

  it('take a returned amount from the invoices of its line, earliest first', () => {
    const deal = dealOf('D', {
      net: '100.00',
      invoices: [
        { id: 'A', at: at(1), lines: [{ id: '1', net: '60.00' }] },
        { id: 'B', at: at(2), lines: [{ id: '1', net: '40.00' }] },
      ],
      returns: [
        { id: 'R', at: at(3), lines: [{ line: '1', net: '70.00' }] },
        { id: 'S', at: at(4), lines: [{ line: '1', net: '500.00' }] },
      ],
    });
    const world = worldOf(planWith([invoiced]));
    world.receive(deal);
    expect(world.earned('P1', 'D')).toEqual({
      'invoice:A': '6.00',
      'invoice:B': '4.00',
      'return:R': '-7.00',
      'return:S': '-3.00',
    });
  });

  it('count a sell-through once, and a flat amount per line at its first invoice', () => {
    const soldThrough = [
      { id: 'T', at: at(2) },
      { id: 'S', at: at(1) },
    ];
    expect(
      linesOf(creditWith(`{ id: sales, credit: { trigger: sold-through }, ${PERCENT} }`, dealOf('D', { soldThrough }))),
    ).toEqual(['P1 sold-through:S 1 100.00']);
    const deal = dealOf('D', {
      invoices: [
        { id: 'A', at: at(1), lines: [{ id: '1', net: '60.00' }] },
        { id: 'B', at: at(2), lines: [{ id: '1', net: '40.00' }] },
      ],
    });
    expect(linesOf(creditWith('{ id: s, credit: { trigger: invoiced }, rate: { flat: 1, per: line } }', deal))).toEqual(
      ['P1 invoice:A 1 100.00'],
    );
  });

  it('put a return dated before its sale into the period of the sale', () => {
    const { credits } = creditWith(
      `{ id: sales, ${BOOKED}, ${PERCENT} }`,
      dealOf('D', { returns: [{ id: 'R', at: '2025-12-01T00:00:00Z' }] }),
    );
    expect(credits[0]?.lines.map(({ occurrence, period }) => [occurrence, period])).toEqual([
      ['booked', '2026-01'],
      ['return:R', '2026-01'],
    ]);
  });

  it('return nothing twice: a cancellation after a return takes only what remains', () => {
    const deal = dealOf('D', {
      lines: two,
      returns: [{ id: 'R', at: at(1), lines: [{ line: '1', net: '10.00' }, { line: '2' }] }],
      cancelledAt: at(2),
    });
    expect(linesOf(creditWith(`{ id: sales, ${BOOKED}, ${PERCENT} }`, deal))).toEqual([
      'P1 booked 1 60.00',
      'P1 booked 2 40.00',
      'P1 return:R 1 -10.00',
      'P1 return:R 2 -40.00',
      'P1 cancelled 1 -50.00',
    ]);
  });

  it('reverse a flat amount of a line worth nothing only for a return of the whole line', () => {
    const flat = `{ id: s, ${BOOKED}, rate: { flat: 2.50, per: line } }`;
    const free = [{ id: '1', net: '0.00' }];
    const world = worldOf(planWith([flat]));
    world.receive(
      dealOf('D', {
        lines: free,
        returns: [
          { id: 'R', at: at(1), lines: [{ line: '1', net: '1.00' }] },
          { id: 'S', at: at(2) },
        ],
      }),
    );
    expect(world.earned('P1', 'D')).toEqual({ booked: '2.50', 'return:S': '-2.50' });
  });

  it('reverse a flat amount per deal in proportion to the returned net of the deal', () => {
    const world = worldOf(planWith([`{ id: s, ${BOOKED}, rate: { flat: 5.00, per: deal } }`]));
    world.receive(
      dealOf('D', {
        lines: two,
        returns: [
          { id: 'R', at: at(1), lines: [{ line: '2' }] },
          { id: 'S', at: at(2) },
        ],
      }),
    );
    expect(world.earned('P1', 'D')).toEqual({ booked: '5.00', 'return:R': '-2.00', 'return:S': '-3.00' });
  });

  it('reverse an amount per unit in proportion to the returned net of the line', () => {
    const world = worldOf(planWith([`{ id: s, ${BOOKED}, rate: { flat: 1.00, per: unit } }`]));
    const lines = [{ id: '1', net: '60.00', quantity: '3' }];
    world.receive(dealOf('D', { lines, returns: [{ id: 'R', at: at(1), lines: [{ line: '1', net: '20.00' }] }] }));
    expect(world.earned('P1', 'D')).toEqual({ booked: '3.00', 'return:R': '-1.00' });
  });
});

describe('a role', () => {
  it('held twice by one partner counts as one holding with the sum of the shares', () => {
    const partners = [
      { role: 'seller' as const, partner: 'P1', share: '0.25' },
      { role: 'referrer' as const, partner: 'P1' },
      { role: 'seller' as const, partner: 'P1', share: '0.75' },
    ];
    expect(linesOf(creditWith(`{ id: sales, ${BOOKED}, ${PERCENT} }`, dealOf('D', { partners })))).toEqual([
      'P1 booked 1 100.00',
    ]);
  });

  it('without a holder credits nobody', () => {
    const component = `{ id: sales, credit: { trigger: booked, to: referrer }, ${PERCENT} }`;
    expect(creditWith(component, dealOf('D'))).toEqual({ credits: [], pending: [] });
  });
});

describe('the result', () => {
  it('has the same bytes for any order of facts and partners', () => {
    const returns = [
      { id: 'R', at: '2026-02-01T00:00:00Z', lines: [{ line: '1', net: '10.00' }] },
      { id: 'S', at: '2026-02-01T00:00:00Z', lines: [{ line: '1', net: '20.00' }] },
    ];
    const partners = [
      { role: 'seller' as const, partner: 'B', share: '0.5' },
      { role: 'seller' as const, partner: 'A', share: '0.5' },
      { role: 'buyer' as const, partner: 'C' },
    ];
    const lookup = partnersOf({ A: { upline: 'U' }, B: { upline: 'U' }, U: {}, C: {} });
    const plan = planWith([
      `{ id: sales, ${BOOKED}, ${PERCENT} }`,
      '{ id: team, credit: { override: [sales], of: basis, levels: [5 %] } }',
    ]);
    const credit = (deal: Deal) => JSON.stringify(creditDeal(deal, [{ effectiveFrom: '2000-01-01', plan }], lookup));
    const one = credit(dealOf('D', { lines: two, returns, partners }));
    const [sellerB, sellerA, buyer] = partners;
    if (sellerB === undefined || sellerA === undefined || buyer === undefined) throw new Error('three partners');
    expect(
      credit(dealOf('D', { lines: two, returns: returns.toReversed(), partners: [buyer, sellerB, sellerA] })),
    ).toBe(one);
  });

  it('has distinct keys for its lines, even where names contain the separators', () => {
    const [line] = creditWith(`{ id: sales, ${BOOKED}, ${PERCENT} }`, dealOf('D')).credits[0]?.lines ?? [];
    if (line === undefined) throw new Error('a line');
    const reverses = { occurrence: 'booked', returnedBefore: '0', returned: '1', of: '1' };
    const variants = [
      line,
      { ...line, line: '1|<booked' },
      { ...line, reverses },
      { ...line, line: '1\\' },
      { ...line, line: '1\\|' },
      { ...line, child: { component: 'a', payee: 'b' } },
      { ...line, child: { component: 'a', payee: 'b' }, reverses },
      { ...line, child: { component: 'a', payee: 'c' } },
    ];
    expect(new Set(variants.map(lineKey)).size).toBe(variants.length);
    for (const left of variants)
      for (const right of variants) expect(compareCreditLines(left, right) === 0).toBe(left === right);
  });
});
