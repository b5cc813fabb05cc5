/** The state after all changes, applied one by one, equals the whole calculation of the final deals and terms. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { parseMinor } from '@tantieme/money/amount';
import fc from 'fast-check';
import { payeeTermsOf, amountsOf, calculatedLines, textOf } from './calculation.fixture.js';
import { lineKey } from '../credit/credit-line.js';
import { isPayeeLevel } from '../incremental/payee-level.js';
import { explainLine, linesOfDeal } from '../incremental/earned-lines.js';
import type { Change } from '../incremental/diff.js';
import type { EarnedLine, EarnState } from '../incremental/state.js';
import { earnWorldOf } from './earn-world.fixture.js';
import type { EarnWorld } from './earn-world.fixture.js';
import { fractionOf, isLess, minus, negated, plus, schoolRound, times, whole } from './fractions.fixture.js';
import type { Fraction } from './fractions.fixture.js';
import type { CompiledPlan } from '../plan/compiled.js';
import { anyTermsByPayee, anyLife, dealOf, LOOKUP, PAYEES } from './random-deals.fixture.js';
import type { TermsByPayee, AnyRevision } from './random-deals.fixture.js';
import { anyPlan, anyPlanOfCurves, anyPlanOfScopes } from './random-plan.fixture.js';
import type { AnyPlan } from './random-plan.fixture.js';
import type { Trace } from '../rate/trace.js';
const RUNS = 300;

/** How often random cases reached the branches that they could miss. */
const reached = {
  changed: 0,
  unchanged: 0,
  elsewhere: 0,
  elsewhereReturn: 0,
  gone: 0,
  modified: 0,
  passedOn: 0,
  termsMoved: 0,
  payeeLevelLine: 0,
  explained: 0,
  explainedLimit: 0,
  explainedReturn: 0,
  explainedPayeeLevel: 0,
  granted: 0,
  claimed: 0,
  missingQuotas: 0,
};

interface AnyStory extends AnyPlan {
  readonly lives: readonly (readonly AnyRevision[])[];
  readonly before: TermsByPayee;
  readonly payeeTerms: TermsByPayee;
  readonly order: readonly number[];
}

const anyStoryOf = (anyPlan: fc.Arbitrary<AnyPlan>, dealsMax: number): fc.Arbitrary<AnyStory> =>
  anyPlan.chain(({ document, plan }) =>
    fc.record({
      document: fc.constant(document),
      plan: fc.constant(plan),
      lives: fc.array(anyLife(plan), { minLength: 1, maxLength: dealsMax }),
      before: anyTermsByPayee(plan),
      payeeTerms: anyTermsByPayee(plan),
      order: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
    }),
  );

/** Stories over all terms, and longer ones over terms in incremental mode and in full mode. */
const anyStory = fc.oneof(anyStoryOf(anyPlan, 4), anyStoryOf(anyPlanOfCurves, 7), anyStoryOf(anyPlanOfScopes, 9));

/** Runs a story: revisions of each deal and terms of each payee in their order, mixed at random, some of them twice. */
function play(world: EarnWorld, { lives, before, payeeTerms, order }: AnyStory): void {
  const queues = [
    ...lives.map((life, index) => life.map((revision) => () => world.receive(dealOf(revision, index)))),
    ...PAYEES.map((payee) =>
      [before, payeeTerms].map((terms) => () => world.setPayeeTerms(payee, payeeTermsOf(terms)(payee))),
    ),
  ];
  const left = order.slice();
  for (;;) {
    const open = queues.filter((queue) => queue.length > 0);
    if (open.length === 0) return;
    const draw = left.shift() ?? 1;
    const queue = open[draw % open.length] ?? [];
    const isTwice = left.length > 0 && draw % 5 === 0;
    (isTwice ? queue[0] : queue.shift())?.();
  }
}

const finalDeals = ({ lives }: AnyStory) => lives.map((life, index) => dealOf(life.at(-1) ?? life[0]!, index));

function* linesOf({
  states,
}: EarnWorld): Generator<{ payee: string; state: EarnState; deal: string; one: EarnedLine }> {
  for (const [payee, state] of states)
    for (const [deal, lines] of state.deals) for (const one of lines) yield { payee, state, deal, one };
}

/** Line → amount, named like the calculation's lines by `nameOf`. */
function stateAmounts(world: EarnWorld): ReadonlyMap<string, bigint> {
  const amounts = new Map<string, bigint>();
  for (const { payee, deal, one } of linesOf(world)) {
    const { line, amountMinor } = one;
    const isPlans = line.component === 'guarantee' || line.component === 'draw';
    const name = isPayeeLevel(deal)
      ? `${payee} ${isPlans ? '' : line.component} ${line.occurrence} ${line.period}`
      : `${payee} ${deal} ${lineKey(line)}`;
    amounts.set(name, amountMinor);
  }
  return amounts;
}

/** Budget claims and missing quotas, by payee, component and deal. */
function claimsAndMissingQuotas({ states }: EarnWorld): readonly string[] {
  return [...states]
    .flatMap(([payee, { claims, missingQuotas }]) => [
      ...[...claims].flatMap(([name, ofDeal]) =>
        ofDeal.length === 0 ? [] : [`${payee} ${name} claims ${JSON.stringify(ofDeal)}`],
      ),
      ...[...missingQuotas].flatMap(([name, windows]) =>
        windows.length === 0 ? [] : [`${payee} ${name} lacks ${windows.join()}`],
      ),
    ])
    .sort();
}

describe('deals in any order, with duplicates and revisions, while payee terms change', () => {
  it('end in the same lines as the calculation from scratch', () => {
    fc.assert(
      fc.property(anyStory, (story) => {
        const { plan, payeeTerms } = story;
        const world = earnWorldOf(plan, LOOKUP, { plan: () => plan });
        play(world, story);
        const calculated = calculatedLines(plan, finalDeals(story), payeeTerms);
        const payees = new Set(calculated.map(({ payee }) => payee));
        // The calculation leaves out payees without a credit; a state may still hold a guarantee for them.
        const held = [...stateAmounts(world)].filter(([name]) => payees.has(name.slice(0, name.indexOf(' '))));
        const [actual, expected] = [textOf(new Map(held)), textOf(amountsOf(calculated))];
        if (actual.join('\n') !== expected.join('\n')) expect(actual).toEqual(expected);
        reached.payeeLevelLine += [...linesOf(world)].filter(({ deal }) => isPayeeLevel(deal)).length;
      }),
      { numRuns: RUNS },
    );
  });

  it('end in the same budget claims and missing quotas as the final deals alone', () => {
    fc.assert(
      fc.property(anyStoryOf(anyPlanOfScopes, 9), (story) => {
        const { plan, payeeTerms } = story;
        const world = earnWorldOf(plan, LOOKUP, { plan: () => plan });
        play(world, story);
        const fresh = earnWorldOf(plan, LOOKUP, { plan: () => plan });
        for (const payee of PAYEES) fresh.setPayeeTerms(payee, payeeTermsOf(payeeTerms)(payee));
        for (const deal of finalDeals(story)) fresh.receive(deal);
        const [actual, expected] = [claimsAndMissingQuotas(world), claimsAndMissingQuotas(fresh)];
        if (actual.join('\n') !== expected.join('\n')) expect(actual).toEqual(expected);
        reached.claimed += actual.filter((text) => text.includes('claims')).length;
        reached.missingQuotas += actual.filter((text) => text.includes('lacks')).length;
      }),
      { numRuns: RUNS },
    );
  });

  it('report every changed line in each change, and modify nothing before it is applied', () => {
    fc.assert(
      fc.property(anyStory, (story) => {
        const { plan } = story;
        const world = earnWorldOf(plan, LOOKUP, { plan: () => plan }, (state, change, apply) => {
          const before = textsOf(state);
          apply();
          expectReported(state, change, before);
        });
        play(world, story);
        for (const { lineCount, deals } of world.states.values())
          expect(lineCount).toBe([...deals.values()].flat().length);
      }),
      { numRuns: RUNS / 2 },
    );
  });

  it('leave states that explain each line by numbers that add up to its amount', () => {
    fc.assert(
      fc.property(anyStory, (story) => {
        const { plan } = story;
        const plans = { plan: () => plan };
        const world = earnWorldOf(plan, LOOKUP, plans);
        play(world, story);
        for (const { state, deal, one } of linesOf(world)) {
          const key = isPayeeLevel(deal) ? `${lineKey(one.line)}|${one.line.period}` : lineKey(one.line);
          const trace = explainLine(state, deal, key, plans);
          if (trace === undefined) throw new Error(`line ${key} of ${deal} has no trace`);
          const explained = explainedAmount(trace, one, plan);
          if (explained === undefined) continue;
          reached.explained++;
          if (trace.limit !== undefined) reached.explainedLimit++;
          if (trace.rate === 'return') reached.explainedReturn++;
          if (isPayeeLevel(deal)) reached.explainedPayeeLevel++;
          if (explained !== one.amountMinor) expect([key, trace, explained]).toEqual([key, trace, one.amountMinor]);
        }
      }),
      { numRuns: RUNS / 2 },
    );
  });

  afterAll(() => {
    expect(Object.entries(reached).filter(([, count]) => count === 0)).toEqual([]);
  });
});

/** Line → its fields and amount as text. */
function textsOf(state: EarnState): ReadonlyMap<string, string> {
  return new Map(
    [...state.deals].flatMap(([deal, lines]) =>
      lines.map(({ line, amountMinor }) => {
        const key = isPayeeLevel(deal) ? `${lineKey(line)}|${line.period}` : lineKey(line);
        return [`${deal} ${key}`, `${JSON.stringify(line)} ${amountMinor}`] as const;
      }),
    ),
  );
}

function expectReported(state: EarnState, change: Change, before: ReadonlyMap<string, string>): void {
  const after = textsOf(state);
  const reported = new Set(change.rated.map(({ deal, key }) => `${deal} ${key}`));
  const differing = [...after].filter(([name, text]) => before.get(name) !== text).map(([name]) => name);
  expect(differing.filter((name) => !reported.has(name))).toEqual([]);
  // Of other deals, only lines that really change are reported.
  const elsewhere = change.rated.filter(({ deal }) => deal !== change.deal && !isPayeeLevel(deal));
  expect(elsewhere.filter(({ deal, key }) => !differing.includes(`${deal} ${key}`))).toEqual([]);
  for (const { deal, lines } of change.deals)
    expect(lines.map(textOfLine)).toEqual(linesOfDeal(state, deal).map(textOfLine));
  if (differing.length === 0) reached.unchanged++;
  else reached.changed++;
  if (elsewhere.length > 0) reached.elsewhere++;
  if (elsewhere.some(({ trace }) => trace().rate === 'return')) reached.elsewhereReturn++;
  if ([...before.keys()].some((name) => !after.has(name))) reached.gone++;
  if (differing.some((name) => before.has(name))) reached.modified++;
  if (change.children !== undefined) reached.passedOn++;
  if (change.deal === '' && elsewhere.length > 0) reached.termsMoved++;
}

function textOfLine({ line, amountMinor }: EarnedLine): string {
  return `${JSON.stringify(line)} ${amountMinor}`;
}

/** The amount that a trace's numbers add up to; undefined where it depends on other lines. */
function explainedAmount(trace: Trace, { line }: EarnedLine, plan: CompiledPlan): bigint | undefined {
  const { rounding, decimals } = plan;
  const money = (text: string) => parseMinor(text, decimals);
  const unit = whole(10n ** BigInt(decimals));
  const rounded = (amount: Fraction) => schoolRound(times(amount, unit), rounding);
  if (trace.limit !== undefined) {
    const { per, cap, before, earned } = trace.limit;
    if (per === 'budget') {
      reached.granted++;
      return undefined;
    }
    const step = (minor: bigint) => (minor < money(cap) ? minor : money(cap));
    return step(money(before) + money(earned)) - step(money(before));
  }
  switch (trace.rate) {
    case 'percent':
    case 'matrix':
    case 'spread':
    case 'recurring':
    case 'level':
      return rounded(times(fractionOf(trace.basis), fractionOf(trace.percent)));
    case 'marginal':
    case 'retroactive':
    case 'lagged':
    case 'accelerator':
    case 'percent-measured':
      return rounded(trace.portions.map(({ earned }) => fractionOf(earned)).reduce(plus, whole(0)));
    case 'barred':
      return 0n;
    case 'reserve':
      return rounded(negated(times(fractionOf(trace.earned), fractionOf(trace.held))));
    case 'release': {
      const releasedUpTo = (done: Fraction) =>
        rounded(times(fractionOf(trace.held), times(done, fractionOf(`1/${trace.of}`))));
      const before = fractionOf(trace.doneBefore);
      return releasedUpTo(plus(before, fractionOf(trace.done))) - releasedUpTo(before);
    }
    case 'return': {
      if (trace.policy !== undefined || line.reverses === undefined) return undefined;
      const returnedUpTo = (part: Fraction) =>
        rounded(times(fractionOf(trace.earned), times(part, fractionOf(`1/${trace.of}`))));
      const before = fractionOf(trace.returnedBefore);
      const all = returnedUpTo(before) - returnedUpTo(plus(before, fractionOf(trace.returned)));
      return trace.band === undefined ? all : schoolRound(times(whole(all), fractionOf(trace.band)), rounding);
    }
    case 'deferred': {
      const [excess, earned, cap] = [money(trace.excess), money(trace.earned), money(trace.cap)];
      const step = (minor: bigint) => (minor < cap ? minor : cap);
      return plan.ends.deferred === 'pay' ? undefined : step(earned + excess) - step(earned);
    }
    case 'guarantee': {
      const missing = minus(fractionOf(trace.guaranteed), fractionOf(trace.earned));
      return isLess(missing, whole(0)) ? 0n : rounded(missing);
    }
    case 'draw':
      return line.occurrence === 'draw-advance'
        ? rounded(minus(fractionOf(trace.draw), fractionOf(trace.earned)))
        : undefined;
    case 'flat':
    case 'stepped':
      return undefined;
    default:
      return trace satisfies never;
  }
}
