/** Random plans over all terms, for property tests. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import fc from 'fast-check';
import { compilePlan } from '../plan/compile.js';
import type { CompiledPlan } from '../plan/compiled.js';
import type { PlanDocument } from '../plan/document.js';
import { planProblems } from '../plan/problems.js';
import { schemaProblems } from '../plan/schema-problems.js';

export interface AnyPlan {
  readonly document: PlanDocument;
  readonly plan: CompiledPlan;
}

type Json = Readonly<Record<string, unknown>>;

/** Minor units as decimal text. */
export function amountText(minor: number, decimals: number): string {
  const sign = minor < 0 ? '-' : '';
  const text = String(Math.abs(minor)).padStart(decimals + 1, '0');
  return decimals === 0 ? sign + text : `${sign}${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
}

const CURRENCIES: Readonly<Record<string, number>> = { EUR: 2, KRW: 0, KWD: 3 };

export const anyPercent = fc.oneof(
  fc.integer({ min: 0, max: 5000 }).map((hundredths) => `${hundredths / 100} %`),
  fc.constantFrom('0 %', '10 %', '50 %', '100 %'),
);

const maybe = <Value>(arbitrary: fc.Arbitrary<Value>, freq: number): fc.Arbitrary<Value | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq });

const anyEnds = (lastOpen: boolean) =>
  fc
    .uniqueArray(fc.oneof(fc.integer({ min: 1, max: 40_000 }), fc.constantFrom(10_000, 20_000)), {
      minLength: lastOpen ? 0 : 1,
      maxLength: 3,
    })
    .map((ends) => ends.sort((left, right) => left - right));

const anyRates = fc.array(anyPercent, { minLength: 4, maxLength: 4 });

export const anyTiers = (decimals: number) =>
  fc.tuple(anyEnds(true), anyRates, fc.boolean()).map(([ends, rates, odd]) => [
    ...ends.map((end, index) => ({
      [(index % 2 === 0) === odd ? 'below' : 'upTo']: amountText(end, decimals),
      pay: rates[index] ?? '0',
    })),
    { pay: rates[3] ?? '0' },
  ]);

/** Tiers of a quantity pay an amount per unit instead of a percentage. */
const byUnit = (tiers: readonly Json[]) =>
  tiers.map((tier) => ({ ...tier, pay: String(tier['pay']).replace(' %', '') }));

const anyRate = (decimals: number): fc.Arbitrary<Json> => {
  const amount = (max: number) => fc.integer({ min: 0, max }).map((minor) => amountText(minor, decimals));
  const tiers = anyTiers(decimals);
  return fc.oneof(
    { weight: 2, arbitrary: anyPercent.map((percent) => ({ percent })) },
    { weight: 2, arbitrary: fc.record({ flat: amount(999), per: fc.constantFrom('deal', 'line', 'unit') }) },
    { weight: 3, arbitrary: tiers.map((marginal) => ({ marginal })) },
    { weight: 3, arbitrary: tiers.map((retroactive) => ({ retroactive })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(tiers, fc.constantFrom(undefined, 'live', 'frozen'))
        .map(([lagged, as]) => omitUndefined({ lagged, as })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(anyEnds(false), fc.array(amount(9999), { minLength: 3, maxLength: 3 }))
        .map(([ends, money]) => ({
          interpolated: ends.map((end, index) => ({ upTo: amountText(end, decimals), earn: money[index] ?? '1' })),
        })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.integer({ min: 1, max: 9000 }), amount(999))
        .map(([every, pay]) => ({ stepped: { every: amountText(every, decimals), pay } })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(anyPercent, fc.uniqueArray(fc.constantFrom(40, 100, 125), { maxLength: 2 }))
        .map(([base, ends]) => ({
          accelerator: {
            base,
            bands: [
              ...ends
                .sort((left, right) => left - right)
                .map((end, index) => ({ upTo: `${end} %`, times: `${1 + index / 4}` })),
              { times: '1.5' },
            ],
          },
        })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(anyPercent, anyPercent, anyPercent).map(([one, two, three]) => ({
        matrix: {
          by: ['product', 'category'],
          rules: [
            { category: 'a', pay: one },
            { product: 'x', pay: two },
            ...(three === '0 %' ? [] : [{ pay: three }]),
          ],
        },
      })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(anyPercent, anyPercent).map(([one, two]) => ({
        recurring: {
          of: 'line.subscription',
          count: 'service-months',
          rate: [{ upTo: '2', pay: one }, { upTo: '5', pay: two }, ...(one === '0 %' ? [] : [{ pay: '1 %' }])],
        },
      })),
    },
  );
};

const anyReturns = fc
  .record({
    policy: fc.constantFrom('line', 'average', 're-rate', 're-rate', 'none'),
    window: fc.constantFrom(undefined, undefined, 'original', 'current'),
    bands: maybe(
      fc.constantFrom(
        [
          { within: '1 days', take: '80 %' },
          { within: '40 days', take: '33 %' },
        ],
        [{ within: '30 days', take: '100 %' }, { take: '25 %' }],
        [{ within: '1 instalments', take: '90 %' }, { take: '40 %' }],
      ),
      2,
    ),
  })
  .map(({ policy, window, bands }) => {
    const isCurrent = window === 'current' && policy !== 'average';
    return omitUndefined({
      policy,
      window: window === 'current' && !isCurrent ? undefined : window,
      bands: isCurrent || policy === 'none' ? undefined : bands,
    });
  });

const anyHold = fc.oneof(
  fc.constant({ until: 'paid' }),
  fc.constant({ until: 'paid', part: '30 %' }),
  fc.constant({ for: '30 days', after: 'payment' }),
  fc.constant({ for: '10 days', after: 'trigger', part: '12.5 %' }),
  fc.constant({
    schedule: [
      { share: '1/3', after: '10 days' },
      { share: '2/3', after: '70 days' },
    ],
  }),
);

const anyLimit = (decimals: number) =>
  fc
    .record({
      per: fc.constantFrom('perDeal', 'perPeriod', 'perQuarter', 'perYear'),
      cap: fc.integer({ min: 0, max: 3000 }),
      excess: fc.constantFrom('forfeited', 'deferred'),
      headroom: fc.constantFrom(undefined, 'returned', 'spent'),
    })
    .map(({ per, cap, excess, headroom }) =>
      omitUndefined({
        [per]: amountText(cap, decimals),
        excess: per === 'perDeal' ? 'forfeited' : excess,
        headroom,
      }),
    );

const anyComponent = (id: string, decimals: number, before: readonly string[]): fc.Arbitrary<Json> =>
  fc
    .record({
      trigger: fc.constantFrom('booked', 'booked', 'booked', 'invoiced', 'paid', 'sold-through'),
      basis: fc.constantFrom(undefined, undefined, 'net', 'gross', 'margin', 'quantity', 'collected'),
      remainder: fc.constantFrom(undefined, 'first'),
      where: maybe(fc.constant({ 'line.category': 'a' }), 4),
      during: maybe(fc.constant(['2026-01-02', '2026-03-02']), 12),
      same: fc.boolean(),
      rate: anyRate(decimals),
      over: fc.oneof(
        fc.constantFrom('period', 'quarter', 'half-year', 'year', 'deal'),
        fc.integer({ min: 1, max: 3 }).map((months) => ({ rollingMonths: String(months) })),
      ),
      isDeclared: fc.boolean(),
      of: fc.constantFrom(undefined, undefined, 'own', 'team'),
      above: maybe(
        fc.oneof(
          fc.integer({ min: 0, max: 9000 }).map((minor) => ({ fixed: amountText(minor, decimals) })),
          fc.constant({ same: 'last-year' }),
        ),
        3,
      ),
      quota: fc.oneof(
        fc.constant('fact'),
        fc.integer({ min: 0, max: 20_000 }).map((minor) => amountText(minor, decimals)),
      ),
      prorate: fc.constantFrom(undefined, undefined, 'days'),
      gate: maybe(
        fc.record({
          of: fc.constantFrom('target', 'target', 'attainment', 'growth'),
          target: fc.integer({ min: 0, max: 30_000 }).map((minor) => amountText(minor, decimals)),
          share: fc.constantFrom('10 %', '80 %', '100 %'),
          from: fc.constantFrom('first', 'above'),
        }),
        3,
      ),
      limit: maybe(anyLimit(decimals), 4),
      budget: maybe(
        fc.integer({ min: 0, max: 6000 }).map((minor) => amountText(minor, decimals)),
        10,
      ),
      returns: maybe(anyReturns, 1),
      hold: maybe(anyHold, 4),
    })
    .map((any) => {
      const { rate, over, isDeclared, trigger } = any;
      const recurring = rate['recurring'];
      const isWindow = typeof over === 'string' && over !== 'deal';
      const isFlat = 'flat' in rate;
      const needsWindow = 'lagged' in rate || 'accelerator' in rate;
      const own = needsWindow && !isWindow ? 'quarter' : over;
      const window = typeof own === 'string' && own !== 'deal';
      const canGrow = window && !isFlat;
      const gateOf = any.gate === undefined ? undefined : window ? any.gate.of : 'target';
      const gate =
        any.gate === undefined
          ? undefined
          : {
              [gateOf ?? 'target']: gateOf === 'target' ? any.gate.target : any.gate.share,
              from: isFlat ? 'first' : any.gate.from,
            };
      const takesQuota = 'accelerator' in rate || gateOf === 'attainment';
      const measure =
        isDeclared || takesQuota
          ? omitUndefined({
              over: own,
              of: any.of,
              above: canGrow ? any.above : undefined,
              quota: takesQuota ? any.quota : undefined,
              prorate: window ? any.prorate : undefined,
            })
          : undefined;
      const isQuantity =
        any.basis === 'quantity' &&
        trigger !== 'paid' &&
        ['marginal', 'retroactive', 'lagged', 'stepped', 'interpolated', 'flat'].some((kind) => kind in rate);
      const basis =
        any.basis === 'quantity'
          ? isQuantity
            ? 'quantity'
            : undefined
          : any.basis === 'collected' && trigger !== 'paid'
            ? undefined
            : any.basis;
      const tiered = Object.fromEntries(
        Object.entries(rate).map(([kind, tiers]) => [
          kind,
          isQuantity && Array.isArray(tiers) && kind !== 'interpolated' ? byUnit(tiers) : tiers,
        ]),
      );
      const perUnitPaid = rate['per'] === 'unit' && trigger === 'paid';
      const [first] = before;
      const credit =
        any.same && first !== undefined
          ? omitUndefined({ same: first, where: any.where })
          : omitUndefined({ trigger, basis, remainder: any.remainder, where: any.where, during: any.during });
      return omitUndefined({
        id,
        credit,
        ...(recurring === undefined
          ? { measure, gate, rate: perUnitPaid ? { ...tiered, per: 'line' } : tiered }
          : { recurring }),
        limit: any.limit,
        budget: any.budget,
        returns: any.returns,
        hold: any.hold,
      });
    });

const anyOverride = (id: string, children: readonly string[], decimals: number): fc.Arbitrary<Json> =>
  fc
    .record({
      of: fc.constantFrom('basis', 'earning', 'earning', 'spread'),
      override: fc.subarray([...children], { minLength: 1 }),
      levels: fc.array(anyPercent, { minLength: 1, maxLength: 3 }),
      rates: fc.tuple(anyPercent, anyPercent),
      limit: maybe(anyLimit(decimals), 5),
      returns: maybe(anyReturns, 2),
      hold: maybe(fc.oneof(anyHold, fc.constant('as-child')), 3),
    })
    .map(({ of, override, levels, rates, limit, returns, hold }) =>
      omitUndefined({
        id,
        credit:
          of === 'spread'
            ? { override, of, rates: [{ where: { 'partner.tier': 'gold' }, pay: rates[0] }, { pay: rates[1] }] }
            : { override, of, levels },
        limit,
        returns,
        hold,
      }),
    );

const anyDocument = fc
  .record({
    currency: fc.constantFrom('EUR', 'EUR', 'KRW', 'KWD'),
    periods: fc.constantFrom('monthly', 'monthly', 'quarterly'),
    rounding: fc.constantFrom('half-up', 'half-even', 'down'),
    count: fc.integer({ min: 1, max: 3 }),
    isOverridden: fc.boolean(),
  })
  .chain(({ currency, periods, rounding, count, isOverridden }) => {
    const decimals = CURRENCIES[currency] ?? 2;
    const ids = ['c0', 'c1', 'c2'].slice(0, count);
    const amount = fc.integer({ min: 0, max: 3000 }).map((minor) => amountText(minor, decimals));
    return fc
      .record({
        components: fc.tuple(...ids.map((id, index) => anyComponent(id, decimals, ids.slice(0, index)))),
        override: isOverridden ? anyOverride('up', ids, decimals) : fc.constant(undefined),
        guarantee: maybe(fc.record({ amount, over: fc.constantFrom('period', 'quarter', 'half-year', 'year') }), 3),
        of: maybe(fc.subarray(ids, { minLength: 1 }), 3),
        draw: maybe(
          fc.record({
            amount,
            recoverable: fc.constantFrom('true', 'true', 'false'),
            from: fc.constantFrom(undefined, '2025-02-01'),
            until: fc.constantFrom(undefined, '2025-12-01', '2026-03-01'),
            recoverFrom: fc.constantFrom(undefined, '2025-05-01', '2026-02-01'),
          }),
          3,
        ),
        ends: maybe(
          fc.record({
            held: fc.constantFrom('pay-when-paid', 'forfeit'),
            deferred: fc.constantFrom('lapse', 'pay'),
            draw: fc.constantFrom('claim', 'forgive'),
          }),
          2,
        ),
      })
      .map(({ components, override, guarantee, of, draw, ends }) => ({
        plan: 'p',
        title: 'P',
        currency,
        calendar: { periods, timeZone: 'Europe/Paris' },
        rounding,
        ...omitUndefined({
          guarantee: guarantee === undefined ? undefined : omitUndefined({ ...guarantee, of }),
          draw: draw === undefined ? undefined : omitUndefined(draw),
          ends,
        }),
        components: [...components, ...(override === undefined ? [] : [override])],
      }));
  });

/** Undefined where the terms contradict each other. */
function compiled(document: Json): AnyPlan | undefined {
  if (schemaProblems(document).length > 0) throw new Error(JSON.stringify(schemaProblems(document)));
  const stored = JSON.parse(JSON.stringify(document)) as PlanDocument;
  if (planProblems(stored).some(({ severity }) => severity === 'error')) return undefined;
  return { document: stored, plan: compilePlan(stored, 'plan-1') };
}

/** Any valid plan; invalid ones are drawn again. */
export const anyPlan: fc.Arbitrary<AnyPlan> = anyDocument
  .map(compiled)
  .filter((any): any is AnyPlan => any !== undefined);

/** Any plan in which one payee's earnings do not depend on another's, except for overrides. */
export const anyPlanWithoutBudget: fc.Arbitrary<AnyPlan> = anyDocument
  .map(({ components, ...document }) =>
    compiled({ ...document, components: components.map(({ budget: _, ...rest }) => rest) }),
  )
  .filter((any): any is AnyPlan => any !== undefined);

/**
 * Plans in incremental mode: rates whose curve depends on the plan only, over long windows, so that late and changed
 * deals move other lines across tier boundaries.
 */
export const anyPlanOfCurves: fc.Arbitrary<AnyPlan> = anyDocument
  .map(({ components, plan, title, currency, calendar, rounding }) =>
    compiled({ plan, title, currency, calendar, rounding, components: components.map(ofCurve) }),
  )
  .filter((any): any is AnyPlan => any !== undefined);

function ofCurve(component: Json): Json {
  const { credit, hold, returns, rate, recurring } = component;
  const simpleReturns = isMap(returns) && returns['policy'] === 're-rate' ? { policy: 're-rate' } : { policy: 'line' };
  const common = { id: component['id'], returns: simpleReturns, ...(hold === undefined ? {} : { hold }) };
  if (isMap(credit) && 'override' in credit) return { ...common, credit };
  const booked = isMap(credit) && 'same' in credit ? credit : { trigger: 'booked' };
  if (recurring !== undefined) return { ...common, credit: booked, recurring };
  const declared = isMap(rate) ? rate : {};
  const tiers = declared['marginal'] ?? declared['retroactive'] ?? declared['lagged'];
  const curve =
    tiers === undefined || JSON.stringify(tiers).includes('%')
      ? tiers === undefined
        ? declared
        : { marginal: tiers }
      : { percent: '7 %' };
  const quota = 'accelerator' in curve ? { quota: '100' } : {};
  return { ...common, credit: booked, rate: curve, measure: { over: 'year', ...quota } };
}

/**
 * Plans in full mode: one component whose lines depend on other lines of their deal, of their window, or of other
 * windows.
 */
export const anyPlanOfScopes: fc.Arbitrary<AnyPlan> = anyDocument
  .chain(({ plan, title, currency, calendar, rounding }) => {
    const amount = (minor: number) => amountText(minor, CURRENCIES[currency] ?? 2);
    const tiers = [{ below: amount(9_000), pay: '5 %' }, { pay: '11 %' }];
    const [marginal, retroactive] = [{ marginal: tiers }, { retroactive: tiers }];
    const over = 'quarter';
    const anyTerms = fc.constantFrom<Json>(
      { rate: { percent: '10 %' }, budget: amount(3_000) },
      { rate: { percent: '10 %' }, limit: { perDeal: amount(500), excess: 'forfeited' } },
      { rate: retroactive, measure: { over } },
      { rate: retroactive, measure: { over }, budget: amount(3_000) },
      {
        rate: { accelerator: { base: '5 %', bands: [{ upTo: '100 %', times: '1' }, { times: '2' }] } },
        measure: { over, quota: 'fact' },
      },
      { rate: marginal, measure: { over }, returns: { policy: 'average' } },
      { rate: retroactive, measure: { over: 'deal' } },
      { rate: { lagged: tiers, as: 'live' }, measure: { over } },
      { rate: marginal, measure: { over, above: { same: 'last-year' } } },
      { rate: { percent: '10 %' }, measure: { over }, gate: { growth: '10 %', from: 'first' } },
      { rate: retroactive, measure: { over: { rollingMonths: '3' } } },
      { rate: retroactive, measure: { over }, limit: { perDeal: amount(500), excess: 'forfeited' } },
      { rate: { percent: '10 %' }, limit: { perPeriod: amount(900), excess: 'deferred' } },
      { rate: { percent: '10 %' }, limit: { perQuarter: amount(900), excess: 'forfeited' } },
      {
        rate: retroactive,
        measure: { over },
        returns: { policy: 'line', window: 'current' },
        hold: { until: 'paid' },
      },
    );
    // Invoices put lines of one deal into several windows.
    return fc.tuple(anyTerms, fc.constantFrom('booked', 'invoiced')).map(([terms, trigger]) => ({
      plan,
      title,
      currency,
      calendar,
      rounding,
      components: [{ id: 'c0', credit: { trigger }, ...terms }],
    }));
  })
  .map(compiled)
  .filter((any): any is AnyPlan => any !== undefined);

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}
