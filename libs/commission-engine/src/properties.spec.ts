/** What must hold for any plan, any deals, any order of arrival; and that a naive reference agrees on every one of them. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { parseMinor } from '@tantieme/money/amount';
import { formatRate } from '@tantieme/money/decimal';
import fc from 'fast-check';
import { creditDeal } from './credit.js';
import { lineKey } from './credit-line.js';
import type { CreditLookup } from './credit.js';
import type { Deal, DealLine, DealPartner, DealReturn } from './deal.js';
import { applyChange, createEarnState, explainLine, linesOfDeal, planCredit } from './earn.js';
import type { EarnedLine, EarnState } from './earn.js';
import { compilePlan, parsePlan } from './plan.js';
import type { CompiledComponent, CompiledPlan } from './plan.js';
import type { PlanDocument } from './plan-document.js';
import { curveOf } from './curve.js';
import { rateMeasured } from './rate.js';
import type { MeasuredLine, Trace } from './rate.js';
import { measuredBefore, referenceAmounts } from './reference.fixture.js';
import type { CreditedLine } from './reference.fixture.js';
import { dump, partnersOf, worldOf } from './world.fixture.js';
import type { World } from './world.fixture.js';

/** Random cases of one deal or one measurement, and of whole histories, which cost a hundred times as much. */
const RUNS = 1000;
const HISTORIES = 200;

/** How often the branches were reached that a random case could miss. */
const reached = {
  shift: 0,
  returnShift: 0,
  gone: 0,
  modified: 0,
  unchanged: 0,
  override: 0,
  split: 0,
  negative: 0,
  rounded: 0,
};

/** `expect(…).toEqual`, without its cost where the two are equal, as they nearly always are. */
function expectSame(actual: readonly string[], expected: readonly string[]): void {
  if (actual.join('\n') !== expected.join('\n')) expect(actual).toEqual(expected);
}

// ── Random plans ────────────────────────────────────────────────────────────────────────────────────────────────────

const anyPercent = fc.integer({ min: 0, max: 5000 }).map((hundredths) => `${hundredths / 100} %`);

function amountText(minor: number, decimals: number): string {
  const sign = minor < 0 ? '-' : '';
  const text = String(Math.abs(minor)).padStart(decimals + 1, '0');
  return decimals === 0 ? sign + text : `${sign}${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
}

const anyTiers = (decimals: number) =>
  fc
    .tuple(
      fc.uniqueArray(fc.integer({ min: 1, max: 40_000 }), { maxLength: 4 }),
      fc.array(anyPercent, { minLength: 5, maxLength: 5 }),
    )
    .map(([ends, rates]) => {
      const tiers = ends
        .sort((left, right) => left - right)
        .map((end, index) => ({
          [index % 2 === 0 ? 'below' : 'upTo']: amountText(end, decimals),
          pay: rates[index] ?? '0',
        }));
      return [...tiers, { pay: rates[4] ?? '0' }];
    });

const anyPlan = fc
  .record({
    currency: fc.constantFrom('EUR', 'KRW', 'KWD'),
    periods: fc.constantFrom('monthly', 'quarterly'),
    rounding: fc.constantFrom('half-up', 'half-even', 'down'),
    over: fc.constantFrom('period', 'quarter', 'year'),
  })
  .chain((head) => {
    const decimals = { EUR: 2, KRW: 0, KWD: 3 }[head.currency] ?? 2;
    return fc
      .record({
        tiers: anyTiers(decimals),
        percent: anyPercent,
        flat: fc.integer({ min: 0, max: 999 }).map((minor) => amountText(minor, decimals)),
        per: fc.constantFrom('deal', 'line', 'unit'),
        levels: fc.array(anyPercent, { minLength: 1, maxLength: 3 }),
      })
      .map(({ tiers, percent, flat, per, levels }) => ({
        plan: 'p',
        title: 'P',
        currency: head.currency,
        calendar: { periods: head.periods, timeZone: 'Europe/Paris' },
        rounding: head.rounding,
        components: [
          { id: 'tiers', credit: { trigger: 'booked' }, measure: { over: head.over }, rate: { marginal: tiers } },
          { id: 'share', credit: { trigger: 'booked', where: { 'line.category': 'a' } }, rate: { percent } },
          { id: 'flat', credit: { trigger: 'booked' }, rate: { flat, per } },
          { id: 'team', credit: { override: ['tiers', 'share'], of: 'basis', levels } },
        ],
      }));
  })
  .map((document) => {
    const parsed = parsePlan(JSON.stringify(document), 'plan-1');
    if (parsed.document === undefined || parsed.plan === undefined) throw new Error(JSON.stringify(parsed.findings));
    return { document: parsed.document, plan: parsed.plan };
  });

// ── Random deals ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Few moments, so that ties and full windows are frequent. */
const anyMoment = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }))
  .map(([month, day]) => `2026-0${month}-0${day}T12:00:00Z`);

const anyPartners: fc.Arbitrary<readonly DealPartner[]> = fc
  .uniqueArray(fc.constantFrom('P1', 'P2', 'P3'), { minLength: 1, maxLength: 3 })
  .chain((partners) =>
    fc
      .array(fc.integer({ min: 1, max: 5 }), { minLength: partners.length, maxLength: partners.length })
      .map((weights) => {
        const whole = weights.reduce((sum, weight) => sum + weight, 0);
        return partners.map((partner, index) => ({
          role: 'seller' as const,
          partner,
          share: formatRate({ numerator: BigInt(weights[index] ?? 0), denominator: BigInt(whole) }),
        }));
      }),
  )
  // The reference reads decimals only.
  .filter((partners) => partners.every(({ share }) => !share.includes('/')));

interface AnyRevision {
  readonly lines: readonly DealLine[];
  readonly partners: readonly DealPartner[];
  readonly bookedAt: string;
  readonly returns: readonly DealReturn[];
  readonly cancelledAt?: string;
}

const anyRevision = (decimals: number): fc.Arbitrary<AnyRevision> =>
  fc
    .record({
      nets: fc.array(
        fc.oneof(
          { weight: 8, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
          { weight: 1, arbitrary: fc.integer({ min: -9000, max: -1 }) },
        ),
        { minLength: 1, maxLength: 3 },
      ),
      quantity: fc.constantFrom('1', '2.5', '0', '-1', '3'),
      partners: anyPartners,
      bookedAt: anyMoment,
      returns: fc.array(
        fc.record({
          line: fc.integer({ min: 1, max: 3 }),
          net: fc.option(fc.integer({ min: 1, max: 9000 })),
          at: anyMoment,
          whole: fc.constantFrom(false, false, false, true),
        }),
        { maxLength: 2 },
      ),
      cancelledAt: fc.option(anyMoment, { freq: 8 }),
    })
    .map(({ nets, quantity, partners, bookedAt, returns, cancelledAt }) => {
      const lines = nets.map((net, index) => ({
        id: String(index + 1),
        net: amountText(net, decimals),
        quantity,
        category: index === 1 ? 'b' : 'a',
      }));
      return {
        lines,
        partners,
        bookedAt,
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

/** What a deal goes through: mostly, only one thing about it changes at a time. */
const anyLife = (decimals: number): fc.Arbitrary<readonly AnyRevision[]> =>
  fc
    .tuple(
      anyRevision(decimals),
      fc.array(
        fc.tuple(fc.constantFrom('lines', 'partners', 'bookedAt', 'returns', 'returns', 'all'), anyRevision(decimals)),
        { maxLength: 3 },
      ),
    )
    .map(([first, changes]) => {
      const life = [first];
      for (const [field, next] of changes) {
        const now = life.at(-1) ?? first;
        if (field === 'all') life.push(next);
        else if (field === 'lines') life.push({ ...now, lines: next.lines });
        else if (field === 'partners') life.push({ ...now, partners: next.partners });
        else if (field === 'bookedAt') life.push({ ...now, bookedAt: next.bookedAt });
        else life.push({ ...now, returns: next.returns });
      }
      return life;
    });

function dealOf(revision: AnyRevision, index: number, plan: CompiledPlan): Deal {
  const { lines, partners, ...facts } = revision;
  return {
    source: index % 3 === 0 ? 'a b' : 'a',
    id: `D${index}`,
    terms: { currency: plan.currency, lines, partners },
    invoices: [],
    payments: [],
    soldThrough: [],
    ...facts,
  };
}

const lookup: CreditLookup = partnersOf({
  P1: { upline: 'U1' },
  P2: { upline: 'U1' },
  P3: { upline: 'P1' },
  U1: { upline: 'U2' },
  U2: { plans: [] },
});

/** A plan, deals of one to four revisions each, and two orders of arrival: a deal's own revisions in order, repeated at will. */
const anyHistory = anyPlan.chain(({ document, plan }) =>
  fc.array(anyLife(plan.decimals), { minLength: 1, maxLength: 8 }).chain((deals) => {
    const steps = deals.flatMap((revisions, index) => revisions.map(() => index));
    const anyOrder = fc.tuple(
      fc.shuffledSubarray(steps, { minLength: steps.length }),
      fc.array(fc.boolean(), { minLength: steps.length, maxLength: steps.length }),
    );
    return fc.tuple(anyOrder, anyOrder).map(([one, other]) => ({ document, plan, deals, one, other }));
  }),
);

type Order = readonly [readonly number[], readonly boolean[]];

function arrivals(deals: readonly (readonly AnyRevision[])[], [steps, repeated]: Order, plan: CompiledPlan): Deal[] {
  const next = deals.map(() => 0);
  return steps.flatMap((index, step) => {
    const at = next[index] ?? 0;
    next[index] = at + 1;
    const revision = deals[index]?.[at];
    if (revision === undefined) return [];
    const deal = dealOf(revision, index, plan);
    return repeated[step] === true ? [deal, deal] : [deal];
  });
}

function finalDeals(deals: readonly (readonly AnyRevision[])[], plan: CompiledPlan): Deal[] {
  return deals.flatMap((revisions, index) => {
    const last = revisions.at(-1);
    return last === undefined ? [] : [dealOf(last, index, plan)];
  });
}

function states(world: World): Record<string, string[]> {
  return Object.fromEntries(
    [...world.states]
      .map(([payee, state]) => [payee, dump(state)] as const)
      .filter(([, lines]) => lines.length > 0)
      .sort(),
  );
}

/** Every credited line of the deals, by payee. */
function creditedBy(deals: readonly Deal[], plan: CompiledPlan): Map<string, CreditedLine[]> {
  const byPayee = new Map<string, CreditedLine[]>();
  for (const deal of deals)
    for (const { payee, lines } of creditDeal(deal, [{ effectiveFrom: '2000-01-01', plan }], lookup).credits)
      byPayee.set(payee, [
        ...(byPayee.get(payee) ?? []),
        ...lines.map((line) => ({ source: deal.source, deal: deal.id, line })),
      ]);
  return byPayee;
}

function referenceStates(document: PlanDocument, plan: CompiledPlan, deals: readonly Deal[]): Record<string, string[]> {
  return Object.fromEntries(
    [...creditedBy(deals, plan)]
      .map(([payee, lines]) => {
        const amounts = referenceAmounts(document, plan.decimals, lines);
        return [
          payee,
          lines
            .map(
              ({ source, deal, line }, index) =>
                `${source}|${deal} ${lineKey(line)} ${line.at} ${line.period} ${line.window} ${line.basis} ${amounts[index]}`,
            )
            .sort(),
        ] as const;
      })
      .sort(),
  );
}

// ── What must hold ──────────────────────────────────────────────────────────────────────────────────────────────────

describe('any order of arrival, with duplicates and revisions', () => {
  it('ends in what the naive reference says of the deals as they are in the end', () => {
    fc.assert(
      fc.property(anyHistory, ({ document, plan, deals, one, other }) => {
        const expected = referenceStates(document, plan, finalDeals(deals, plan));
        for (const order of [one, other]) {
          const world = worldOf(plan, lookup);
          for (const deal of arrivals(deals, order, plan)) world.take(deal);
          expect(states(world)).toEqual(expected);
        }
      }),
      { numRuns: HISTORIES },
    );
  });

  it('tells with every change exactly the lines that differ, touches nothing before it is applied, and comes back from stored text', () => {
    fc.assert(
      fc.property(anyHistory, ({ plan, deals, one }) => {
        const plans = { plan: () => plan };
        const versions = [{ effectiveFrom: '2000-01-01', plan }];
        const live = new Map<string, EarnState>();
        const stored = new Map<string, EarnState>();
        for (const deal of arrivals(deals, one, plan)) {
          const key = `${deal.source}|${deal.id}`;
          const credits = new Map(
            creditDeal(deal, versions, lookup).credits.map(({ payee, lines }) => [payee, lines] as const),
          );
          for (const payee of ['P1', 'P2', 'P3', 'U1', 'U2']) {
            const state = live.get(payee) ?? createEarnState();
            live.set(payee, state);
            const before = amountsOf(state);
            const textBefore = dump(state);
            const change = planCredit(state, { deal: key, lines: credits.get(payee) ?? [] }, plans);
            expectSame(dump(state), textBefore);
            if (!change.changed) {
              reached.unchanged++;
              continue;
            }
            applyChange(state, change, plans);
            const after = amountsOf(state);
            const differing = [...after].filter(([line, text]) => before.get(line) !== text).map(([line]) => line);
            expectSame(change.rated.map(({ deal: of, key: line }) => `${of} ${line}`).sort(), differing.sort());
            for (const { deal: of, lines } of change.deals)
              expectSame(lines.map(textOf), linesOfDeal(state, of).map(textOf));
            noteReached(change.rated, key, before, after);
            const again = stored.get(payee) ?? createEarnState();
            stored.set(payee, again);
            applyChange(
              again,
              JSON.parse(
                JSON.stringify({
                  deal: change.deal,
                  lines: change.lines,
                  rated: change.rated,
                  account: change.account,
                }),
              ),
              plans,
            );
            expectSame(dump(again), dump(state));
            expect(again.lineCount).toBe(after.size);
          }
        }
      }),
      { numRuns: HISTORIES },
    );
  });

  it('explains every line by what stands before it in the end', () => {
    fc.assert(
      fc.property(anyHistory, ({ plan, deals, one }) => {
        const world = worldOf(plan, lookup);
        for (const deal of arrivals(deals, one, plan)) world.take(deal);
        for (const [payee, lines] of creditedBy(finalDeals(deals, plan), plan)) {
          const state = world.states.get(payee);
          if (state === undefined) throw new Error(`no state of ${payee}`);
          for (const credited of lines) {
            const trace = explainLine(
              state,
              `${credited.source}|${credited.deal}`,
              lineKey(credited.line),
              world.plans,
            );
            if (trace?.rate !== 'marginal') continue;
            const [numerator, denominator] = measuredBefore(credited, lines);
            expect(parseMinor(trace.before, plan.decimals) * denominator).toBe(
              numerator * 10n ** BigInt(plan.decimals),
            );
            const portions = trace.portions.reduce((sum, { amount }) => sum + parseMinor(amount, plan.decimals), 0n);
            expect(portions).toBe(parseMinor(credited.line.basis, plan.decimals));
            if (trace.unrounded !== undefined) reached.rounded++;
          }
        }
      }),
      { numRuns: HISTORIES },
    );
  });

  afterAll(() => {
    for (const [branch, count] of Object.entries(reached)) expect([branch, count > 20]).toEqual([branch, true]);
  });
});

function textOf({ line, amountMinor }: EarnedLine): string {
  return `${JSON.stringify(line)} ${amountMinor}`;
}

/** Line → all that it says and earns. */
function amountsOf(state: EarnState): Map<string, string> {
  return new Map(
    [...state.deals].flatMap(([deal, lines]) =>
      lines.map(
        ({ line, amountMinor }) => [`${deal} ${lineKey(line)}`, `${JSON.stringify(line)} ${amountMinor}`] as const,
      ),
    ),
  );
}

function noteReached(
  rated: readonly { deal: string; trace: { rate: string } }[],
  deal: string,
  before: Map<string, string>,
  after: Map<string, string>,
): void {
  const elsewhere = rated.filter((line) => line.deal !== deal);
  if (elsewhere.length > 0) reached.shift++;
  if (elsewhere.some(({ trace }) => trace.rate === 'return')) reached.returnShift++;
  if ([...before.keys()].some((line) => !after.has(line))) reached.gone++;
  if ([...after].some(([line, text]) => before.has(line) && before.get(line) !== text)) reached.modified++;
  const texts = [...after.values()];
  if (texts.some((text) => text.includes('"level"'))) reached.override++;
  if (texts.some((text) => text.includes('"split"'))) reached.split++;
  if (texts.some((text) => /"basis":"-/.test(text) && !text.includes('"reverses"'))) reached.negative++;
}

describe('crediting', () => {
  it('conserves: the holders’ parts of a line sum to the line, and what comes back whole takes back the whole', () => {
    fc.assert(
      fc.property(
        anyPlan.chain(({ plan }) => anyRevision(plan.decimals).map((revision) => ({ plan, revision }))),
        ({ plan, revision }) => {
          const { cancelledAt: _cancelledAt, ...kept } = revision;
          const deal = dealOf(
            { ...kept, returns: [...kept.returns, { id: 'all', at: '2026-06-01T00:00:00Z' }] },
            1,
            plan,
          );
          const { credits } = creditDeal(deal, [{ effectiveFrom: '2000-01-01', plan }], lookup);
          const sums = new Map<string, bigint>();
          const add = (key: string, minor: bigint) => sums.set(key, (sums.get(key) ?? 0n) + minor);
          for (const { payee, lines } of credits)
            for (const line of lines) {
              const minor = parseMinor(line.basis, plan.decimals);
              add(
                `in all ${payee} ${line.component} ${line.line} ${line.child?.component} ${line.child?.payee}`,
                minor,
              );
              if (line.component === 'tiers' && line.reverses === undefined) add(`line ${line.line}`, minor);
            }
          for (const { id, net } of revision.lines) expect(sums.get(`line ${id}`)).toBe(parseMinor(net, plan.decimals));
          for (const [key, sum] of sums) if (key.startsWith('in all')) expect([key, sum]).toEqual([key, 0n]);
          const world = worldOf(plan, lookup);
          world.take(deal);
          for (const payee of world.states.keys()) expect(parseMinor(world.total(payee), plan.decimals)).toBe(0n);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

/** What lines of one measurement earn, one after the other, where it held `beforeMinor` before line `from`. */
function rateLines(
  plan: CompiledPlan,
  component: CompiledComponent,
  lines: readonly MeasuredLine[],
  from: number,
  beforeMinor: bigint,
): { readonly amountMinor: bigint; readonly trace: Trace }[] {
  const around = { totalMinor: 0n };
  const curve = curveOf(component, around);
  let sumMinor = beforeMinor;
  return lines.slice(from).map(({ basisMinor }) => {
    const { amountMinor, trace } = rateMeasured(plan, component, curve, around, basisMinor, sumMinor);
    sumMinor += basisMinor;
    return { amountMinor, trace: trace() };
  });
}

describe('a marginal rate', () => {
  const anyMeasurement = anyPlan.chain(({ plan, document }) =>
    fc
      .array(fc.bigInt({ min: -5000n, max: 20_000n }), { minLength: 1, maxLength: 30 })
      .chain((bases) => fc.integer({ min: 0, max: bases.length }).map((from) => ({ plan, document, bases, from }))),
  );

  const lineOf = (plan: CompiledPlan, basisMinor: bigint, index: number) => ({
    deal: `a|D${String(index).padStart(3, '0')}`,
    basisMinor,
    line: {
      component: 'tiers',
      planHash: plan.hash,
      occurrence: 'booked',
      line: '1',
      at: '2026-01-01T00:00:00.000Z',
      period: '2026-01',
      window: '2026-01',
      basis: amountText(Number(basisMinor), plan.decimals),
    },
  });

  it('may be taken up at any line: from there on it says what it says from scratch', () => {
    fc.assert(
      fc.property(anyMeasurement, ({ plan, bases, from }) => {
        const component = plan.componentById.get('tiers');
        if (component === undefined) throw new Error('no component');
        const lines = bases.map((basis, index) => lineOf(plan, basis, index));
        const whole = rateLines(plan, component, lines, 0, 0n);
        const before = bases.slice(0, from).reduce((sum, basis) => sum + basis, 0n);
        expect(rateLines(plan, component, lines, from, before)).toEqual(whole.slice(from));
      }),
      { numRuns: RUNS },
    );
  });

  it('pays a whole in parts what it pays at once, but for one rounding a line', () => {
    fc.assert(
      fc.property(anyMeasurement, ({ plan, bases }) => {
        const component = plan.componentById.get('tiers');
        if (component === undefined) throw new Error('no component');
        const sum = (minors: readonly bigint[]) => minors.reduce((total, minor) => total + minor, 0n);
        const parts = sum(
          rateLines(
            plan,
            component,
            bases.map((basis, index) => lineOf(plan, basis, index)),
            0,
            0n,
          ).map(({ amountMinor }) => amountMinor),
        );
        const [once] = rateLines(plan, component, [lineOf(plan, sum(bases), 0)], 0, 0n);
        const difference = parts - (once?.amountMinor ?? 0n);
        expect((difference < 0n ? -difference : difference) <= BigInt(bases.length + 1)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('is the same whether its plan was parsed or compiled from the stored document', () => {
    fc.assert(
      fc.property(anyPlan, ({ plan, document }) => {
        expect(compilePlan(JSON.parse(JSON.stringify(document)), plan.hash)).toEqual(plan);
      }),
      { numRuns: 100 },
    );
  });
});
