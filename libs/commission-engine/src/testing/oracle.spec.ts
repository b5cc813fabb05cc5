/** Worked numbers for percent, flat and marginal rates, each with its source, and the traces of the lines. */
import { describe, expect, it } from '@jest/globals';
import { creditDeal } from '../credit/credit.js';
import { uncreditedBy } from '../credit/uncredited.js';
import { BOOKED, dealOf, partnersOf, planWith, worldOf } from './world.fixture.js';

const MARGINAL_4_6_8 = `{ id: sales, ${BOOKED}, measure: { over: quarter }, rate: { marginal: [{ below: 150000, pay: 4 % }, { below: 250000, pay: 6 % }, { pay: 8 % }] } }`;
const MARGINAL_5_7_10 = `{ id: sales, ${BOOKED}, measure: { over: quarter }, rate: { marginal: [{ below: 50000, pay: 5 % }, { below: 100000, pay: 7 % }, { pay: 10 % }] } }`;
const day = (of: number, month = 1) =>
  `2026-${String(month).padStart(2, '0')}-${String(of).padStart(2, '0')}T10:00:00Z`;

describe('percent and flat rates', () => {
  it.each([
    ['0.07', '20 %', 'half-up', '0.01'],
    ['0.03', '20 %', 'half-up', '0.01'],
    ['5.00', '2.9 %', 'half-up', '0.15'],
  ])('%s at %s, %s, is %s (dub)', (net, percent, rounding, amount) => {
    const world = worldOf(planWith([`{ id: sales, ${BOOKED}, rate: { percent: ${percent} } }`], { rounding }));
    world.receive(dealOf('D', { net }));
    expect(world.earned('P1', 'D')).toEqual({ booked: amount });
  });

  it('5.00 at 2.9 %, half-even, is 0.14 (own)', () => {
    const world = worldOf(planWith([`{ id: sales, ${BOOKED}, rate: { percent: 2.9 % } }`], { rounding: 'half-even' }));
    world.receive(dealOf('D', { net: '5.00' }));
    expect(world.earned('P1', 'D')).toEqual({ booked: '0.14' });
  });

  it('a flat amount is paid once per deal, for each line, or for each unit', () => {
    const lines = [
      { id: '1', net: '10.00', quantity: '3' },
      { id: '2', net: '20.00', quantity: '0.5' },
    ];
    const paid = (per: string) => {
      const world = worldOf(planWith([`{ id: sales, ${BOOKED}, rate: { flat: 2.50, per: ${per} } }`]));
      world.receive(dealOf('D', { lines }));
      return world.total('P1');
    };
    expect([paid('deal'), paid('line'), paid('unit')]).toEqual(['2.50', '5.00', '8.75']);
  });
});

describe('marginal', () => {
  it('c = 145k, d = 20k at 4 % to 150k, 6 % to 250k is 200 + 900 = 1,100 (Spiff)', () => {
    const world = worldOf(planWith([MARGINAL_4_6_8]));
    world.receive(dealOf('A', { net: '145000.00', bookedAt: day(5) }));
    const [change] = world.receive(dealOf('B', { net: '20000.00', bookedAt: day(6) }));
    expect(world.earned('P1', 'B')).toEqual({ booked: '1100.00' });
    expect(change?.rated).toMatchObject([{ deal: 'crm|B', key: 'sales|booked|1', amount: '1100.00' }]);
    expect(change?.rated[0]?.trace()).toEqual({
      rate: 'marginal',
      before: '145000.00',
      basis: '20000.00',
      portions: [
        { tier: 0, amount: '5000.00', rate: '0.04', earned: '200' },
        { tier: 1, amount: '15000.00', rate: '0.06', earned: '900' },
      ],
      rounding: 'half-up',
    });
  });

  it.each(['below', 'upTo'])('pays the same on either side of a boundary declared with %s', (word) => {
    const tiers = `[{ ${word}: 100, pay: 10 % }, { pay: 20 % }]`;
    const world = worldOf(planWith([`{ id: sales, ${BOOKED}, rate: { marginal: ${tiers} } }`]));
    world.receive(dealOf('A', { net: '100.00', bookedAt: day(5) }));
    world.receive(dealOf('B', { net: '0.10', bookedAt: day(6) }));
    expect([world.earned('P1', 'A'), world.earned('P1', 'B')]).toEqual([{ booked: '10.00' }, { booked: '0.02' }]);
  });

  it('rates a negative measurement with the first tier', () => {
    const world = worldOf(planWith([MARGINAL_5_7_10]));
    world.receive(dealOf('A', { net: '-1000.00', bookedAt: day(5) }));
    world.receive(dealOf('B', { net: '51000.00', bookedAt: day(6) }));
    world.receive(dealOf('C', { net: '-2000.00', bookedAt: day(7) }));
    expect(world.earned('P1', 'A')).toEqual({ booked: '-50.00' });
    expect(world.earned('P1', 'B')).toEqual({ booked: '2550.00' });
    expect(world.earned('P1', 'C')).toEqual({ booked: '-100.00' });
  });

  it('takes back what the top of the measurement earned for a negative line', () => {
    const world = worldOf(planWith([MARGINAL_5_7_10]));
    world.receive(dealOf('A', { net: '60000.00', bookedAt: day(5) }));
    const [change] = world.receive(dealOf('B', { net: '-20000.00', bookedAt: day(6) }));
    expect(world.earned('P1', 'B')).toEqual({ booked: '-1200.00' });
    expect(change?.rated[0]?.trace()).toMatchObject({
      portions: [
        { tier: 0, amount: '-10000.00', earned: '-500' },
        { tier: 1, amount: '-10000.00', earned: '-700' },
      ],
    });
  });

  it('rounds each line once, before any sum, and traces the exact amount', () => {
    const world = worldOf(
      planWith([`{ id: sales, ${BOOKED}, rate: { marginal: [{ below: 1, pay: 0.5 % }, { pay: 1.5 % }] } }`]),
    );
    const [change] = world.receive(dealOf('A', { net: '2.00' }));
    expect(change?.rated[0]?.amount).toBe('0.02');
    expect(change?.rated[0]?.trace()).toMatchObject({
      portions: [{ earned: '0.005' }, { earned: '0.015' }],
      rounding: 'half-up',
    });
    expect(change?.rated[0]?.trace()).not.toHaveProperty('unrounded');
    const [other] = world.receive(dealOf('B', { net: '0.50', bookedAt: day(11) }));
    expect(other?.rated[0]?.amount).toBe('0.01');
    expect(other?.rated[0]?.trace()).toMatchObject({ unrounded: '0.0075' });
  });

  it('measures units where the basis is the quantity', () => {
    const tiers = '[{ upTo: 10, pay: 2.00 }, { pay: 3.00 }]';
    const world = worldOf(
      planWith([`{ id: units, credit: { trigger: booked, basis: quantity }, rate: { marginal: ${tiers} } }`]),
    );
    world.receive(dealOf('A', { lines: [{ id: '1', net: '1.00', quantity: '8' }], bookedAt: day(5) }));
    world.receive(dealOf('B', { lines: [{ id: '1', net: '1.00', quantity: '4' }], bookedAt: day(6) }));
    expect([world.earned('P1', 'A'), world.earned('P1', 'B')]).toEqual([{ booked: '16.00' }, { booked: '10.00' }]);
  });
});

describe('a measurement', () => {
  it('continues after a change of agreement or partner tier: c = 140k, 20k more at 5 % below 150k, 7 % above is 1,200, not 1,000 (own)', () => {
    const plan = planWith([
      `{ id: sales, ${BOOKED}, measure: { over: quarter }, rate: { marginal: [{ below: 150000, pay: 5 % }, { pay: 7 % }] } }`,
    ]);
    const world = worldOf(plan, partnersOf({ P1: { tier: 'silver' } }));
    world.receive(dealOf('A', { net: '140000.00', bookedAt: day(5) }));
    world.setReferences(partnersOf({ P1: { tier: 'gold' } }));
    world.receive(dealOf('B', { net: '20000.00', bookedAt: day(6) }));
    expect(world.earned('P1', 'B')).toEqual({ booked: '1200.00' });
  });

  it('starts from zero in the next window', () => {
    const world = worldOf(planWith([MARGINAL_5_7_10]));
    world.receive(dealOf('A', { net: '50000.00', bookedAt: '2026-03-31T21:59:59.999Z' }));
    world.receive(dealOf('B', { net: '50000.00', bookedAt: '2026-03-31T22:00:00Z' }));
    expect([world.earned('P1', 'A'), world.earned('P1', 'B')]).toEqual([{ booked: '2500.00' }, { booked: '2500.00' }]);
  });

  it('is separate for each component', () => {
    const world = worldOf(planWith([MARGINAL_5_7_10, MARGINAL_5_7_10.replace('id: sales', 'id: again')]));
    world.receive(dealOf('A', { net: '60000.00' }));
    expect(world.earned('P1', 'A')).toEqual({ booked: '6400.00' });
  });
});

describe('the canonical order', () => {
  it('follows dates, not arrival; a late deal changes only the lines at tier boundaries', () => {
    const world = worldOf(planWith([MARGINAL_5_7_10]));
    world.receive(dealOf('A', { net: '40000.00', bookedAt: day(5) }));
    world.receive(dealOf('C', { net: '40000.00', bookedAt: day(7) }));
    world.receive(dealOf('D', { net: '100.00', bookedAt: day(8) }));
    world.receive(dealOf('E', { net: '40000.00', bookedAt: day(9) }));
    expect(world.earned('P1', 'C')).toEqual({ booked: '2600.00' });
    const [change] = world.receive(dealOf('B', { net: '5000.00', bookedAt: day(6) }));
    expect(change?.rated.map(({ deal, amount }) => [deal, amount])).toEqual([
      ['crm|B', '250.00'],
      ['crm|C', '2700.00'],
      ['crm|E', '3553.00'],
    ]);
    expect(change?.deals.map(({ deal }) => deal)).toEqual(['crm|B', 'crm|C', 'crm|E']);
    expect(world.earned('P1', 'D')).toEqual({ booked: '7.00' });
  });

  it('within one instant follows source, deal, occurrence and line', () => {
    const world = worldOf(planWith([MARGINAL_5_7_10]));
    const lines = [
      { id: '2', net: '40000.00' },
      { id: '1', net: '40000.00' },
    ];
    const [change] = world.receive(dealOf('A', { lines }));
    expect(change?.rated.map(({ key, amount }) => [key, amount])).toEqual([
      ['sales|booked|1', '2000.00'],
      ['sales|booked|2', '2600.00'],
    ]);
    world.receive({ ...dealOf('B', { net: '100.00' }), source: 'a' });
    expect(world.earned('P1', 'A')).toEqual({ booked: '4602.00' });
  });
});

describe('a version of a plan', () => {
  const percentPlan = (percent: string, over: string, hash: string) =>
    planWith([`{ id: sales, ${BOOKED}, measure: { over: ${over} }, rate: { percent: ${percent} } }`], {}, hash);

  it('takes effect with the first measurement window that starts on or after its date', () => {
    const versions = [
      { effectiveFrom: '2026-01-01', plan: percentPlan('10 %', 'quarter', 'one') },
      { effectiveFrom: '2026-01-15', plan: percentPlan('20 %', 'quarter', 'two') },
    ];
    const world = worldOf(versions);
    world.receive(dealOf('A', { bookedAt: day(20) }));
    world.receive(dealOf('B', { bookedAt: day(31, 3) }));
    world.receive(dealOf('C', { bookedAt: day(1, 4) }));
    expect(['A', 'B', 'C'].map((id) => world.earned('P1', id))).toEqual([
      { booked: '10.00' },
      { booked: '10.00' },
      { booked: '20.00' },
    ]);
  });

  it('takes effect on its date where a window starts that day', () => {
    const versions = [
      { effectiveFrom: '2026-01-01', plan: percentPlan('10 %', 'period', 'one') },
      { effectiveFrom: '2026-02-01', plan: percentPlan('20 %', 'period', 'two') },
    ];
    const world = worldOf(versions);
    world.receive(dealOf('A', { bookedAt: '2026-01-31T22:59:59Z' }));
    world.receive(dealOf('B', { bookedAt: '2026-01-31T23:00:00Z' }));
    expect([world.earned('P1', 'A'), world.earned('P1', 'B')]).toEqual([{ booked: '10.00' }, { booked: '20.00' }]);
  });

  it('without a component ends it at the end of the component’s window', () => {
    const without = planWith([`{ id: other, ${BOOKED}, rate: { percent: 1 % } }`], {}, 'two');
    const versions = [
      { effectiveFrom: '2026-01-01', plan: percentPlan('10 %', 'quarter', 'one') },
      { effectiveFrom: '2026-02-01', plan: without },
    ];
    const world = worldOf(versions);
    world.receive(dealOf('A', { bookedAt: day(10, 3) }));
    world.receive(dealOf('B', { bookedAt: day(10, 4) }));
    expect([world.earned('P1', 'A'), world.earned('P1', 'B')]).toEqual([{ booked: '11.00' }, { booked: '1.00' }]);
  });

  it('ends on the plan’s last day, even within a window; later returns still count', () => {
    const lastDay = '2026-02-15';
    const world = worldOf([{ effectiveFrom: '2026-01-01', lastDay, plan: percentPlan('10 %', 'quarter', 'one') }]);
    world.receive(dealOf('A', { bookedAt: '2026-02-15T22:59:59Z', returns: [{ id: 'R', at: day(3, 3) }] }));
    world.receive(dealOf('B', { bookedAt: '2026-02-15T23:00:00Z' }));
    expect(world.earned('P1', 'A')).toEqual({ booked: '10.00', 'return:R': '-10.00' });
    expect(world.earned('P1', 'B')).toEqual({});
    expect(world.pending).toEqual([]);
  });

  it('pays nothing before its first window; a deal before it takes effect is pending', () => {
    const versions = [{ effectiveFrom: '2026-01-05', plan: percentPlan('10 %', 'period', 'one') }];
    const world = worldOf(versions);
    const late = dealOf('A', { bookedAt: day(20) });
    world.receive(late);
    expect([world.earned('P1', 'A'), world.pending]).toEqual([{}, []]);
    expect(late.terms && uncreditedBy('p', late, late.terms, versions)).toMatchObject([
      { code: 'WindowNotBegun', subject: 'plan:p' },
    ]);
    world.receive(dealOf('B', { bookedAt: day(4) }));
    expect(world.pending).toMatchObject([{ code: 'PlanNotInForce', subject: 'plan:p' }]);
  });
});

describe('an amendment', () => {
  it('as a correction counts at the deal’s own date: 12k becomes 15k, 10 % then 12 %: +300 (own)', () => {
    const plan = (percent: string, hash: string) =>
      planWith([`{ id: sales, ${BOOKED}, rate: { percent: ${percent} } }`], {}, hash);
    const world = worldOf([
      { effectiveFrom: '2026-01-01', plan: plan('10 %', 'one') },
      { effectiveFrom: '2026-02-01', plan: plan('12 %', 'two') },
    ]);
    world.receive(dealOf('A', { net: '12000.00' }));
    expect(world.total('P1')).toBe('1200.00');
    world.receive(dealOf('A', { net: '15000.00' }));
    expect(world.total('P1')).toBe('1500.00');
  });

  it('from KRW 1,890,000 to 1,755,000 pays 1,755,000 in total, and changes nothing when received again (ga)', () => {
    const world = worldOf(
      planWith([`{ id: sales, ${BOOKED}, rate: { percent: 10 % } }`], { currency: 'KRW', timeZone: 'Asia/Seoul' }),
    );
    world.receive(dealOf('A', { currency: 'KRW', net: '18900000' }));
    expect(world.total('P1')).toBe('1890000');
    expect(world.receive(dealOf('A', { currency: 'KRW', net: '17550000' }))).toMatchObject([{ changed: true }]);
    expect(world.total('P1')).toBe('1755000');
    expect(world.receive(dealOf('A', { currency: 'KRW', net: '17550000' }))).toMatchObject([
      { changed: false, rated: [], deals: [] },
    ]);
  });
});

describe('a split', () => {
  const sellers = (...shares: [string, string][]) =>
    shares.map(([partner, share]) => ({ role: 'seller' as const, partner, share }));
  const three = partnersOf({ A: {}, B: {}, C: {} });

  it('of 15 at 80/8/12 is 12/1/2 (own), and a refund negates the original parts (Numscript)', () => {
    const world = worldOf(planWith([`{ id: sales, ${BOOKED}, rate: { percent: 100 % } }`]), three);
    const partners = sellers(['A', '0.8'], ['B', '0.08'], ['C', '0.12']);
    world.receive(dealOf('D', { net: '0.15', partners, returns: [{ id: 'R', at: day(20) }] }));
    expect(['A', 'B', 'C'].map((payee) => world.earned(payee, 'D'))).toEqual([
      { booked: '0.12', 'return:R': '-0.12' },
      { booked: '0.01', 'return:R': '-0.01' },
      { booked: '0.02', 'return:R': '-0.02' },
    ]);
  });

  it('amended from 60/40 to 50/50 on 1,000.01 is −100.00 / +100.00 (own)', () => {
    const world = worldOf(planWith([`{ id: sales, ${BOOKED}, rate: { percent: 100 % } }`]), three);
    world.receive(dealOf('D', { net: '1000.01', partners: sellers(['A', '0.6'], ['B', '0.4']) }));
    expect([world.total('A'), world.total('B')]).toEqual(['600.01', '400.00']);
    world.receive(dealOf('D', { net: '1000.01', partners: sellers(['A', '0.5'], ['B', '0.5']) }));
    expect([world.total('A'), world.total('B')]).toEqual(['500.01', '500.00']);
  });

  it('shares a flat amount to the cent', () => {
    const world = worldOf(planWith([`{ id: sales, ${BOOKED}, rate: { flat: 5.01, per: deal } }`]), three);
    world.receive(dealOf('D', { partners: sellers(['A', '1/3'], ['B', '1/3'], ['C', '1/3']) }));
    expect(['A', 'B', 'C'].map((payee) => world.total(payee))).toEqual(['1.67', '1.67', '1.67']);
    world.receive(dealOf('D', { partners: sellers(['A', '0.5'], ['B', '0.5']) }));
    expect(['A', 'B', 'C'].map((payee) => world.total(payee))).toEqual(['2.51', '2.50', '0.00']);
  });
});

describe('shares that change', () => {
  it('split a flat amount again, even where the basis is zero before and after', () => {
    const world = worldOf(
      planWith([`{ id: sales, ${BOOKED}, rate: { flat: 10.00, per: deal } }`]),
      partnersOf({ A: {}, B: {} }),
    );
    const shared = (a: string, b: string) =>
      dealOf('D', {
        net: '0.00',
        partners: [
          { role: 'seller', partner: 'A', share: a },
          { role: 'seller', partner: 'B', share: b },
        ],
      });
    world.receive(shared('0.6', '0.4'));
    world.receive(shared('0.5', '0.5'));
    expect([world.total('A'), world.total('B')]).toEqual(['5.00', '5.00']);
  });
});

describe('an override on the basis', () => {
  const plan = planWith(
    [
      `{ id: sales, ${BOOKED}, rate: { percent: 10 % } }`,
      '{ id: team, credit: { override: [sales], of: basis, levels: [5 %, 3 %, 2 %] } }',
    ],
    { currency: 'KRW', timeZone: 'Asia/Seoul' },
  );
  const deal = dealOf('D', { currency: 'KRW', net: '2100000' });
  const chain = { P1: { upline: 'U1' }, U1: { upline: 'U2' }, U2: { upline: 'U3' }, U3: {}, V1: {} };

  it('KRW 2,100,000 × 5/3/2 % is 105,000 / 63,000 / 42,000 (ga)', () => {
    const world = worldOf(plan, partnersOf(chain));
    world.receive(deal);
    expect(['P1', 'U1', 'U2', 'U3'].map((payee) => world.total(payee))).toEqual(['210000', '105000', '63000', '42000']);
  });

  it('after a backdated correction of the upline is −105,000 / +105,000 (own)', () => {
    const world = worldOf(plan, partnersOf(chain));
    world.receive(deal);
    world.setReferences(partnersOf({ ...chain, P1: { upline: 'V1' } }));
    world.receive(deal);
    expect(['U1', 'V1'].map((payee) => world.total(payee))).toEqual(['0', '105000']);
  });

  it('skips a level whose partner has no agreement to the plan; the levels above keep their number', () => {
    const world = worldOf(plan, partnersOf({ ...chain, U1: { upline: 'U2', plans: [] } }));
    world.receive(deal);
    expect(['U1', 'U2', 'U3'].map((payee) => world.total(payee))).toEqual(['0', '63000', '42000']);
  });

  it('is reversed with the line that it is paid on', () => {
    const world = worldOf(plan, partnersOf(chain));
    world.receive({ ...deal, returns: [{ id: 'R', at: day(20), lines: [{ line: '1', net: '700000' }] }] });
    expect(world.earned('U1', 'D')).toEqual({ booked: '105000', 'return:R': '-35000' });
  });

  it('pays an upline for each of two sellers, and stops at a circle', () => {
    const world = worldOf(plan, partnersOf({ A: { upline: 'U' }, B: { upline: 'U' }, U: { upline: 'A' } }));
    const partners = [
      { role: 'seller' as const, partner: 'A', share: '0.5' },
      { role: 'seller' as const, partner: 'B', share: '0.5' },
    ];
    world.receive(dealOf('D', { currency: 'KRW', net: '1000', partners }));
    // A sells 500 (10 %) and is two levels above B (3 % of 500).
    expect([world.total('A'), world.total('B'), world.total('U')]).toEqual(['65', '50', '50']);
  });
});

describe('a return under the line policy', () => {
  const deals = [5, 6, 7].map((at, index) => dealOf(`D${index + 1}`, { net: '40000.00', bookedAt: day(at) }));

  it('takes the 2,000 of the first of three deals of 40k (2,000 + 2,600 + 3,400), and a fourth earns 4,000 (own)', () => {
    const world = worldOf(planWith([MARGINAL_5_7_10]));
    for (const deal of deals) world.receive(deal);
    expect(['D1', 'D2', 'D3'].map((id) => world.earned('P1', id))).toEqual([
      { booked: '2000.00' },
      { booked: '2600.00' },
      { booked: '3400.00' },
    ]);
    expect(world.total('P1')).toBe('8000.00');
    world.receive(dealOf('D1', { net: '40000.00', bookedAt: day(5), cancelledAt: day(20) }));
    expect(world.earned('P1', 'D1')).toEqual({ booked: '2000.00', cancelled: '-2000.00' });
    expect(world.total('P1')).toBe('6000.00');
    world.receive(dealOf('D4', { net: '40000.00', bookedAt: day(21) }));
    expect(world.earned('P1', 'D4')).toEqual({ booked: '4000.00' });
  });

  it('follows its sale when a late deal re-rates the sale', () => {
    const world = worldOf(planWith([MARGINAL_5_7_10]));
    world.receive(dealOf('B', { net: '40000.00', bookedAt: day(6), returns: [{ id: 'R', at: day(20) }] }));
    expect(world.earned('P1', 'B')).toEqual({ booked: '2000.00', 'return:R': '-2000.00' });
    const [change] = world.receive(dealOf('A', { net: '50000.00', bookedAt: day(5) }));
    expect(world.earned('P1', 'B')).toEqual({ booked: '2800.00', 'return:R': '-2800.00' });
    expect(change?.rated.map(({ deal, key }) => [deal, key])).toEqual([
      ['crm|A', 'sales|booked|1'],
      ['crm|B', 'sales|booked|1'],
      ['crm|B', 'sales|return:R|1|<booked'],
    ]);
  });

  it('belongs to the period of the return and to the measurement of its sale', () => {
    const { credits } = creditDeal(
      dealOf('A', { net: '100.00', returns: [{ id: 'R', at: '2026-05-04T08:00:00+02:00' }] }),
      [{ effectiveFrom: '2026-01-01', plan: planWith([MARGINAL_5_7_10]) }],
      partnersOf({ P1: {} }),
    );
    expect(credits[0]?.lines[1]).toEqual({
      component: 'sales',
      planVersion: 'plan-1',
      occurrence: 'return:R',
      line: '1',
      at: '2026-05-04T06:00:00.000Z',
      period: '2026-05',
      window: '2026-Q1',
      basis: '-100.00',
      reverses: { occurrence: 'booked', returnedBefore: '0.00', returned: '100.00', of: '100.00' },
    });
  });

  it('a full return brings the deal’s own lines to zero', () => {
    const world = worldOf(planWith([MARGINAL_5_7_10]));
    world.receive(dealOf('A', { net: '33333.33', bookedAt: day(4) }));
    world.receive(dealOf('B', { net: '77777.77', bookedAt: day(5), returns: [{ id: 'R', at: day(20) }] }));
    const earned = world.earned('P1', 'B');
    expect(earned['return:R']).toBe(`-${earned['booked']}`);
  });
});

describe('instalments', () => {
  it('sum to the whole: 100.00 in thirds earns 33.33, 33.34, 33.33 (semantics, "Release on payment": own)', () => {
    const world = worldOf(planWith(['{ id: sales, credit: { trigger: paid }, rate: { percent: 100 % } }']));
    const payments = ['33.33', '33.34', '33.33'].map((amount, index) => ({
      id: String(index + 1),
      at: day(index + 11),
      amount,
    }));
    world.receive(dealOf('D', { net: '100.00', payments }));
    expect(world.earned('P1', 'D')).toEqual({ 'payment:1': '33.33', 'payment:2': '33.34', 'payment:3': '33.33' });
  });

  it('include tax: 600 of 1,200 paid, 1,000 net, at 10 % earns 50.00 (own)', () => {
    const world = worldOf(planWith(['{ id: sales, credit: { trigger: paid }, rate: { percent: 10 % } }']));
    const lines = [{ id: '1', net: '1000.00', gross: '1200.00' }];
    world.receive(dealOf('D', { lines, payments: [{ id: '1', at: day(11), amount: '600.00' }] }));
    expect(world.earned('P1', 'D')).toEqual({ 'payment:1': '50.00' });
  });

  it('that bounce lower the earning; overpayments do not count', () => {
    const world = worldOf(planWith(['{ id: sales, credit: { trigger: paid }, rate: { percent: 10 % } }']));
    const payments = [
      { id: '1', at: day(11), amount: '60.00' },
      { id: '2', at: day(12), amount: '-60.00' },
      { id: '3', at: day(13), amount: '90.00' },
      { id: '4', at: day(14), amount: '90.00' },
      { id: '5', at: day(15), amount: '5.00' },
    ];
    world.receive(dealOf('D', { net: '100.00', payments }));
    expect(world.earned('P1', 'D')).toEqual({
      'payment:1': '6.00',
      'payment:2': '-6.00',
      'payment:3': '9.00',
      'payment:4': '1.00',
    });
  });
});

describe('a period', () => {
  it.each([
    ['Europe/Paris', '2026-02-28T22:59:59.999Z', '2026-02'],
    ['Europe/Paris', '2026-02-28T23:00:00Z', '2026-03'],
    ['America/New_York', '2026-03-01T04:59:59Z', '2026-02'],
    ['America/New_York', '2026-03-01T05:00:00Z', '2026-03'],
    ['Asia/Seoul', '2026-02-28T15:00:00Z', '2026-03'],
  ])('in %s at %s is %s: it begins at midnight in the plan’s time zone', (timeZone, bookedAt, period) => {
    const plan = planWith([`{ id: sales, ${BOOKED}, rate: { percent: 1 % } }`], { timeZone });
    const { credits } = creditDeal(
      dealOf('D', { bookedAt }),
      [{ effectiveFrom: '2000-01-01', plan }],
      partnersOf({ P1: {} }),
    );
    expect(credits[0]?.lines[0]?.period).toBe(period);
  });
});
