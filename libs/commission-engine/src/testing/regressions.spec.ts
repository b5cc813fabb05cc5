/** Faults that random plans and deals have found, each as its smallest case. */
import { describe, expect, it } from '@jest/globals';
import { NO_PAYEE_TERMS, quotaIn } from '../earn/payee-terms.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { guaranteesAndDraws } from '../earn/payee-earnings.js';
import { calculate } from '../earn/calculate.js';
import type { Deal } from '../deal/deal.js';
import { applyChange } from '../incremental/apply-change.js';
import { diffPayeeTerms, diffCredit } from '../incremental/diff.js';
import { createEarnState } from '../incremental/state.js';
import { explainLine } from '../incremental/earned-lines.js';
import { creditDeal } from '../credit/credit.js';
import { parsePlan } from '../plan/lint/parse-plan.js';
import type { CompiledPlan } from '../plan/compiled.js';
import { dealOf, partnersOf, planOf, planWith, worldOf } from './world.fixture.js';

const CHAIN = partnersOf({ P1: { upline: 'U1' }, P2: { upline: 'U1' }, U1: {} });

/** `payee component occurrence` → amount in cents, without lines that earn nothing. Other deals than A are named. */
function earned(
  plan: CompiledPlan,
  deals: readonly Deal[],
  payeeTerms: Partial<PayeeTerms> = {},
): Record<string, bigint> {
  const { lines } = calculate({
    deals,
    versions: [{ effectiveFrom: '2000-01-01', plan }],
    lookup: CHAIN,
    payeeTermsOf: () => ({ ...NO_PAYEE_TERMS, ...payeeTerms }),
  });
  return Object.fromEntries(
    lines
      .filter(({ amountMinor }) => amountMinor !== 0n)
      .map(({ payee, deal, component, line, period, amountMinor }) => {
        if (typeof line === 'string') return [`${payee} ${line} ${period}`, amountMinor];
        const reserve = line.reserves === true ? ' reserve' : '';
        const other = deal === 'crm|A' ? '' : ` of ${deal.slice(4)}`;
        return [`${payee} ${component} ${line.occurrence}${reserve}${other}`, amountMinor];
      }),
  );
}

function codesOf(component: string): readonly string[] {
  const text = `plan: p\ntitle: P\ncurrency: EUR\ncalendar: { periods: monthly, timeZone: Europe/Paris }\ncomponents:\n  - ${component}\n`;
  return parsePlan(text).findings.map(({ code, path }) => `${code} ${path}`);
}

const returnedOn = (day: string, net?: string) => [
  { id: `R${day}`, at: `${day}T10:00:00Z`, ...(net === undefined ? {} : { lines: [{ line: '1', net }] }) },
];

describe('a budget', () => {
  it('grants earnings, and holds back a share of what was granted', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: booked }, rate: { percent: 10 % }, budget: 4, hold: { until: paid } }',
    ]);
    expect(earned(plan, [dealOf('A'), dealOf('B')])).toEqual({ 'P1 s booked': 400n, 'P1 s booked reserve': -400n });
  });
});

describe('an override of earnings', () => {
  const of = (returns: string) =>
    planWith([
      `{ id: s, credit: { trigger: booked }, rate: { marginal: [{ pay: 10 % }] }, returns: ${returns} }`,
      '{ id: up, credit: { override: [s], of: earning, levels: [10 %] } }',
    ]);

  it('loses what the child loses, once, for a re-rated return of half', () => {
    expect(earned(of('{ policy: re-rate }'), [dealOf('A', { returns: returnedOn('2026-01-20', '50.00') })])).toEqual({
      'P1 s booked': 500n,
      'U1 up booked': 50n,
    });
  });

  it('loses what the child’s band takes', () => {
    const plan = of('{ policy: line, bands: [{ take: 40 % }] }');
    expect(earned(plan, [dealOf('A', { returns: returnedOn('2026-01-20') })])).toMatchObject({
      'U1 up booked': 100n,
      'U1 up return:R2026-01-20': -40n,
    });
  });
});

describe('an override', () => {
  const of = (returns: string) =>
    planWith([
      '{ id: s, credit: { trigger: booked }, rate: { percent: 10 % } }',
      `{ id: up, credit: { override: [s], of: basis, levels: [1 %] }, returns: ${returns} }`,
    ]);
  const deal = dealOf('A', { returns: returnedOn('2026-03-20') });

  it('counts the days for its own bands where the child has none', () => {
    const plan = of('{ policy: line, bands: [{ within: 30 days, take: 100 % }, { take: 25 % }] }');
    expect(earned(plan, [deal])).toMatchObject({ 'U1 up booked': 100n, 'U1 up return:R2026-03-20': -25n });
  });

  it('is not reversed where its policy is none', () => {
    const world = worldOf(of('{ policy: none }'), CHAIN);
    world.receive(deal);
    expect(world.total('U1')).toBe('1.00');
  });
});

describe('a quota', () => {
  it('is in force again when a later one ends: 62 and 28 of 90 days (own)', () => {
    const quotas = [
      { component: 's', from: '2026-01-01', amount: '900' },
      { component: 's', from: '2026-02-01', until: '2026-03-01', amount: '1800' },
    ];
    const { calendar } = planWith(['{ id: s, credit: { trigger: booked }, rate: { percent: 1 % } }']);
    const quota = quotaIn({ ...NO_PAYEE_TERMS, quotas }, 's', calendar, '2026-Q1', 2);
    // (900 × 62 + 1,800 × 28) ÷ 90 = 1,180
    expect(quota).toEqual({ numerator: 118_000n, denominator: 1n });
  });
});

describe('a draw that ends with the agreement', () => {
  it('is recovered and claimed in one line of the period', () => {
    const plan = planOf(
      'plan: p\ntitle: P\ncurrency: EUR\ncalendar: { periods: monthly, timeZone: Europe/Paris }\ndraw: { amount: 100, recoverable: true }\ncomponents:\n  - { id: s, credit: { trigger: booked }, rate: { percent: 10 % } }\n',
    );
    const closedPeriods = ['2026-01', '2026-02'].map((period) => ({ period, planVersion: plan.version }));
    const payeeTerms = {
      ...NO_PAYEE_TERMS,
      agreements: [{ from: '2026-01-01', until: '2026-02-15' }],
      closedPeriods: closedPeriods,
    };
    const lines = guaranteesAndDraws([{ component: 's', period: '2026-02', amountMinor: 13_000n }], payeeTerms, {
      plan: () => plan,
    });
    expect(lines.map(({ kind, period, amountMinor }) => [kind, period, amountMinor])).toEqual([
      ['draw-advance', '2026-01', 10_000n],
      ['draw-recovery', '2026-02', -10_000n],
    ]);
  });
});

describe('a matrix', () => {
  const rules = 'matrix: { by: [product], rules: [{ pay: 10 % }] }';

  it('pays only what lies above its gate', () => {
    const plan = planWith([
      `{ id: s, credit: { trigger: booked }, gate: { target: 150, from: above }, rate: { ${rules} } }`,
    ]);
    expect(earned(plan, [dealOf('A')])).toEqual({});
    expect(earned(plan, [dealOf('A', { net: '170.00' })])).toEqual({ 'P1 s booked': 200n });
  });

  it('pays only what lies above its baseline', () => {
    const plan = planWith([
      `{ id: s, credit: { trigger: booked }, measure: { over: quarter, above: { fixed: 60 } }, rate: { ${rules} } }`,
    ]);
    expect(earned(plan, [dealOf('A')])).toEqual({ 'P1 s booked': 400n });
  });
});

describe('steps', () => {
  it('are never full in a window without a day of agreement', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: booked }, measure: { over: quarter, prorate: days }, rate: { stepped: { every: 10, pay: 1 } } }',
    ]);
    expect(earned(plan, [dealOf('A')], { agreements: [{ from: '2026-06-01' }] })).toEqual({});
  });

  it('take nothing back above a last year of zero, like any other rate', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: booked }, measure: { over: quarter, above: { same: last-year } }, rate: { stepped: { every: 10, pay: 1 } } }',
    ]);
    expect(earned(plan, [dealOf('A', { net: '-100.00' })])).toEqual({});
  });
});

describe('a lagged tier', () => {
  it('is looked up by what lay above the baseline', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: booked }, measure: { over: period, above: { fixed: 60 } }, rate: { lagged: [{ below: 50, pay: 0 % }, { pay: 10 % }] } }',
    ]);
    const deals = [dealOf('A'), dealOf('B', { net: '160.00', bookedAt: '2026-02-10T10:00:00Z' })];
    expect(earned(plan, deals)).toEqual({});
    expect(earned(plan, [...deals, dealOf('C', { net: '10.00' })])).toEqual({ 'P1 s booked of B': 1000n });
  });
});

describe('a flat amount', () => {
  it('is shared with the component’s remainder', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: booked, remainder: first }, rate: { flat: 0.15, per: deal } }',
    ]);
    const shares = { P1: '0.8', P2: '0.08', U1: '0.12' };
    const partners = Object.entries(shares).map(([partner, share]) => ({ role: 'seller' as const, partner, share }));
    expect(earned(plan, [dealOf('A', { partners })])).toEqual({
      'P1 s booked': 13n,
      'P2 s booked': 1n,
      'U1 s booked': 1n,
    });
  });

  it('loses its share for a re-rated return', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: booked }, gate: { target: 10, from: first }, rate: { flat: 8, per: deal }, returns: { policy: re-rate } }',
    ]);
    const deals = [dealOf('A', { returns: returnedOn('2026-01-20', '25.00') })];
    expect(earned(plan, deals)).toEqual({ 'P1 s booked': 800n, 'P1 s return:R2026-01-20': -200n });
  });
});

describe('a team', () => {
  it('counts towards the measurement of its uplines, who earn only with their own lines', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: booked }, measure: { over: period, of: team }, rate: { retroactive: [{ below: 150, pay: 1 % }, { pay: 10 % }] } }',
    ]);
    const own = dealOf('B', { partners: [{ role: 'seller', partner: 'U1' }] });
    expect(earned(plan, [dealOf('A'), own])).toEqual({ 'P1 s booked': 100n, 'U1 s booked of B': 1000n });
    const world = worldOf(
      planWith([
        '{ id: s, credit: { trigger: booked }, measure: { over: period, of: team }, rate: { marginal: [{ pay: 10 % }] } }',
      ]),
      CHAIN,
    );
    world.receive(dealOf('A'));
    expect([world.total('P1'), world.total('U1')]).toEqual(['10.00', '0.00']);
  });
});

describe('a hold', () => {
  it('shrinks with a return in another window', () => {
    const component =
      '{ id: s, credit: { trigger: booked }, rate: { marginal: [{ pay: 10 % }] }, returns: { policy: line, window: current }, hold: { until: paid } }';
    const world = worldOf(planWith([component]));
    world.receive(dealOf('A', { returns: returnedOn('2026-02-20') }));
    expect(world.total('P1')).toBe('0.00');
    expect(earned(planWith([component]), [dealOf('A', { returns: returnedOn('2026-02-20') })])).toEqual({
      'P1 s booked': 1000n,
      'P1 s booked reserve': -1000n,
      'P1 s return:R2026-02-20': -1000n,
      'P1 s return:R2026-02-20 reserve': 1000n,
    });
  });

  it('is forfeited in the incremental state too when the agreement ends', () => {
    const plan = planOf(
      'plan: p\ntitle: P\ncurrency: EUR\ncalendar: { periods: monthly, timeZone: Europe/Paris }\nends: { held: forfeit }\ncomponents:\n  - { id: s, credit: { trigger: booked }, rate: { percent: 10 % }, hold: { for: 60 days, after: trigger } }\n',
    );
    const plans = { plan: () => plan };
    const state = createEarnState();
    const [credit] = creditDeal(dealOf('A'), [{ effectiveFrom: '2000-01-01', plan }], CHAIN).credits;
    applyChange(state, diffCredit(state, { deal: 'crm|A', lines: credit?.lines ?? [] }, plans), plans);
    const payeeTerms = { ...NO_PAYEE_TERMS, agreements: [{ from: '2026-01-01', until: '2026-02-01' }] };
    applyChange(state, diffPayeeTerms(state, payeeTerms, plans), plans);
    expect([...state.deals.values()].flat().map(({ amountMinor }) => amountMinor)).toEqual([1000n, -1000n, 0n]);
  });
});

describe('a limit', () => {
  it('with headroom spent caps a return at the same instant as its sale', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: invoiced }, rate: { percent: 10 % }, limit: { perDeal: 4, excess: forfeited, headroom: spent } }',
    ]);
    const at = '2026-01-10T10:00:00Z';
    expect(earned(plan, [dealOf('A', { invoices: [{ id: 'I', at }], cancelledAt: at })])).toEqual({
      'P1 s invoice:I': 400n,
      'P1 s cancelled': -400n,
    });
  });

  it('of a cent defers for 120 windows and no longer', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: booked }, rate: { percent: 100 % }, limit: { perPeriod: 0.01, excess: deferred } }',
    ]);
    expect(Object.keys(earned(plan, [dealOf('A')]))).toHaveLength(121);
  });

  it('with deferred excess explains each deferred line', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: booked }, rate: { percent: 10 % }, limit: { perPeriod: 6, excess: deferred } }',
    ]);
    const world = worldOf(plan);
    world.receive(dealOf('A'));
    const state = world.states.get('P1');
    const [deal, lines] = [...(state?.deals ?? [])].find(([name]) => name.startsWith('|')) ?? ['', []];
    const key = lines[0]?.key ?? '';
    expect(state && explainLine(state, deal, key, world.plans)).toMatchObject({
      rate: 'deferred',
      excess: '4.00',
      cap: '6.00',
    });
  });
});

describe('growth over a negative last year', () => {
  it('has no target below zero', () => {
    const plan = planWith([
      '{ id: s, credit: { trigger: booked }, measure: { over: quarter }, gate: { growth: 10 %, from: first }, rate: { percent: 10 % } }',
    ]);
    const deals = [dealOf('A', { net: '-100.00', bookedAt: '2025-01-10T10:00:00Z' }), dealOf('B', { net: '-50.00' })];
    expect(earned(plan, deals)).toEqual({});
  });
});

describe('terms that contradict each other', () => {
  it.each([
    [
      'rate: { flat: 5, per: deal }, measure: { over: period, above: { fixed: 10 } }',
      'UnitsDiffer /components/0/measure/above',
    ],
    [
      'rate: { flat: 5, per: deal }, returns: { policy: line, window: current }',
      'FieldMisplaced /components/0/returns/window',
    ],
    [
      'rate: { percent: 5 % }, measure: { over: deal }, gate: { growth: 5 %, from: first }',
      'FieldMisplaced /components/0/gate/growth',
    ],
    [
      'rate: { percent: 5 % }, limit: { perPeriod: 5, excess: forfeited, headroom: spent }, returns: { policy: average }',
      'FieldMisplaced /components/0/limit/headroom',
    ],
    [
      'rate: { percent: 5 % }, limit: { perPeriod: 5, excess: deferred }, budget: 10',
      'FieldMisplaced /components/0/limit/excess',
    ],
  ])('are refused: %s', (terms, finding) => {
    expect(codesOf(`{ id: s, credit: { trigger: booked }, ${terms} }`)).toContain(finding);
  });
});
