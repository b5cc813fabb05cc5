import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareText } from '@tantieme/contracts/compare-text';
import { addDays } from '@tantieme/time/day';
import { dealOf, partnerOf, PLAN, World } from './world.fixture.js';
import type { Fact } from './world.fixture.js';

/**
 * Random histories: a few partners of changing uplines, tiers and agreements, two plan versions, deals with revisions
 * and returns.
 */
const SELLERS = ['anna', 'bert', 'carl'];
const UPLINES = [null, 'dora', 'emil'];
const OTHER_PLAN = PLAN.replace('pay: 4 %', 'pay: 5 %').replace('levels: [2 %, 1 %]', 'levels: [3 %]');

const day = fc.integer({ min: 0, max: 100 }).map((offset) => `${addDays('2026-01-01', offset)}T12:00:00Z`);
const money = fc.integer({ min: 1, max: 250_000 }).map((minor) => (minor / 100).toFixed(2));

const partnerFacts = fc
  .tuple(
    fc.constantFrom(...SELLERS, 'dora', 'emil'),
    fc.array(
      fc.record({
        upline: fc.constantFrom(...UPLINES),
        tier: fc.constantFrom('silver', 'gold'),
        plans: fc.constantFrom(['resellers'], [], ['resellers', 'nowhere']),
        from: fc.constantFrom('2026-01-01', '2026-02-15'),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([id, shapes]): Fact[] =>
    shapes.map((shape, revision) => ({
      kind: 'partner',
      revision,
      partner: partnerOf(id, { ...shape, upline: shape.upline === id ? null : shape.upline }),
    })),
  );

const dealFacts = (id: number) =>
  fc
    .array(
      fc.record({
        seller: fc.constantFrom(...SELLERS),
        second: fc.constantFrom(null, ...SELLERS),
        at: day,
        hardware: money,
        service: fc.constantFrom(null, '10.05', '333.33'),
        returns: fc.array(fc.record({ at: day, net: fc.constantFrom(null, '0.01', '5.55') }), { maxLength: 2 }),
        isCancelled: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((revisions): Fact[] =>
      revisions.map(({ seller, second, at, hardware, service, returns, isCancelled }, revision) => ({
        kind: 'deal',
        revision,
        deal: dealOf(`D-${id}`, {
          bookedAt: at,
          lines: [
            { id: '1', category: 'hardware', net: hardware },
            ...(service === null ? [] : [{ id: '2', category: 'service', net: service }]),
          ],
          partners:
            second === null || second === seller
              ? [{ role: 'seller', partner: seller }]
              : [
                  { role: 'seller', partner: seller, share: '0.7' },
                  { role: 'seller', partner: second, share: '0.3' },
                ],
          returns: returns
            .map((one, index) => ({
              id: `R${index}`,
              at: one.at,
              ...(one.net === null ? {} : { lines: [{ line: '1', net: one.net }] }),
            }))
            .sort((left, right) => compareText(left.at, right.at)),
          ...(isCancelled ? { cancelledAt: '2026-03-30T12:00:00Z' } : {}),
        }),
      })),
    );

const history = fc
  .tuple(
    fc.uniqueArray(partnerFacts, {
      selector: ([first]) => (first?.kind === 'partner' ? first.partner.id : ''),
      maxLength: 5,
      minLength: 2,
    }),
    fc.tuple(...[1, 2, 3, 4, 5, 6].map(dealFacts)),
    fc.boolean(),
  )
  .map(([partners, deals, hasSecondVersion]): Fact[] => [
    { kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' },
    ...(hasSecondVersion ? [{ kind: 'plan' as const, text: OTHER_PLAN, effectiveFrom: '2026-02-01' }] : []),
    ...partners.flat(),
    ...deals.flat(),
  ]);

/**
 * Facts in random order, some of them twice. Versions of a plan keep their order, which is that of their publication.
 */
const shuffled = history.chain((facts) =>
  fc
    .tuple(
      fc.constant(facts),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: facts.length, maxLength: facts.length }),
      fc.array(fc.nat({ max: facts.length - 1 }), { maxLength: 5 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
    )
    .map(([inOrder, keys, repeated, draws]) => {
      const order = inOrder
        .map((fact, index) => ({ fact, key: keys[index] ?? 0 }))
        .concat(
          repeated.map((index) => ({ fact: inOrder[index] ?? inOrder[0]!, key: keys[(index * 7) % keys.length] ?? 0 })),
        )
        .sort((left, right) => left.key - right.key)
        .map(({ fact }) => fact);
      const plans = inOrder.filter(({ kind }) => kind === 'plan');
      const first = new Map<Fact, Fact>();
      let next = 0;
      for (const fact of order) if (fact.kind === 'plan' && !first.has(fact)) first.set(fact, plans[next++] ?? fact);
      return { inOrder, order: order.map((fact) => first.get(fact) ?? fact), draws };
    }),
);

function inOrder(facts: readonly Fact[]): World {
  const world = new World();
  for (const fact of facts) {
    world.apply(fact);
    world.earnAll();
  }
  return world;
}

describe('a history in any order of arrival, with repetitions', () => {
  it('ends in the same ledger lines, also where credits overtake each other or arrive twice', () => {
    fc.assert(
      fc.property(shuffled, ({ inOrder: facts, order, draws }) => {
        const expected = inOrder(facts);
        const world = new World();
        for (const fact of order) {
          world.apply(fact);
          // Some credits are delivered at once, some stay in transit, in any order, and some arrive twice.
          const draw = next(draws);
          if (draw < 0.3) deliver(world, draws);
          else if (draw < 0.4) world.reload();
          else if (draw < 0.6) world.shrinkStates(Math.floor(next(draws) * 8));
          else if (draw < 0.7) world.forgetBooks();
        }
        const all = world.creditsInTransit.slice();
        deliver(world, draws);
        for (const credit of all) world.earn(credit);
        world.reload();
        expect(world.ledger()).toEqual(expected.ledger());
        expect(world.emittedLedger()).toEqual(world.ledger());
      }),
      { numRuns: 150, seed: 4 },
    );
  });
});

function deliver(world: World, draws: Iterator<number>): void {
  const credits = world.creditsInTransit
    .splice(0)
    .map((credit) => ({ credit, key: next(draws) }))
    .sort((left, right) => left.key - right.key);
  for (const { credit } of credits) world.earn(credit);
}

describe('a payee with only some deals in memory', () => {
  const CLOSED_AFTER = new Map([
    [40, '2026-01'],
    [55, '2026-02'],
    [70, '2026-03'],
  ]);

  /** Deals more or less in order of date: some a few days late, some credited again, some after a closing. */
  const nearlyInOrder = fc.array(
    fc.record({
      lateDays: fc.constantFrom(0, 0, 0, 0, 0, 1, 3, 20),
      net: money,
      again: fc.constantFrom(null, null, null, null, 1, 2, 15),
      memory: fc.constantFrom('as it is', 'as it is', 'none', 0, 2, 5, 9),
      isReturned: fc.constantFrom(false, false, false, true),
    }),
    { minLength: 30, maxLength: 80 },
  );

  it('is decided event by event as with all deals in memory', () => {
    const decisions = { withSomeBooks: 0, loadedBooks: 0, loadedWhole: 0 };
    fc.assert(
      fc.property(nearlyInOrder, (deals) => {
        const whole = new World();
        whole.apply({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
        whole.apply({ kind: 'partner', partner: partnerOf('dora'), revision: 0 });
        whole.apply({ kind: 'partner', partner: partnerOf('anna', { upline: 'dora' }), revision: 0 });
        deals.forEach(({ lateDays, net, again, isReturned }, index) => {
          const at = `${addDays('2026-01-25', index - lateDays)}T12:00:00.000Z`;
          const returns = isReturned ? [{ id: 'R', at, lines: [{ line: '1', net: '0.01' }] }] : [];
          whole.apply({ kind: 'deal', deal: dealOf(`D-${index}`, { bookedAt: at, net, returns }), revision: 0 });
          const earlier = again === null ? undefined : whole.credits.get(`crm|D-${index - again}`);
          if (earlier?.state.deal?.terms !== undefined) {
            const terms = { ...earlier.state.deal.terms, lines: [{ id: '1', category: 'hardware', net }] };
            const revision = earlier.events.length;
            whole.apply({ kind: 'deal', deal: { ...earlier.state.deal, terms }, revision });
          }
          whole.earnAll();
          const closed = CLOSED_AFTER.get(index);
          if (closed !== undefined) whole.close(closed);
        });
        const again = new World();
        again.apply({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
        for (const [name, { events }] of whole.earnings) {
          let kept = 0;
          for (const event of events) {
            again.replay(name, event);
            const memory = deals[kept++ % deals.length]?.memory;
            if (memory === 'none') again.forgetBooks();
            else if (typeof memory === 'number') again.shrinkStates(memory);
          }
        }
        again.reload();
        expect(again.ledger()).toEqual(whole.ledger());
        for (const [name, { events }] of whole.earnings) expect(again.earnings.get(name)?.events).toEqual(events);
        decisions.withSomeBooks += again.decidedWithSomeBooks;
        decisions.loadedBooks += again.loadedBooks;
        decisions.loadedWhole += again.loadedWhole;
      }),
      { numRuns: 60, seed: 6 },
    );
    expect(decisions.withSomeBooks).toBeGreaterThan(1000);
    expect(decisions.loadedBooks).toBeGreaterThan(500);
    expect(decisions.loadedWhole).toBe(0);
  });
});

describe('closings in the middle of a history', () => {
  const PERIODS = ['2026-01', '2026-02', '2026-03', '2026-04'];

  it('never move a closed line, and all periods together add up to the same as without closings', () => {
    fc.assert(
      fc.property(
        shuffled,
        fc.array(fc.nat({ max: 30 }), { minLength: 4, maxLength: 4 }),
        ({ inOrder: facts, order }, moments) => {
          const world = new World();
          const closings = moments.slice().sort((left, right) => left - right);
          const closed = new Map<string, readonly string[]>();
          order.forEach((fact, index) => {
            for (; closings[0] !== undefined && closings[0] <= index; closings.shift()) {
              const period = PERIODS[closed.size];
              if (period === undefined) continue;
              // Half of the earlier credits arrive between the start of the closing and its end.
              const late = world.creditsInTransit.splice(world.creditsInTransit.length / 2);
              world.earnAll();
              world.beginClosing(period);
              for (const credit of late) world.earn(credit);
              world.endClosing(period);
              world.reload();
              closed.set(period, linesIn(world, period));
            }
            world.apply(fact);
          });
          world.earnAll();
          for (const [period, lines] of closed) expect(linesIn(world, period)).toEqual(lines);
          expect(world.emittedLedger()).toEqual(world.ledger());
          // By origin, component, deal and line, the postings of all periods are the same as without closings.
          expect(sums(world.ledger())).toEqual(sums(inOrder(facts).ledger()));
          for (const stream of world.earnings.values()) stream.reload();
          for (const [period, lines] of closed) expect(linesIn(world, period)).toEqual(lines);
          // No line is left in a period before the first closed one.
          expect(world.ledger().filter((line) => (line.split(' ')[1] ?? '') < '2026-01')).toEqual([]);
        },
      ),
      { numRuns: 150, seed: 5 },
    );
  });

  function linesIn(world: World, period: string): readonly string[] {
    return world.ledger().filter((line) => line.split(' ')[1] === period);
  }

  function sums(ledger: readonly string[]): Record<string, string> {
    const totals = new Map<string, [bigint, bigint]>();
    for (const text of ledger) {
      const [account, , origin, component, deal, line, , basis = '', , amount = ''] = text.split(' ');
      const name = [account, origin, component, deal, line].join(' ');
      const [basisMinor, amountMinor] = totals.get(name) ?? [0n, 0n];
      totals.set(name, [basisMinor + BigInt(basis.replace('.', '')), amountMinor + BigInt(amount.replace('.', ''))]);
    }
    return Object.fromEntries(
      [...totals]
        .filter(([, minor]) => minor.some((one) => one !== 0n))
        .map(([name, minor]) => [name, minor.join(' ')] as const)
        .sort(([left], [right]) => compareText(left, right)),
    );
  }
});

/** The next value of a stream without an end. */
function next(draws: Iterator<number>): number {
  return Number(draws.next().value);
}
