/** Random deals, their revisions, partners and payee terms, for property tests. */
import fc from 'fast-check';
import type { PayeeTerms } from '../earn/payee-terms.js';
import type { Deal, DealLine, DealPartner } from '../deal/deal.js';
import type { CreditLookup } from '../credit/lookup.js';
import { amountText } from './random-plan.fixture.js';
import type { CompiledPlan } from '../plan/compiled.js';
import { partnersOf } from './world.fixture.js';

/** Few instants, so that ties, crowded windows and windows of last year are frequent. */
export const anyInstant = fc
  .tuple(
    fc.constantFrom('2025-01', '2025-03', '2026-01', '2026-02', '2026-02', '2026-03', '2026-04', '2026-07'),
    fc.integer({ min: 1, max: 3 }),
  )
  .map(([month, day]) => `${month}-0${day}T12:00:00Z`);

const anySellers: fc.Arbitrary<readonly DealPartner[]> = fc
  .uniqueArray(fc.constantFrom('P1', 'P2', 'P3'), { minLength: 1, maxLength: 3 })
  .chain((partners) =>
    fc
      .array(fc.integer({ min: 1, max: 5 }), { minLength: partners.length, maxLength: partners.length })
      .map((weights) => {
        const sum = weights.reduce((all, weight) => all + weight, 0);
        return partners.map((partner, index) => ({
          role: 'seller' as const,
          partner,
          share: `${weights[index]}/${sum}`,
        }));
      }),
  );

const anyNet = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
  { weight: 2, arbitrary: fc.constantFrom(10_000, 5000) },
  { weight: 1, arbitrary: fc.integer({ min: -9000, max: -1 }) },
);

const anyLine = (index: number, decimals: number): fc.Arbitrary<DealLine> =>
  fc
    .record({
      net: anyNet,
      tax: fc.integer({ min: 0, max: 900 }),
      cost: fc.integer({ min: 0, max: 9000 }),
      quantity: fc.constantFrom('1', '2', '0', '-1', '30'),
      category: fc.constantFrom('a', 'a', 'b'),
      product: fc.constantFrom(undefined, 'x', 'y'),
      months: fc.integer({ min: 1, max: 4 }),
      start: fc.constantFrom('2026-01-01', '2025-12-15', '2026-02-20'),
    })
    .map(({ net, tax, cost, quantity, category, product, months, start }) => ({
      id: String(index + 1),
      net: amountText(net, decimals),
      gross: amountText(net < 0 ? net - tax : net + tax, decimals),
      cost: amountText(cost, decimals),
      quantity,
      category,
      ...(product === undefined ? {} : { product }),
      subscription: { id: 's', start, months },
    }));

export type AnyRevision = Omit<Deal, 'source' | 'id'>;

export const anyRevision = (plan: Pick<CompiledPlan, 'decimals' | 'currency'>): fc.Arbitrary<AnyRevision> => {
  const { decimals, currency } = plan;
  return fc
    .record({
      count: fc.integer({ min: 1, max: 3 }),
      all: fc.tuple(anyLine(0, decimals), anyLine(1, decimals), anyLine(2, decimals)),
      partners: anySellers,
      bookedAt: anyInstant,
      invoices: fc.array(fc.tuple(anyInstant, fc.boolean()), { maxLength: 2 }),
      payments: fc.array(fc.tuple(anyInstant, fc.integer({ min: -3000, max: 15_000 })), { maxLength: 3 }),
      soldAt: fc.array(anyInstant, { maxLength: 1 }),
      returns: fc.array(
        fc.record({
          line: fc.integer({ min: 1, max: 3 }),
          net: fc.option(fc.integer({ min: 1, max: 9000 })),
          at: anyInstant,
          whole: fc.constantFrom(false, false, false, true),
        }),
        { maxLength: 3 },
      ),
      cancelledAt: fc.option(anyInstant, { freq: 8 }),
    })
    .map(({ count, all, partners, bookedAt, invoices, payments, soldAt, returns, cancelledAt }) => {
      const lines = all.slice(0, count);
      return {
        terms: { currency, lines, partners },
        bookedAt,
        invoices: invoices.map(([at, isWhole], index) => ({
          id: `I${index}`,
          at,
          ...(isWhole ? {} : { lines: lines.slice(index, index + 1) }),
        })),
        payments: payments.map(([at, minor], index) => ({ id: `Z${index}`, at, amount: amountText(minor, decimals) })),
        soldThrough: soldAt.map((at, index) => ({ id: `T${index}`, at })),
        returns: returns
          .filter(({ line }) => line <= lines.length)
          .map(({ line, net, at, whole }, index) => ({
            id: `R${index}`,
            at,
            ...(whole
              ? {}
              : { lines: [{ line: String(line), ...(net === null ? {} : { net: amountText(net, decimals) }) }] }),
          })),
        ...(cancelledAt === null ? {} : { cancelledAt }),
      };
    });
};

/** Successive revisions of a deal. Mostly one thing changes at a time. */
export const anyLife = (plan: Pick<CompiledPlan, 'decimals' | 'currency'>): fc.Arbitrary<readonly AnyRevision[]> =>
  fc
    .tuple(
      anyRevision(plan),
      fc.array(
        fc.tuple(
          fc.constantFrom('lines', 'partners', 'bookedAt', 'returns', 'returns', 'payments', 'all'),
          anyRevision(plan),
        ),
        { maxLength: 3 },
      ),
    )
    .map(([first, changes]) => {
      const life = [first];
      for (const [field, next] of changes) {
        const now = life.at(-1) ?? first;
        const [terms, then] = [now.terms ?? next.terms, next.terms];
        if (field === 'all' || terms === undefined || then === undefined) life.push(next);
        else if (field === 'lines') life.push({ ...now, terms: { ...terms, lines: then.lines } });
        else if (field === 'partners') life.push({ ...now, terms: { ...terms, partners: then.partners } });
        else if (field === 'bookedAt') life.push({ ...now, bookedAt: next.bookedAt ?? '' });
        else if (field === 'payments') life.push({ ...now, payments: next.payments, invoices: next.invoices });
        else life.push({ ...now, returns: next.returns });
      }
      return life;
    });

export function dealOf(revision: AnyRevision, index: number): Deal {
  return { source: index % 3 === 0 ? 'a b' : 'a', id: `D${index}`, ...revision };
}

export const PAYEES = ['P1', 'P2', 'P3', 'U1', 'U2', 'U3'] as const;

export const LOOKUP: CreditLookup = partnersOf({
  P1: { upline: 'U1' },
  P2: { upline: 'U1', tier: 'gold' },
  P3: { upline: 'P1' },
  U1: { upline: 'U2', tier: 'gold' },
  U2: { upline: 'U3', plans: [] },
  U3: {},
});

const anyDay = fc.constantFrom('2024-12-01', '2025-02-10', '2026-01-01', '2026-01-15', '2026-02-01', '2026-03-20');
const anySpan = fc
  .tuple(anyDay, fc.option(anyDay, { nil: undefined }))
  .filter(([from, until]) => until === undefined || from < until)
  .map(([from, until]) => (until === undefined ? { from } : { from, until }));

const MONTHS = Array.from(
  { length: 16 },
  (_, index) => `${2025 + Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, '0')}`,
);
const QUARTERS = ['2025-Q1', '2025-Q2', '2025-Q3', '2025-Q4', '2026-Q1', '2026-Q2'];

export const anyPayeeTerms = ({ decimals, calendar, version, components }: CompiledPlan): fc.Arbitrary<PayeeTerms> => {
  const periods = calendar.periods === 'monthly' ? MONTHS : QUARTERS;
  const ids = components.map(({ id }) => id);
  return fc.record({
    agreements: fc.array(anySpan, { maxLength: 2 }),
    quotas: fc.array(
      fc
        .tuple(fc.constantFrom(...ids), anySpan, fc.integer({ min: 1, max: 20_000 }))
        .map(([component, span, minor]) => ({ component, ...span, amount: amountText(minor, decimals) })),
      { maxLength: 3 },
    ),
    closedPeriods: fc
      .tuple(fc.integer({ min: 0, max: periods.length }), fc.constantFrom(0, 0, 1))
      .map(([count, from]) => periods.slice(from, count).map((period) => ({ period, planVersion: version }))),
    reachedTiers: fc.dictionary(
      fc
        .tuple(fc.constantFrom(...ids), fc.constantFrom('2026-01', '2026-02', '2025-Q4', '2026-Q1', '2025-H2', '2025'))
        .map(([id, window]) => `${id} ${window}`),
      fc.constantFrom(0, 1),
      { maxKeys: 3 },
    ),
  });
};

export type TermsByPayee = Readonly<Record<string, PayeeTerms>>;

export const anyTermsByPayee = (plan: CompiledPlan): fc.Arbitrary<TermsByPayee> =>
  fc
    .tuple(...PAYEES.map(() => anyPayeeTerms(plan)))
    .map((terms) => Object.fromEntries(terms.map((terms, index) => [PAYEES[index] ?? '', terms])));
