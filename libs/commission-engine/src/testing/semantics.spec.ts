/**
 * The worked numbers of the specification, each with its source in the test's name: *own* ones were checked with exact
 * fractions, the others come from other systems. Each case is calculated from scratch and deal by deal, with the same
 * result.
 */
import { describe, expect, it } from '@jest/globals';
import { compareText } from '@tantieme/contracts/compare-text';
import { formatMinor } from '@tantieme/money/amount';
import type { Rate } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';
import { NO_PAYEE_TERMS, quotaIn, shareOfDays } from '../earn/payee-terms.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { calculate } from '../earn/calculate.js';
import type { CreditLookup, ExchangeRateAsOf } from '../credit/lookup.js';
import type { PartnerAsOf } from '../credit/partner.js';
import { creditDeal } from '../credit/credit.js';
import { dealKey } from '../deal/deal.js';
import type { Deal } from '../deal/deal.js';
import { applyChange } from '../incremental/apply-change.js';
import { diffPayeeTerms, diffCredit } from '../incremental/diff.js';
import { createEarnState } from '../incremental/state.js';
import type { EarnState } from '../incremental/state.js';
import { parsePlan } from '../plan/lint/parse-plan.js';
import type { CompiledPlan } from '../plan/compiled.js';
import { dealOf, plansOf } from './world.fixture.js';

interface Case {
  /** Components as lines of YAML flow. */
  readonly components: readonly string[];
  /** Further keys of the plan, as YAML. */
  readonly plan?: string;
  readonly currency?: string;
  readonly deals: readonly Deal[];
  readonly partners?: Readonly<Record<string, Partial<PartnerAsOf>>>;
  readonly payeeTerms?: Readonly<Record<string, Partial<PayeeTerms>>>;
  readonly rates?: readonly (ExchangeRateAsOf & { readonly pair: string })[];
}

const HASH = 'plan-1';

function planOfCase({ components, plan: more = '', currency = 'EUR' }: Case): CompiledPlan {
  const calendar = more.includes('calendar:') ? '' : 'calendar: { periods: monthly, timeZone: Europe/Paris }\n';
  const list = components.map((component) => `  - ${component}`).join('\n');
  const { plan, findings } = parsePlan(
    `plan: p\ntitle: P\ncurrency: ${currency}\n${calendar}${more}\ncomponents:\n${list}\n`,
    HASH,
  );
  if (plan === undefined) throw new Error(findings.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  return plan;
}

function lookupOf({ partners = {}, rates = [] }: Case): CreditLookup {
  const published = (from: string, to: string) => rates.filter(({ pair }) => pair === `${from}/${to}`);
  const inverse = (from: string, to: string) =>
    published(to, from).map((one) => ({ ...one, rate: inverted(one.rate) }));
  const bare = ({ rate, date, source }: ExchangeRateAsOf): ExchangeRateAsOf => ({ rate, date, source });
  return {
    partner: (id) => ({
      id,
      channel: 'retail',
      country: 'FR',
      tier: null,
      upline: null,
      plans: ['p'],
      ...(partners[id] ?? {}),
    }),
    exchangeRate: (from, to, day) => {
      const found = [...published(from, to), ...inverse(from, to)].filter(({ date }) => date <= day).at(-1);
      return found === undefined ? undefined : bare(found);
    },
    exchangeAverage: (from, to, fromDay, untilDay) => {
      const found = published(from, to).filter(({ date }) => fromDay <= date && date < untilDay);
      const last = found.at(-1);
      if (last === undefined) return undefined;
      const sum = found.reduce((total, { rate }) => total + Number(rate.replace('.', '')), 0);
      return { ...bare(last), rate: `${sum}/${found.length * 100}` };
    },
  };
}

/** 1 ÷ 1.10 = 10/11, exact. */
function inverted(rate: string): string {
  const [whole = '', decimals = ''] = rate.split('.');
  return `${10 ** decimals.length}/${Number(whole + decimals)}`;
}

class Result {
  constructor(
    private readonly lines: readonly { payee: string; deal: string; kind: string; period: string; minor: bigint }[],
    private readonly decimals: number,
  ) {}

  /** What a payee earns with each deal, and in payee-level lines by kind, in order of name. */
  by(payee = 'P1'): Record<string, string> {
    const sums = new Map<string, bigint>();
    for (const { payee: of, deal, kind, minor } of this.lines) {
      if (of !== payee) continue;
      const name = deal === '' ? kind : deal.slice('crm|'.length);
      sums.set(name, (sums.get(name) ?? 0n) + minor);
    }
    return this.text(sums);
  }

  /** What a payee earns in each period of origin. */
  periods(payee = 'P1'): Record<string, string> {
    const sums = new Map<string, bigint>();
    for (const { payee: of, period, minor } of this.lines)
      if (of === payee) sums.set(period, (sums.get(period) ?? 0n) + minor);
    return this.text(sums);
  }

  total(payee = 'P1'): string {
    let sum = 0n;
    for (const { payee: of, minor } of this.lines) if (of === payee) sum += minor;
    return formatMinor(sum, this.decimals);
  }

  private text(sums: ReadonlyMap<string, bigint>): Record<string, string> {
    return Object.fromEntries(
      [...sums].sort(([a], [b]) => compareText(a, b)).map(([name, minor]) => [name, formatMinor(minor, this.decimals)]),
    );
  }
}

/** Calculates from scratch and deal by deal, in both orders of the deals; all results must agree. */
function earned(given: Case): Result {
  const plan = planOfCase(given);
  const versions = [{ effectiveFrom: '2000-01-01', plan }];
  const lookup = lookupOf(given);
  const payeeTermsOf = (payee: string): PayeeTerms => ({ ...NO_PAYEE_TERMS, ...(given.payeeTerms?.[payee] ?? {}) });
  const { lines, pending } = calculate({ deals: given.deals, versions, lookup, payeeTermsOf });
  expect(pending).toEqual([]);
  const scratch = lines.map(({ payee, deal, line, period, amountMinor }) => ({
    payee,
    deal,
    kind: typeof line === 'string' ? line : '',
    period,
    minor: amountMinor,
  }));
  const result = new Result(scratch, plan.decimals);
  const isCrossPayee = plan.components.some(
    ({ credit, budgetMinor }) => budgetMinor !== undefined || (credit.kind === 'override' && credit.of === 'earning'),
  );
  if (!isCrossPayee)
    for (const deals of [given.deals, given.deals.toReversed()]) {
      const states = new Map<string, EarnState>();
      for (const deal of deals)
        for (const { payee, lines: credited } of creditDeal(deal, versions, lookup).credits) {
          const state = states.get(payee) ?? createEarnState();
          states.set(payee, state);
          const plans = plansOf(() => versions);
          applyChange(state, diffCredit(state, { deal: dealKey(deal), lines: credited }, plans), plans);
          const termsChange = diffPayeeTerms(state, payeeTermsOf(payee), plans);
          applyChange(state, termsChange, plans);
          state.payeeTerms = payeeTermsOf(payee);
        }
      for (const [payee, state] of states) {
        let sum = 0n;
        for (const ofDeal of state.deals.values()) for (const { amountMinor } of ofDeal) sum += amountMinor;
        expect([payee, formatMinor(sum, plan.decimals)]).toEqual([payee, result.total(payee)]);
      }
    }
  return result;
}

const day = (month: number, date: number): string =>
  `2026-${String(month).padStart(2, '0')}-${String(date).padStart(2, '0')}T10:00:00Z`;
/** A deal booked in January by default. */
const deal = (id: string, net: string, date: number, more: Parameters<typeof dealOf>[1] = {}): Deal =>
  dealOf(id, { net, bookedAt: day(1, date), ...more });
const ANNUAL = 'measure: { over: year }';
const BOOKED = 'credit: { trigger: booked }';

describe('the deal', () => {
  it('corrected counts at its own date: 12k becomes 15k at 10 %: +300 (own)', () => {
    const sales = { components: [`{ id: s, ${BOOKED}, rate: { percent: 10 % } }`] };
    expect(earned({ ...sales, deals: [deal('D', '12000.00', 5)] }).total()).toBe('1200.00');
    expect(earned({ ...sales, deals: [deal('D', '15000.00', 5)] }).total()).toBe('1500.00');
  });

  it('amended by a change counts the difference at the change’s date: 12k becomes 15k, 10 % then 12 %: +360 (own)', () => {
    const components = [`{ id: s, ${BOOKED}, rate: { lagged: [{ below: 12000, pay: 10 % }, { pay: 12 % }] } }`];
    const changes = [{ id: '1', at: day(2, 5), lines: [{ id: '1', net: '15000.00' }] }];
    const result = earned({ components, deals: [deal('D', '12000.00', 5, { changes })] });
    expect(result.periods()).toEqual({ '2026-01': '1200.00', '2026-02': '360.00' });
  });

  it('is measured on top of deals before a new agreement: c = 140k, 20k more: 1,200 (own)', () => {
    const result = earned({
      components: [`{ id: s, ${BOOKED}, ${ANNUAL}, rate: { marginal: [{ below: 150000, pay: 5 % }, { pay: 7 % }] } }`],
      deals: [deal('A', '140000.00', 5), deal('B', '20000.00', 6)],
    });
    expect(result.by()).toEqual({ A: '7000.00', B: '1200.00' });
  });
});

describe('rates over a measurement', () => {
  it.each([
    ['0.07', '20 %', 'half-up', '0.01'],
    ['0.03', '20 %', 'half-up', '0.01'],
    ['5.00', '2.9 %', 'half-up', '0.15'],
    ['5.00', '2.9 %', 'half-even', '0.14'],
  ])('percent: %s at %s %s is %s (dub)', (net, percent, rounding, expected) => {
    const components = [`{ id: s, ${BOOKED}, rate: { percent: ${percent} } }`];
    expect(earned({ components, plan: `rounding: ${rounding}`, deals: [deal('D', net, 5)] }).total()).toBe(expected);
  });

  it('marginal: 4 % to 150k, 6 % to 250k, c = 145k, d = 20k: 1,100 (Spiff)', () => {
    const result = earned({
      components: [
        `{ id: s, ${BOOKED}, ${ANNUAL}, rate: { marginal: [{ below: 150000, pay: 4 % }, { below: 250000, pay: 6 % }, { pay: 8 % }] } }`,
      ],
      deals: [deal('A', '145000.00', 5), deal('B', '20000.00', 6)],
    });
    expect(result.by()['B']).toBe('1100.00');
  });

  it('retroactive: 5 %, 8 % from 10k, c = 9,000, d = 2,000: 160 + 270 true-up = 430 (own)', () => {
    const components = [`{ id: s, ${BOOKED}, rate: { retroactive: [{ below: 10000, pay: 5 % }, { pay: 8 % }] } }`];
    const before = earned({ components, deals: [deal('A', '9000.00', 5)] });
    const after = earned({ components, deals: [deal('A', '9000.00', 5), deal('B', '2000.00', 6)] });
    expect(before.by()).toEqual({ A: '450.00' });
    expect(after.by()).toEqual({ A: '720.00', B: '160.00' });
  });

  const oracleDeals = [200, 300, 1500, 1200, 2000, 4500].map((net, index) => deal(`D${index}`, `${net}.00`, index + 1));

  it('per deal, graduated from zero: 2, 3, 20, 14, 30, 95, 164 in all (Oracle)', () => {
    const result = earned({
      components: [
        `{ id: s, ${BOOKED}, measure: { over: deal }, rate: { marginal: [{ upTo: 1000, pay: 1 % }, { upTo: 3000, pay: 2 % }, { upTo: 8000, pay: 3 % }, { pay: 5 % }] } }`,
      ],
      deals: oracleDeals,
    });
    expect(Object.values(result.by())).toEqual(['2.00', '3.00', '20.00', '14.00', '30.00', '95.00']);
    expect(result.total()).toBe('164.00');
  });

  it('per deal, the whole amount at one rate (own)', () => {
    const result = earned({
      components: [
        `{ id: s, ${BOOKED}, measure: { over: deal }, rate: { retroactive: [{ upTo: 1000, pay: 1 % }, { pay: 2 % }] } }`,
      ],
      deals: [deal('A', '1000.00', 1), deal('B', '1500.00', 2)],
    });
    expect(result.by()).toEqual({ A: '10.00', B: '30.00' });
  });

  it('interpolated, each deal from zero: 2, 3, 20, 14, 30, 80, 149 in all (Oracle)', () => {
    const result = earned({
      components: [
        `{ id: s, ${BOOKED}, measure: { over: deal }, rate: { interpolated: [{ upTo: 1000, earn: 10 }, { upTo: 3000, earn: 40 }, { upTo: 8000, earn: 100 }, { upTo: 20000, earn: 2000 }] } }`,
      ],
      deals: oracleDeals,
    });
    expect(Object.values(result.by())).toEqual(['2.00', '3.00', '20.00', '14.00', '30.00', '80.00']);
    expect(result.total()).toBe('149.00');
  });

  it('stepped: 500 for every 50,000: 170k is 1,500 (own)', () => {
    const components = [`{ id: s, ${BOOKED}, rate: { stepped: { every: 50000, pay: 500 } } }`];
    const deals = [deal('A', '40000.00', 1), deal('B', '80000.00', 2), deal('C', '50000.00', 3)];
    const result = earned({ components, deals });
    expect(result.total()).toBe('1500.00');
    expect(result.by()).toEqual({ A: '0.00', B: '1000.00', C: '500.00' });
  });

  describe('lagged: last month 9,500 is 5 %, 8 % from 10,000, now 20,000 sold (own)', () => {
    const rate = (as: string) => [
      `{ id: s, ${BOOKED}, rate: { lagged: [{ below: 10000, pay: 5 % }, { pay: 8 % }], as: ${as} } }`,
    ];
    const before = [deal('A', '9500.00', 20), deal('B', '20000.00', 5, { bookedAt: day(2, 5) })];
    const late = deal('C', '800.00', 25);
    const payeeTerms = { P1: { reachedTiers: { 's 2026-01': 0 } } };

    it('frozen: a late 800 for last month is +40', () => {
      const components = rate('frozen');
      expect(earned({ components, deals: before, payeeTerms }).total()).toBe('1475.00');
      expect(earned({ components, deals: [...before, late], payeeTerms }).total()).toBe('1515.00');
    });

    it('live: a late 800 for last month is +640', () => {
      const components = rate('live');
      expect(earned({ components, deals: before }).total()).toBe('1475.00');
      expect(earned({ components, deals: [...before, late] }).total()).toBe('2115.00');
    });
  });

  it('accelerator: quota 10,000, actual 14,000, base 10 %: 1,537.50 (own)', () => {
    const bands = 'bands: [{ upTo: 100 %, times: 1 }, { upTo: 125 %, times: 1.25 }, { times: 1.5 }]';
    const rate = `rate: { accelerator: { base: 10 %, ${bands} } }`;
    const deals = [deal('A', '9000.00', 1), deal('B', '5000.00', 2)];
    const fixed = [`{ id: s, ${BOOKED}, measure: { over: period, quota: 10000 }, ${rate} }`];
    expect(earned({ components: fixed, deals }).total()).toBe('1537.50');
    const quotas = [{ component: 's', from: '2026-01-01', amount: '10000.00' }];
    const byFact = [`{ id: s, ${BOOKED}, measure: { over: period, quota: fact }, ${rate} }`];
    expect(earned({ components: byFact, deals, payeeTerms: { P1: { quotas } } }).total()).toBe('1537.50');
  });

  it.each([
    ['first', '3300.00'],
    ['above', '300.00'],
  ])('gate of 100k, 110k sold at 3 %, from: %s is %s (own)', (from, expected) => {
    const components = [`{ id: s, ${BOOKED}, gate: { target: 100000, from: ${from} }, rate: { percent: 3 % } }`];
    const deals = [deal('A', '60000.00', 1), deal('B', '50000.00', 2)];
    expect(earned({ components, deals: deals.slice(0, 1) }).total()).toBe('0.00');
    expect(earned({ components, deals }).total()).toBe(expected);
  });

  it('growth: 400k to 500k at 5 % of the increase is 5,000 (own)', () => {
    const deals = [
      dealOf('A', { net: '400000.00', bookedAt: '2025-05-05T10:00:00Z' }),
      dealOf('B', { net: '500000.00', bookedAt: '2026-05-05T10:00:00Z' }),
    ];
    const above = (what: string) => [
      `{ id: s, ${BOOKED}, measure: { over: year, above: ${what} }, rate: { percent: 5 % } }`,
    ];
    expect(earned({ components: above('{ fixed: 400000 }'), deals: deals.slice(1) }).total()).toBe('5000.00');
    // Last year's own increase is over a year without deals.
    expect(earned({ components: above('{ same: last-year }'), deals }).by()).toEqual({ A: '20000.00', B: '5000.00' });
  });

  it('matrix: the most specific rule applies, in the declared order of attributes', () => {
    const rules =
      '[{ pay: 1 % }, { category: hardware, pay: 2 % }, { family: servers, pay: 3 % }, { category: hardware, family: servers, pay: 4 % }, { product: X1, pay: 5 % }]';
    const components = [`{ id: s, ${BOOKED}, rate: { matrix: { by: [product, family, category], rules: ${rules} } } }`];
    const line = (id: string, more: object) => dealOf(id, { lines: [{ id: '1', net: '100.00', ...more }] });
    const result = earned({
      components,
      deals: [
        line('A', { category: 'software' }),
        line('B', { category: 'hardware' }),
        line('C', { category: 'software', family: 'servers' }),
        line('D', { category: 'hardware', family: 'servers' }),
        line('E', { product: 'X1', category: 'hardware', family: 'servers' }),
      ],
    });
    expect(Object.values(result.by())).toEqual(['1.00', '2.00', '3.00', '4.00', '5.00']);
  });
});

describe('limits, shares, overrides, guarantees, draws, budgets and holds', () => {
  const whole = 'rate: { percent: 100 % }';

  it('a cap, excess forfeited: 1,000; 800, 500, −400 are 800, 200, −100 (own)', () => {
    const components = [`{ id: s, ${BOOKED}, ${whole}, limit: { perPeriod: 1000, excess: forfeited } }`];
    const deals = [deal('A', '800.00', 1), deal('B', '500.00', 2), deal('C', '-400.00', 3)];
    expect(earned({ components, deals }).by()).toEqual({ A: '800.00', B: '200.00', C: '-100.00' });
  });

  it('a cap with headroom spent: a return takes its share of the capped amount (own)', () => {
    const limit = (headroom: string) => [
      `{ id: s, ${BOOKED}, ${whole}, limit: { perPeriod: 1000, excess: forfeited, headroom: ${headroom} } }`,
    ];
    const deals = [
      deal('A', '800.00', 1),
      deal('B', '500.00', 2, { returns: [{ id: 'R', at: day(1, 3), lines: [{ line: '1', net: '250.00' }] }] }),
    ];
    // Spent: half of the 200 paid for B. Returned: what brings 1,050 back under the cap.
    expect(earned({ components: limit('spent'), deals }).by()['B']).toBe('100.00');
    expect(earned({ components: limit('returned'), deals }).by()['B']).toBe('200.00');
  });

  it('a cap: KRW 3,600,000, earned before 2,930,500, now 800,000: 669,500 paid (ga)', () => {
    const components = [`{ id: s, ${BOOKED}, ${whole}, limit: { perPeriod: 3600000, excess: forfeited } }`];
    const krw = (id: string, net: string, date: number) => deal(id, net, date, { currency: 'KRW' });
    const result = earned({ components, currency: 'KRW', deals: [krw('A', '2930500', 1), krw('B', '800000', 2)] });
    expect(result.by()['B']).toBe('669500');
  });

  it('a cap, excess deferred: 1,000; 1,400 then 300 pay 1,000 and 700; 500 back is −500 together (own)', () => {
    const components = [
      `{ id: s, ${BOOKED}, ${whole}, limit: { perPeriod: 1000, excess: deferred }, returns: { policy: line } }`,
    ];
    const february = deal('B', '300.00', 5, { bookedAt: day(2, 5) });
    const before = earned({ components, deals: [deal('A', '1400.00', 5), february] });
    expect(before.periods()).toEqual({ '2026-01': '1000.00', '2026-02': '700.00' });
    const after = earned({ components, deals: [deal('A', '900.00', 5), february] });
    expect(after.periods()).toEqual({ '2026-01': '900.00', '2026-02': '300.00' });
  });

  it('a guarantee: 1,000, earned falls from 1,400 to 800: 800 + 200, −400; 17 of 31 days is 548.39 (own)', () => {
    const given = {
      components: [`{ id: s, ${BOOKED}, ${whole} }`],
      plan: 'guarantee: { amount: 1000, over: period }',
      payeeTerms: { P1: { closedPeriods: [{ period: '2026-01', planVersion: HASH }] } },
    };
    expect(earned({ ...given, deals: [deal('A', '1400.00', 5)] }).by()).toEqual({ A: '1400.00' });
    expect(earned({ ...given, deals: [deal('A', '800.00', 5)] }).by()).toEqual({ A: '800.00', guarantee: '200.00' });
    const payeeTerms = { P1: { ...given.payeeTerms.P1, agreements: [{ from: '2026-01-15' }] } };
    const prorated = earned({ ...given, payeeTerms, deals: [deal('A', '0.00', 20)] });
    expect(prorated.by()['guarantee']).toBe('548.39');
  });

  it.each([
    ['largest', ['12', '1', '2']],
    ['first', ['13', '1', '1']],
  ])('a split: 15 at 80/8/12, remainder %s, is %j (Numscript)', (remainder, expected) => {
    const result = earned({
      components: [`{ id: s, credit: { trigger: booked, remainder: ${remainder} }, ${whole} }`],
      currency: 'KRW',
      deals: [
        dealOf('D', {
          currency: 'KRW',
          net: '15',
          partners: [
            { role: 'seller', partner: 'P1', share: '0.8' },
            { role: 'seller', partner: 'P2', share: '0.08' },
            { role: 'seller', partner: 'P3', share: '0.12' },
          ],
        }),
      ],
    });
    expect(['P1', 'P2', 'P3'].map((payee) => result.total(payee))).toEqual(expected);
  });

  it('a split amended from 60/40 to 50/50 on 1,000.01: −100.00 / +100.00 (own)', () => {
    const split = (one: string, two: string) =>
      earned({
        components: [`{ id: s, ${BOOKED}, ${whole} }`],
        deals: [
          dealOf('D', {
            net: '1000.01',
            partners: [
              { role: 'seller', partner: 'P1', share: one },
              { role: 'seller', partner: 'P2', share: two },
            ],
          }),
        ],
      });
    const [before, after] = [split('0.6', '0.4'), split('0.5', '0.5')];
    expect([before.total('P1'), before.total('P2')]).toEqual(['600.01', '400.00']);
    expect([after.total('P1'), after.total('P2')]).toEqual(['500.01', '500.00']);
  });

  const UPLINES = { P1: { upline: 'U1' }, U1: { upline: 'U2' }, U2: { upline: 'U3' } };

  it('an override on the basis: KRW 2,100,000 at 5/3/2 % is 105,000 / 63,000 / 42,000 (ga)', () => {
    const result = earned({
      components: [
        `{ id: s, ${BOOKED}, rate: { percent: 0 % } }`,
        '{ id: team, credit: { override: [s], of: basis, levels: [5 %, 3 %, 2 %] } }',
      ],
      currency: 'KRW',
      deals: [dealOf('D', { currency: 'KRW', net: '2100000' })],
      partners: UPLINES,
    });
    expect(['U1', 'U2', 'U3'].map((payee) => result.total(payee))).toEqual(['105000', '63000', '42000']);
  });

  it("an override on the child's line after limits: 1,100 capped to 900 at 5 % is 45 (own)", () => {
    const result = earned({
      components: [
        `{ id: s, ${BOOKED}, ${whole}, limit: { perDeal: 900, excess: forfeited } }`,
        '{ id: team, credit: { override: [s], of: earning, levels: [5 %, 2 %] } }',
      ],
      deals: [deal('D', '1100.00', 5)],
      partners: UPLINES,
    });
    expect(['P1', 'U1', 'U2'].map((payee) => result.total(payee))).toEqual(['900.00', '45.00', '18.00']);
  });

  it('a spread: 12 % over 9 % on 10,000 is 300 (own)', () => {
    const result = earned({
      components: [
        `{ id: s, ${BOOKED}, rate: { percent: 9 % } }`,
        '{ id: team, credit: { override: [s], of: spread, rates: [{ where: { partner.tier: gold }, pay: 12 % }, { pay: 9 % }] } }',
      ],
      deals: [deal('D', '10000.00', 5)],
      partners: { ...UPLINES, U2: { upline: 'U3', tier: 'gold' }, U3: { tier: 'gold' } },
    });
    expect(['P1', 'U1', 'U2', 'U3'].map((payee) => result.total(payee))).toEqual(['900.00', '0.00', '300.00', '0.00']);
  });

  const months = (...nets: string[]) =>
    nets.map((net, index) => deal(`M${index + 1}`, net, 5, { bookedAt: day(index + 1, 5) }));
  const closedPeriods = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ period: `2026-0${index + 1}`, planVersion: HASH }));

  it('a recoverable draw of 1,000: balance 500, 800, 1,400 (Oracle), then 600, 700, 400, 250 (own)', () => {
    const result = earned({
      components: [`{ id: s, ${BOOKED}, ${whole} }`],
      plan: 'draw: { amount: 1000, recoverable: true, recoverFrom: 2026-04-01, until: 2026-07-01 }',
      deals: months('500.00', '700.00', '400.00', '1800.00', '900.00', '1300.00', '150.00'),
      payeeTerms: { P1: { closedPeriods: closedPeriods(7) } },
    });
    expect(result.periods()).toEqual({
      '2026-01': '1000.00',
      '2026-02': '1000.00',
      '2026-03': '1000.00',
      '2026-04': '1000.00',
      '2026-05': '1000.00',
      '2026-06': '1000.00',
      '2026-07': '0.00',
    });
    // Advances less recoveries are the remaining balance.
    expect(result.by()).toMatchObject({ 'draw-advance': '1500.00', 'draw-recovery': '-1250.00' });
  });

  it('a draw that is not recoverable: the same advances, no balance', () => {
    const result = earned({
      components: [`{ id: s, ${BOOKED}, ${whole} }`],
      plan: 'draw: { amount: 1000, recoverable: false }',
      deals: months('500.00', '700.00', '400.00', '1800.00'),
      payeeTerms: { P1: { closedPeriods: closedPeriods(4) } },
    });
    expect(result.by()).toMatchObject({ 'draw-advance': '1400.00', M4: '1800.00' });
  });

  it('a budget: 1,000, 400 per deal, on the 3rd, 5th, 6th: 400/400/200; with a late deal of the 4th: 400/400/200/0 (own)', () => {
    const given = {
      components: [
        '{ id: spiff, credit: { trigger: booked, during: [2026-03-01, 2026-03-31] }, rate: { flat: 400, per: deal }, budget: 1000 }',
      ],
    };
    const on = (id: string, date: number, seller: string) =>
      dealOf(id, { bookedAt: day(3, date), partners: [{ role: 'seller', partner: seller }] });
    const deals = [on('D3', 3, 'P1'), on('D5', 5, 'P2'), on('D6', 6, 'P1')];
    const paid = (result: Result) => ({ ...result.by('P1'), ...result.by('P2'), ...result.by('P3') });
    expect(paid(earned({ ...given, deals }))).toEqual({ D3: '400.00', D5: '400.00', D6: '200.00' });
    const late = earned({ ...given, deals: [...deals, on('D4', 4, 'P3')] });
    expect(paid(late)).toEqual({ D3: '400.00', D4: '400.00', D5: '200.00', D6: '0.00' });
    expect(earned({ ...given, deals: [dealOf('X', { bookedAt: day(4, 1) })] }).by()).toEqual({});
  });

  describe('release on payment', () => {
    const components = [`{ id: s, ${BOOKED}, rate: { percent: 10 % }, hold: { until: paid } }`];
    const paid = (...amounts: string[]) =>
      amounts.map((amount, index) => ({ id: `p${index + 1}`, at: day(index + 2, 10), amount }));

    it('in thirds of 100.00: 33.33, 33.34, 33.33', () => {
      const deals = [deal('D', '1000.00', 5, { payments: paid('333.34', '333.33', '333.33') })];
      const result = earned({ components, deals });
      expect(result.periods()).toEqual({
        '2026-01': '0.00',
        '2026-02': '33.33',
        '2026-03': '33.34',
        '2026-04': '33.33',
      });
    });

    it('with tax: paid 600 of 1,200 (1,000 net), earned 100: 50.00; a payment that bounces lowers it', () => {
      const of = (...amounts: string[]) =>
        earned({
          components,
          deals: [dealOf('D', { lines: [{ id: '1', net: '1000.00', gross: '1200.00' }], payments: paid(...amounts) })],
        }).total();
      expect(of('600.00')).toBe('50.00');
      expect(of('600.00', '-300.00')).toBe('25.00');
      expect(of('600.00', '900.00')).toBe('100.00');
    });

    it('a later return reduces the reserve in its own period', () => {
      const deals = [
        deal('D', '6000.00', 5, {
          payments: paid('2000.00', '4000.00'),
          returns: [{ id: 'R', at: day(3, 20), lines: [{ line: '1', net: '3000.00' }] }],
        }),
      ];
      // 600 earned and held. Of the 300 that remain, a third is free in February, the rest in March.
      expect(earned({ components, deals }).periods()).toEqual({
        '2026-01': '0.00',
        '2026-02': '100.00',
        '2026-03': '200.00',
      });
    });

    it('an earning re-rated to 70 after a third was paid: −10.00', () => {
      const after = (percent: string) =>
        earned({
          components: [`{ id: s, ${BOOKED}, rate: { percent: ${percent} }, hold: { until: paid } }`],
          deals: [dealOf('D', { lines: [{ id: '1', net: '1000.00', gross: '999.99' }], payments: paid('333.33') })],
        }).total();
      expect([after('10 %'), after('7 %')]).toEqual(['33.33', '23.33']);
    });
  });

  describe('proration by days (own)', () => {
    const calendar = { periods: 'quarterly', timeZone: 'Europe/Paris' } as const;
    const cents = ({ numerator, denominator }: Rate): bigint => divideRounded(numerator, denominator, 'half-up');

    it('90,000 × 61 ÷ 92 = 59,673.91', () => {
      const share = shareOfDays({ ...NO_PAYEE_TERMS, agreements: [{ from: '2026-08-01' }] }, calendar, '2026-Q3');
      expect(cents({ numerator: 9_000_000n * share.numerator, denominator: share.denominator })).toBe(5_967_391n);
    });

    it('a quota of 9,000 raised to 12,000 after 31 of 92 days: 10,989.13', () => {
      const quotas = [
        { component: 's', from: '2026-01-01', amount: '9000.00' },
        { component: 's', from: '2026-08-01', amount: '12000.00' },
      ];
      const quota = quotaIn({ ...NO_PAYEE_TERMS, quotas }, 's', calendar, '2026-Q3', 2);
      expect(quota && cents(quota)).toBe(1_098_913n);
    });

    it('120,000 for 90 of 365 days: 29,589.04', () => {
      const quotas = [{ component: 's', from: '2026-01-01', until: '2026-04-01', amount: '120000.00' }];
      const quota = quotaIn({ ...NO_PAYEE_TERMS, quotas }, 's', { ...calendar, periods: 'annual' }, '2026', 2);
      expect(quota && cents(quota)).toBe(2_958_904n);
    });

    it('shrinks tiers and targets to the share of days of the agreement', () => {
      const result = earned({
        components: [
          `{ id: s, ${BOOKED}, measure: { over: quarter, prorate: days }, gate: { target: 9200, from: above }, rate: { percent: 10 % } }`,
        ],
        deals: [deal('A', '10000.00', 20, { bookedAt: day(8, 5) })],
        payeeTerms: { P1: { agreements: [{ from: '2026-08-01' }] } },
      });
      expect(result.total()).toBe('390.00');
    });
  });

  it('recurring: 24 × 100 prepaid, 20 % for 12, then 10 %: 360 (own)', () => {
    const result = earned({
      components: [
        `{ id: s, ${BOOKED}, recurring: { of: line.subscription, count: service-months, rate: [{ upTo: 12, pay: 20 % }, { upTo: 24, pay: 10 % }, { pay: 0 % }] } }`,
      ],
      deals: [
        dealOf('D', {
          lines: [{ id: '1', net: '2400.00', subscription: { id: 'S', start: '2026-01-10', months: 24 } }],
        }),
      ],
    });
    expect(result.total()).toBe('360.00');
    expect(result.periods()['2026-01']).toBe('20.00');
    expect(result.periods()['2027-12']).toBe('10.00');
  });
});

describe('returns and exchange rates', () => {
  const TIERS = 'rate: { marginal: [{ below: 50000, pay: 5 % }, { below: 100000, pay: 7 % }, { pay: 10 % }] }';
  const sold = (id: string, date: number, more: object = {}) => deal(id, '40000.00', date, more);
  const cancelled = { cancelledAt: day(1, 20) };

  it.each([
    ['line', '-2000.00', '4000.00'],
    ['average', '-2666.67', '3666.67'],
    ['re-rate', '-3400.00', '3400.00'],
  ])('cancelling the first of three deals of 40k, policy %s: %s, and a fourth earns %s', (policy, back, fourth) => {
    const components = [`{ id: s, ${BOOKED}, ${ANNUAL}, ${TIERS}, returns: { policy: ${policy} } }`];
    const three = (first: object) => [sold('A', 1, first), sold('B', 2), sold('C', 3)];
    const cents = (result: Result) => Number(result.total().replace('.', ''));
    const before = cents(earned({ components, deals: three({}) }));
    const after = cents(earned({ components, deals: three(cancelled) }));
    const more = cents(earned({ components, deals: [...three(cancelled), sold('D', 25)] }));
    expect(before).toBe(800_000);
    expect(((after - before) / 100).toFixed(2)).toBe(back);
    expect(((more - after) / 100).toFixed(2)).toBe(fourth);
  });

  it.each([
    ['line', 'A', '-720.00'],
    ['re-rate', 'A', '-780.00'],
    ['line', 'B', '-160.00'],
    ['re-rate', 'B', '-430.00'],
  ])('retroactive, policy %s, deal %s returned: %s (own)', (policy, which, back) => {
    const components = [
      `{ id: s, ${BOOKED}, ${ANNUAL}, rate: { retroactive: [{ below: 10000, pay: 5 % }, { pay: 8 % }] }, returns: { policy: ${policy} } }`,
    ];
    const both = (id: string) => [
      deal('A', '9000.00', 1, id === 'A' ? cancelled : {}),
      deal('B', '2000.00', 2, id === 'B' ? cancelled : {}),
    ];
    const cents = (id: string) =>
      Number(
        earned({ components, deals: both(id) })
          .total()
          .replace('.', ''),
      );
    expect(((cents(which) - cents('')) / 100).toFixed(2)).toBe(back);
  });

  it.each([
    ['original', '-3400.00'],
    ['current', '-2000.00'],
  ])('30k in Q2, 40k of Q1 returned, window %s: %s (own)', (window, back) => {
    const components = [
      `{ id: s, ${BOOKED}, measure: { over: quarter }, ${TIERS}, returns: { policy: re-rate, window: ${window} } }`,
    ];
    const history = (first: object) => [
      sold('A', 1, first),
      sold('B', 2),
      sold('C', 3),
      deal('D', '30000.00', 5, { bookedAt: day(4, 5) }),
    ];
    const cents = (first: object) =>
      Number(
        earned({ components, deals: history(first) })
          .total()
          .replace('.', ''),
      );
    const returned = { returns: [{ id: 'R', at: day(5, 5) }] };
    expect(((cents(returned) - cents({})) / 100).toFixed(2)).toBe(back);
  });

  it('a time band takes 40 % of 3,400: 1,360 (own)', () => {
    const bands = 'bands: [{ within: 10 days, take: 100 % }, { within: 30 days, take: 40 % }, { take: 0 % }]';
    const components = [`{ id: s, ${BOOKED}, ${ANNUAL}, ${TIERS}, returns: { policy: re-rate, ${bands} } }`];
    const three = (first: object) => [sold('A', 1, first), sold('B', 2), sold('C', 3)];
    const cents = (first: object) =>
      Number(
        earned({ components, deals: three(first) })
          .total()
          .replace('.', ''),
      );
    expect(cents(cancelled) - cents({})).toBe(-136_000);
    expect(cents({ cancelledAt: day(1, 5) }) - cents({})).toBe(-340_000);
    expect(cents({ cancelledAt: day(3, 5) }) - cents({})).toBe(0);
  });

  it('KRW 2,133,000 paid, cancelled after 7 instalments, 40 %: 853,200 (ga)', () => {
    const bands =
      'bands: [{ within: 6 instalments, take: 60 % }, { within: 12 instalments, take: 40 % }, { take: 0 % }]';
    const payments = Array.from({ length: 7 }, (_, index) => ({
      id: `p${index}`,
      at: day(index + 1, 12),
      amount: '10',
    }));
    const result = earned({
      components: [`{ id: s, ${BOOKED}, rate: { percent: 100 % }, returns: { policy: line, ${bands} } }`],
      currency: 'KRW',
      deals: [dealOf('D', { currency: 'KRW', net: '2133000', payments, cancelledAt: day(8, 1) })],
    });
    expect(result.total()).toBe('1279800');
  });

  it('an exchange rate is the last one published; its inverse an exact fraction: 1,000,000 ÷ 1.10 = 909,090.91 (own)', () => {
    const result = earned({
      components: [`{ id: s, ${BOOKED}, rate: { percent: 100 % } }`],
      deals: [deal('D', '1000000.00', 5, { currency: 'USD' })],
      rates: [{ pair: 'EUR/USD', rate: '1.10', date: '2026-01-02', source: 'ECB' }],
    });
    expect(result.total()).toBe('909090.91');
  });

  it('EUR 1,000 at 10 %, 1.10 at the deal: USD 110.00 (own)', () => {
    const result = earned({
      components: [`{ id: s, ${BOOKED}, rate: { percent: 10 % } }`],
      currency: 'USD',
      deals: [deal('D', '1000.00', 5)],
      rates: [
        { pair: 'EUR/USD', rate: '1.10', date: '2026-01-02', source: 'ECB' },
        { pair: 'EUR/USD', rate: '1.05', date: '2026-01-06', source: 'ECB' },
      ],
    });
    expect(result.total()).toBe('110.00');
  });
});
