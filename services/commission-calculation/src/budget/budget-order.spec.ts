/** A budget in any order of arrival, compared with its definition and with the calculation from scratch. */
import { describe, expect, it } from '@jest/globals';
import { grantBudget, retainedGrantOf, openClaimOf, openFromMinor } from '@tantieme/commission-engine/earn/budget';
import type { BudgetClaim, Claim, ClosedClaim } from '@tantieme/commission-engine/earn/budget';
import { calculate } from '@tantieme/commission-engine/earn/calculate';
import { lineKey } from '@tantieme/commission-engine/credit/credit-line';
import { compilePlan } from '@tantieme/commission-engine/plan/compile';
import { compareLines } from '@tantieme/commission-engine/measure/canonical-order';
import { compareText } from '@tantieme/contracts/compare-text';
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import fc from 'fast-check';
import { claimOf, TestBudget, SPIFF } from './budget.fixture.js';
import { partnerAsOf } from '../reference/facts/partner.js';
import { payeePlanOf } from '../earning/earning.js';
import { dealOf, documentOf, partnerOf, World } from '../testing/world.fixture.js';
import type { Fact, InternalMessage } from '../testing/world.fixture.js';

const BUDGET_MINOR = 100_000n;
const PAYEES = ['anna', 'bert', 'carl'];
const anyClaims = fc.record({
  payee: fc.constantFrom(...PAYEES),
  deal: fc.constantFrom('D1', 'D2', 'D3', 'D4', 'D5'),
  lines: fc.uniqueArray(
    fc.record({
      occurrence: fc.constantFrom('booked', 'return:R', 'invoice:1'),
      at: fc.constantFrom('01-05', '01-05', '01-20', '02-03', '02-10', '03-01'),
      minor: fc.integer({ min: -30_000, max: 50_000 }),
    }),
    { selector: ({ occurrence }) => occurrence, maxLength: 3 },
  ),
});

type AnyClaims = typeof anyClaims extends fc.Arbitrary<infer Some> ? Some : never;

const claimsOf = ({ lines }: AnyClaims): readonly BudgetClaim[] =>
  lines.map(({ occurrence, at, minor }) => claimOf(at, formatMinor(BigInt(minor), 2), 'spiff', occurrence));

/**
 * Stretches of claims with closings between them. In the second run, the claims of a stretch come in another order,
 * some twice.
 */
const anyStory = fc.tuple(
  fc.array(fc.array(anyClaims, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 3 }),
  fc.infiniteStream(fc.nat(1000)),
);

interface NamedClaim extends Claim {
  /** Payee, deal and line. */
  readonly name: string;
  readonly payee: string;
  readonly deal: string;
  readonly line: BudgetClaim['line'];
}

/**
 * The definition of a budget's grants: all lines in canonical order, those of closed periods as their closing left
 * them.
 */
class Defined {
  private readonly newest = new Map<string, AnyClaims>();
  /** With their lines as of the closing: they keep their place, also without a claim. */
  private readonly closed = new Map<string, NamedClaim & { closed: ClosedClaim }>();
  private endedMinor = 0n;

  get hasClosed(): boolean {
    return this.closed.size > 0;
  }

  claim(one: AnyClaims): void {
    this.newest.set(`${one.payee} ${one.deal}`, one);
  }

  claims(): readonly NamedClaim[] {
    const lines = [...this.newest].flatMap(([of, { payee, deal, ...one }]) =>
      claimsOf({ payee, deal, ...one }).map(({ line, amount }): NamedClaim => {
        const name = `${of}: ${lineKey(line)}`;
        const closed = this.closed.get(name)?.closed;
        const amountMinor = parseMinor(amount, 2);
        return { name, payee, deal: `crm|${deal}`, line, amountMinor, ...(closed === undefined ? {} : { closed }) };
      }),
    );
    const gone = [...this.closed.values()].filter(({ name }) => !lines.some((line) => line.name === name));
    return [...lines, ...gone.map((claim) => ({ ...claim, amountMinor: 0n }))].sort(
      (left, right) => compareLines(left, right) || compareText(left.payee, right.payee),
    );
  }

  grants(): readonly bigint[] {
    return grantBudget(BUDGET_MINOR, this.claims(), this.endedMinor);
  }

  /** In the form of `TestBudget.granted`. */
  granted(): readonly string[] {
    const grants = this.grants();
    const named = this.claims()
      .map(({ name }, index) => ({ name, minor: grants[index] ?? 0n }))
      .filter(({ minor }) => minor !== 0n)
      .sort((left, right) => compareText(left.name, right.name));
    return Array.from(
      Map.groupBy(named, ({ name }) => name.slice(0, name.indexOf(':'))),
      ([deal, lines]) => `${deal}: ${lines.map(({ minor }) => formatMinor(minor, 2)).join(' ')}`,
    ).sort();
  }

  close(openFrom: string): void {
    const claims = this.claims();
    const grants = this.grants();
    const sum = (minorOf: (claim: Claim) => bigint) => claims.reduce((all, claim) => all + minorOf(claim), 0n);
    const lostOf = ({ amountMinor, closed }: Claim) =>
      closed !== undefined && amountMinor < closed.claimedMinor ? closed.claimedMinor - amountMinor : 0n;
    this.endedMinor = openFromMinor(BUDGET_MINOR, this.endedMinor, sum(retainedGrantOf), sum(lostOf));
    claims.forEach((claim, index) => {
      const { name, line, amountMinor } = claim;
      if (line.period >= openFrom) {
        this.endedMinor += lostOf(claim);
        return;
      }
      this.endedMinor += openClaimOf(claim);
      const closed = { claimedMinor: amountMinor, grantedMinor: grants[index] ?? 0n };
      this.closed.set(name, { ...claim, closed });
    });
  }
}

describe('claims in any order of arrival, with repetitions, between closings', () => {
  it('end in the grants of the definition, and never exceed the budget', () => {
    const cases = { cut: 0, closed: 0, negative: 0, spent: 0 };
    fc.assert(
      fc.property(anyStory, ([stretches, draws]) => {
        const [inOrder, shuffled, defined] = [new TestBudget(), new TestBudget(), new Defined()];
        let revision = 0;
        stretches.forEach((stretch, index) => {
          const numbered = stretch.map((one) => ({ ...one, revision: revision++ }));
          for (const one of numbered) {
            inOrder.receive(one.payee, one.deal, one.revision, claimsOf(one));
            defined.claim(one);
          }
          const again = numbered.filter(() => next(draws) % 3 === 0);
          const order = [...numbered, ...again].map((one) => ({ one, key: next(draws) }));
          for (const { one } of order.sort((left, right) => left.key - right.key))
            shuffled.receive(one.payee, one.deal, one.revision, claimsOf(one));
          expect(shuffled.granted()).toEqual(inOrder.granted());
          expect(inOrder.granted()).toEqual(defined.granted());

          const [claims, grants] = [defined.claims(), defined.grants()];
          const sumMinor = grants.reduce((sum, minor) => sum + minor, 0n);
          const claimedMinor = claims.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
          if (!defined.hasClosed) expect(sumMinor).toBe(claimedMinor < BUDGET_MINOR ? claimedMinor : BUDGET_MINOR);
          if (claims.some(({ amountMinor }, at) => amountMinor !== grants[at])) cases.cut++;
          if (grants.some((minor) => minor < 0n)) cases.negative++;
          if (sumMinor === BUDGET_MINOR) cases.spent++;
          if (defined.hasClosed) cases.closed++;

          const openFrom = ['2026-02', '2026-03', '2026-04'][index] ?? '';
          for (const one of [inOrder, shuffled, defined]) one.close(openFrom);
          // A closing changes no grants.
          expect(defined.granted()).toEqual(inOrder.granted());
          if (index % 2 === 1) shuffled.stream.reload();
        });
      }),
      { numRuns: 400 },
    );
    for (const [name, count] of Object.entries(cases)) expect([name, count > 20]).toEqual([name, true]);
  });
});

// ── Against the calculation from scratch ────────────────────────────────────────────────────────────────────────────

const anyDeal = (id: number) =>
  fc
    .record({
      first: fc.constantFrom(...PAYEES),
      second: fc.constantFrom(null, ...PAYEES),
      at: fc.constantFrom('01-05', '01-05', '01-20', '02-03', '02-10', '03-01'),
      net: fc.integer({ min: 1, max: 150_000 }),
      back: fc.constantFrom(null, null, '01-25', '02-20'),
      paid: fc.integer({ min: 0, max: 150_000 }),
    })
    .map(({ first, second, at, net, back, paid }) =>
      dealOf(`D${id}`, {
        bookedAt: `2026-${at}T10:00:00Z`,
        net: formatMinor(BigInt(net), 2),
        partners:
          second === null || second === first
            ? [{ role: 'seller', partner: first }]
            : [
                { role: 'seller', partner: first, share: '0.7' },
                { role: 'seller', partner: second, share: '0.3' },
              ],
        returns: back === null ? [] : [{ id: 'R', at: `2026-${back}T10:00:00Z` }],
        payments: [{ id: 'P', at: '2026-02-25T10:00:00Z', amount: formatMinor(BigInt(paid), 2) }],
      }),
    );

const anyHistory = fc
  .tuple(...[1, 2, 3, 4, 5].map((id) => fc.array(anyDeal(id), { minLength: 1, maxLength: 3 })))
  .chain((deals) =>
    fc.tuple(fc.constant(deals), fc.array(fc.nat(), { minLength: 30, maxLength: 30 }), fc.infiniteStream(fc.nat(1000))),
  );

describe('a history of deals in any order, where claims and grants overtake each other', () => {
  it('ends in the result of the calculation from scratch', () => {
    let cut = 0;
    fc.assert(
      fc.property(anyHistory, ([lives, order, draws]) => {
        const world = new World();
        const facts: Fact[] = [
          { kind: 'plan', text: SPIFF, effectiveFrom: '2026-01-01' },
          ...PAYEES.map((id): Fact => ({ kind: 'partner', partner: partnerOf(id), revision: 0 })),
        ];
        for (const fact of facts) world.apply(fact);
        const revisions = lives.flatMap((life) =>
          life.map((deal, revision): Fact => ({ kind: 'deal', deal, revision })),
        );
        const shuffled = revisions.map((fact, index) => ({ fact, key: order[index] ?? 0 }));
        for (const { fact } of shuffled.sort((left, right) => left.key - right.key)) {
          world.apply(fact);
          if (next(draws) % 2 === 0) for (const credit of world.creditsInTransit.splice(0)) world.earn(credit);
          deliver(world, draws, next(draws) % 4);
        }
        for (const credit of world.creditsInTransit.splice(0)) world.earn(credit);
        const all: InternalMessage[] = [];
        while (world.messagesInTransit.length > 0) {
          all.push(...world.messagesInTransit);
          deliver(world, draws, world.messagesInTransit.length);
        }
        // Deliver all outdated messages once more.
        for (const message of all) world.deliver(message);
        expect(world.messagesInTransit).toEqual([]);
        world.reload();

        const plan = world.plans.get('resellers')?.state.published.at(-1)?.plan ?? compilePlan(documentOf(SPIFF), '');
        const { lines } = calculate({
          deals: lives.map((life) => life.at(-1) ?? dealOf('none')),
          versions: [{ effectiveFrom: '2026-01-01', plan }],
          lookup: { partner: (id, day) => partnerAsOf(partnerOf(id), day) },
        });
        const expected = new Map<string, bigint>();
        for (const { payee, deal, line, amountMinor, trace } of lines) {
          if (typeof line === 'string') continue;
          expected.set(`${payee} ${deal} ${lineKey(line)}`, amountMinor);
          if (trace().limit?.per === 'budget') cut++;
        }
        const held = new Map<string, bigint>();
        for (const [name, { state }] of world.earnings)
          for (const [deal, ofDeal] of state.engine.deals)
            for (const { key, amountMinor } of ofDeal)
              held.set(`${payeePlanOf(name).payee} ${deal} ${key}`, amountMinor);
        expect(new Map([...held].sort())).toEqual(new Map([...expected].sort()));
        expect(world.emittedLedger()).toEqual(world.ledger());
      }),
      { numRuns: 150 },
    );
    expect(cut).toBeGreaterThan(100);
  });
});

/** Delivers some of the messages in transit, in random order. */
function deliver(world: World, draws: Iterator<number>, count: number): void {
  for (let left = count; left > 0 && world.messagesInTransit.length > 0; left--) {
    const [message] = world.messagesInTransit.splice(next(draws) % world.messagesInTransit.length, 1);
    if (message !== undefined) world.deliver(message);
  }
}

/** The next value of a stream without an end. */
function next(draws: Iterator<number>): number {
  return Number(draws.next().value);
}
