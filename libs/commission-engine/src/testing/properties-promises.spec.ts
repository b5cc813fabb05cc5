/**
 * Properties of the terms: shares sum to the whole, full returns leave nothing, rising tiers never lower pay, bounded
 * rounding.
 */
import { afterAll, describe, expect, it } from '@jest/globals';
import { parseMinor } from '@tantieme/money/amount';
import fc from 'fast-check';
import { anyHistoryOf, calculatedLines, creditedLines, nameOf } from './calculation.fixture.js';
import type { CalculatedLine } from '../earn/calculate.js';
import type { CreditLine } from '../credit/credit-line.js';
import type { Deal } from '../deal/deal.js';
import { fractionOf, isLess, minus, negated, schoolRound, times, whole } from './fractions.fixture.js';
import type { Fraction } from './fractions.fixture.js';
import { compilePlan } from '../plan/compile.js';
import type { CompiledPlan } from '../plan/compiled.js';
import type { ComponentDocument } from '../plan/document.js';
import { amountText, anyPlan, anyPlanWithoutBudget } from './random-plan.fixture.js';
import type { AnyPlan } from './random-plan.fixture.js';

const RUNS = 300;

const reached = {
  shared: 0,
  returnedWhole: 0,
  sharedFlat: 0,
  released: 0,
  returnedByLine: 0,
  returnedByEarning: 0,
  neverSold: 0,
  averaged: 0,
  monotone: 0,
  inParts: 0,
  scaled: 0,
  rounded: 0,
};

const NONE = {};
const sumOf = (lines: readonly { readonly amountMinor: bigint }[]): bigint =>
  lines.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);

const isCredited = (line: CalculatedLine): line is CalculatedLine & { readonly line: CreditLine } =>
  typeof line.line !== 'string';

/** The plan with its components changed; undefined where the result is invalid. */
function withComponents(
  { document }: AnyPlan,
  change: (component: ComponentDocument) => ComponentDocument,
): AnyPlan | undefined {
  const changed = { ...document, components: document.components.map(change) };
  try {
    return { document: changed, plan: compilePlan(changed, 'plan-1') };
  } catch {
    return undefined;
  }
}

function changed(
  anyOne: fc.Arbitrary<AnyPlan>,
  change: (component: ComponentDocument) => ComponentDocument,
): fc.Arbitrary<AnyPlan> {
  return anyOne.map((one) => withComponents(one, change)).filter((one): one is AnyPlan => one !== undefined);
}

/** The deal with one return of everything, after everything else. */
const returned = (deal: Deal): Deal => {
  const { cancelledAt: _cancelledAt, ...rest } = deal;
  return { ...rest, returns: [{ id: 'all', at: '2026-12-01T00:00:00Z' }] };
};

describe('shares', () => {
  it('sum to what a single holder is credited', () => {
    fc.assert(
      fc.property(anyHistoryOf(anyPlan, 2), ({ plan, deals }) => {
        const alone = deals.map((deal): Deal => {
          if (deal.terms === undefined) return deal;
          return { ...deal, terms: { ...deal.terms, partners: [{ role: 'seller', partner: 'P1' }] } };
        });
        const name = (source: string, deal: string, { component, occurrence, line, month }: CreditLine) =>
          `${source} ${deal} ${component} ${occurrence} ${line} ${month}`;
        const isWhole = ({ child, reverses, reserves, releases }: CreditLine) =>
          child === undefined && reverses === undefined && reserves !== true && releases === undefined;
        const sums = new Map<string, bigint>();
        for (const { source, deal, line } of creditedLines(plan, deals).filter((one) => isWhole(one.line))) {
          const key = name(source, deal, line);
          sums.set(key, (sums.get(key) ?? 0n) + parseMinor(line.basis, plan.decimals));
        }
        for (const { source, deal, line } of creditedLines(plan, alone).filter((one) => isWhole(one.line))) {
          const key = name(source, deal, line);
          expect([key, sums.get(key)]).toEqual([key, parseMinor(line.basis, plan.decimals)]);
          reached.shared++;
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('of a full return are what was credited, negated', () => {
    fc.assert(
      fc.property(anyHistoryOf(anyPlan, 2), ({ plan, deals }) => {
        const sums = new Map<string, bigint>();
        const bases = new Map<string, bigint>();
        const all = deals.map((deal) => ({ ...deal, returns: [...deal.returns, ...returned(deal).returns] }));
        for (const { payee, source, deal, line } of creditedLines(plan, all)) {
          const { component, occurrence, month, child, reverses } = line;
          if (plan.componentById.get(component)?.returns.policy === 'none') continue;
          const name = [payee, source, deal, component, reverses?.occurrence ?? occurrence, line.line, month];
          const key = [...name, child?.component, child?.payee].join(' ');
          const basis = parseMinor(line.basis, plan.decimals);
          sums.set(key, (sums.get(key) ?? 0n) + basis);
          if (reverses !== undefined) bases.set(key, basis);
        }
        for (const key of bases.keys()) {
          expect([key, sums.get(key)]).toEqual([key, 0n]);
          reached.returnedWhole++;
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('of a flat amount sum to it, each at most a unit off', () => {
    const anyFlat = changed(anyPlanWithoutBudget, (component) => {
      if ('override' in component.credit) return component;
      const { gate: _gate, measure: _measure, limit: _limit, recurring: _recurring, ...rest } = component;
      const per = rest.rate !== undefined && 'per' in rest.rate ? rest.rate.per : 'line';
      const credit = 'trigger' in rest.credit ? { ...rest.credit, trigger: 'booked' as const } : rest.credit;
      return { ...rest, credit, returns: { policy: 'none' }, rate: { flat: '10', per } };
    });
    fc.assert(
      fc.property(anyHistoryOf(anyFlat, 2), ({ plan, deals, payeeTerms }) => {
        const sums = new Map<string, { sum: bigint; line: CreditLine; whole: bigint }>();
        for (const one of calculatedLines(plan, deals, payeeTerms).filter(isCredited)) {
          const { deal, line, amountMinor } = one;
          if (line.split === undefined || line.reserves === true || line.releases !== undefined) continue;
          const key = `${deal} ${line.component} ${line.occurrence} ${line.line}`;
          const units = fractionOf(line.quantity ?? (line.basis.startsWith('-') ? '-1' : '1'));
          const amount = times(times(whole(10), units), whole(10n ** BigInt(plan.decimals)));
          const before = sums.get(key)?.sum ?? 0n;
          sums.set(key, { sum: before + amountMinor, line, whole: schoolRound(amount, plan.rounding) });
          const own = times(amount, fractionOf(line.split.shares[line.split.index] ?? '0'));
          // With `remainder: first`, a holder may get up to a whole unit more.
          expect(isLess(whole(1), magnitudeOf(minus(whole(amountMinor), own)))).toBe(false);
        }
        for (const [key, { sum, line, whole: all }] of sums) {
          // Where a holder's part of a negative basis rounds to zero, its sign is lost.
          if (line.quantity === undefined && hasMixedSigns(plan, deals, line)) continue;
          expect([key, sum]).toEqual([key, all]);
          reached.sharedFlat++;
        }
      }),
      { numRuns: RUNS },
    );
  });
});

function hasMixedSigns(
  plan: CompiledPlan,
  deals: readonly Deal[],
  { component, occurrence, line }: CreditLine,
): boolean {
  const bases = creditedLines(plan, deals)
    .filter((one) => one.line.component === component && one.line.occurrence === occurrence && one.line.line === line)
    .map((one) => one.line.basis);
  return bases.some((basis) => basis.startsWith('-')) && bases.some((basis) => !basis.startsWith('-'));
}

function magnitudeOf(fraction: Fraction): Fraction {
  return isLess(fraction, whole(0)) ? negated(fraction) : fraction;
}

describe('a held amount', () => {
  it('is fully released, to the minor unit, when everything is paid or the schedule is over', () => {
    const anyHeld = anyHistoryOf(anyPlan, 3).filter(({ plan }) => plan.ends.held !== 'forfeit');
    fc.assert(
      fc.property(anyHeld, ({ plan, deals, payeeTerms }) => {
        const held = new Map<string, { sum: bigint; isDone: boolean }>();
        for (const { payee, deal, line, amountMinor } of calculatedLines(plan, deals, payeeTerms).filter(isCredited)) {
          const { reserves, releases, component, line: of, month, child } = line;
          if (reserves !== true && releases === undefined) continue;
          const { occurrence } = releases ?? line.reverses ?? line;
          const key = `${payee} ${deal} ${component} ${of} ${occurrence} ${month} ${child?.component} ${child?.payee}`;
          const before = held.get(key) ?? { sum: 0n, isDone: false };
          const done =
            releases !== undefined &&
            isSame(minus(fractionOf(releases.of), fractionOf(releases.done)), fractionOf(releases.doneBefore));
          held.set(key, { sum: before.sum + amountMinor, isDone: before.isDone || done });
        }
        for (const [key, { sum, isDone }] of held) {
          // A payment that bounces after everything was paid takes back what was released.
          if (!isDone || deals.some(({ payments }) => payments.some(({ amount }) => amount.startsWith('-')))) continue;
          expect([key, sum]).toEqual([key, 0n]);
          reached.released++;
        }
      }),
      { numRuns: RUNS },
    );
  });
});

function isSame(left: Fraction, right: Fraction): boolean {
  return !isLess(left, right) && !isLess(right, left);
}

describe('a sale and its full return', () => {
  const without = (deals: readonly Deal[], payeeTerms: Parameters<typeof calculatedLines>[2], plan: CompiledPlan) =>
    sumByPayee(calculatedLines(plan, deals.slice(1), payeeTerms));

  it('sum to zero under the policy line; an override of earnings keeps at most half a unit per return', () => {
    const anyLineReturns = changed(anyPlanWithoutBudget, ({ limit: _limit, ...component }) => ({
      ...component,
      returns: { policy: 'line' },
    }));
    fc.assert(
      fc.property(anyHistoryOf(anyLineReturns, 3), ({ document, plan, deals, payeeTerms }) => {
        const [first, ...others] = deals;
        if (first === undefined) return;
        const lines = calculatedLines(
          plan,
          [{ ...first, returns: [...first.returns, ...returned(first).returns] }, ...others],
          payeeTerms,
        );
        const sums = new Map<string, { sum: bigint; returns: bigint }>();
        for (const { payee, deal, component, line, amountMinor } of lines.filter(isCredited)) {
          if (deal !== `${first.source}|${first.id}` || line.reserves === true || line.releases !== undefined) continue;
          const key = `${payee} ${component}`;
          const { sum, returns } = sums.get(key) ?? { sum: 0n, returns: 0n };
          sums.set(key, { sum: sum + amountMinor, returns: returns + (line.reverses === undefined ? 0n : 1n) });
        }
        for (const [key, { sum, returns }] of sums) {
          const credit = document.components.find(({ id }) => key.endsWith(` ${id}`))?.credit ?? NONE;
          const isOfEarning = 'of' in credit && credit.of === 'earning';
          const off = sum < 0n ? -sum : sum;
          expect([key, off <= (isOfEarning ? returns + 1n : 0n)]).toEqual([key, true]);
          if (returns > 0n) reached[isOfEarning ? 'returnedByEarning' : 'returnedByLine']++;
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('leave the measurement earning what it would without the deal under the policy re-rate', () => {
    const anyRerated = changed(anyPlanWithoutBudget, (component) => {
      const { hold: _hold, limit, ...rest } = component;
      const keepsLimit = limit !== undefined && limit.headroom !== 'spent';
      const returns = { policy: 're-rate' } as const;
      // Overrides are not measured, so returns take their share of the override's own line.
      return {
        ...rest,
        ...(keepsLimit ? { limit } : {}),
        returns: 'override' in component.credit ? { policy: 'line' } : returns,
      };
    }).filter(({ plan }) => plan.components.every(({ credit }) => credit.kind === 'direct' || credit.of !== 'earning'));
    fc.assert(
      fc.property(anyHistoryOf(anyRerated, 4), ({ plan, deals, payeeTerms }) => {
        const [first, ...others] = deals;
        if (first === undefined) return;
        const returnedDeal = returned(first);
        const open = Object.fromEntries(
          Object.entries(payeeTerms).map(([payee, terms]) => [payee, { ...terms, closedPeriods: [] }]),
        );
        const now = sumByPayee(calculatedLines(plan, [returnedDeal, ...others], open));
        const never = without([returnedDeal, ...others], open, plan);
        for (const [payee, sum] of now) {
          expect([payee, sum]).toEqual([payee, never.get(payee) ?? 0n]);
          reached.neverSold++;
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('leave nothing under the policy average when everything measured is returned', () => {
    const anyAveraged = changed(anyPlanWithoutBudget, ({ limit: _limit, hold: _hold, ...component }) => ({
      ...component,
      returns: { policy: 'override' in component.credit ? 'none' : 'average' },
    }));
    fc.assert(
      fc.property(anyHistoryOf(anyAveraged, 3), ({ plan, deals, payeeTerms }) => {
        const lines = calculatedLines(plan, deals.map(returned), payeeTerms).filter(isCredited);
        const sums = new Map<string, { sum: bigint; sold: bigint }>();
        for (const { payee, deal, component, line, amountMinor } of lines) {
          if (plan.componentById.get(component)?.credit.kind !== 'direct') continue;
          const key = `${payee} ${component} ${line.window === 'deal' ? deal : line.window}`;
          const { sum, sold } = sums.get(key) ?? { sum: 0n, sold: 0n };
          const basis = line.reverses === undefined ? parseMinor(line.basis, plan.decimals) : 0n;
          sums.set(key, { sum: sum + amountMinor, sold: sold + basis });
        }
        for (const [key, { sum, sold }] of sums) {
          // A measurement of zero has no returned share.
          if (sold === 0n) continue;
          expect([key, sum]).toEqual([key, 0n]);
          reached.averaged++;
        }
      }),
      { numRuns: RUNS },
    );
  });
});

function sumByPayee(lines: readonly CalculatedLine[]): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { payee, component, amountMinor } of lines) {
    const key = `${payee} ${component}`;
    sums.set(key, (sums.get(key) ?? 0n) + amountMinor);
  }
  return sums;
}

describe('a rate', () => {
  const planOf = (rate: ComponentDocument['rate'], more: Partial<ComponentDocument> = {}): CompiledPlan =>
    compilePlan(
      {
        plan: 'p',
        title: 'P',
        currency: 'EUR',
        calendar: { periods: 'monthly', timeZone: 'Europe/Paris' },
        components: [{ id: 's', credit: { trigger: 'booked' }, ...(rate === undefined ? {} : { rate }), ...more }],
      },
      'plan-1',
    );
  const sold = (nets: readonly number[]): Deal[] =>
    nets.map((net, index) => ({
      source: 'crm',
      id: `D${index}`,
      terms: {
        currency: 'EUR',
        lines: [{ id: '1', net: amountText(net, 2) }],
        partners: [{ role: 'seller', partner: 'P1' }],
      },
      bookedAt: '2026-01-10T10:00:00Z',
      invoices: [],
      payments: [],
      soldThrough: [],
      returns: [],
    }));
  const anyNets = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 6 });
  const anyRising = fc
    .tuple(
      fc.uniqueArray(fc.integer({ min: 1, max: 40_000 }), { maxLength: 3 }),
      fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 4, maxLength: 4 }),
    )
    .map(([ends, pays]) => {
      const rates = pays.sort((left, right) => left - right).map((hundredths) => `${hundredths / 100} %`);
      const tiers = ends
        .sort((left, right) => left - right)
        .map((end, at) => ({ below: amountText(end, 2), pay: rates[at] ?? '0' }));
      return [...tiers, { pay: rates[3] ?? '0' }];
    });

  it('with rising tiers never pays less for one more deal', () => {
    const anyKind = fc.constantFrom('marginal' as const, 'retroactive' as const);
    fc.assert(
      fc.property(anyRising, anyKind, anyNets, fc.integer({ min: 1, max: 20_000 }), (tiers, kind, nets, more) => {
        const plan = planOf(kind === 'marginal' ? { marginal: tiers } : { retroactive: tiers });
        const before = sumOf(calculatedLines(plan, sold(nets), NONE));
        const after = sumOf(calculatedLines(plan, sold([...nets, more]), NONE));
        // Rounding: half a unit per line, before and after.
        expect(after + BigInt(nets.length + 1) >= before).toBe(true);
        if (after > before) reached.monotone++;
      }),
      { numRuns: RUNS },
    );
  });

  it('with tiers pays the same for a deal in parts as at once, within half a unit per line', () => {
    fc.assert(
      fc.property(anyRising, anyNets, (tiers, nets) => {
        const plan = planOf({ marginal: tiers });
        const parts = sumOf(calculatedLines(plan, sold(nets), NONE));
        const once = sumOf(calculatedLines(plan, sold([nets.reduce((sum, net) => sum + net, 0)]), NONE));
        const off = parts > once ? parts - once : once - parts;
        expect(2n * off <= BigInt(nets.length + 1)).toBe(true);
        if (nets.length > 1) reached.inParts++;
      }),
      { numRuns: RUNS },
    );
  });

  it('of a plain percentage scales with what is sold, within half a unit per line', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5000 }),
        anyNets,
        fc.integer({ min: 2, max: 50 }),
        (hundredths, nets, by) => {
          const plan = planOf({ percent: `${hundredths / 100} %` });
          const one = sumOf(calculatedLines(plan, sold(nets), NONE)) * BigInt(by);
          const other = sumOf(calculatedLines(plan, sold(nets.map((net) => net * by)), NONE));
          const off = one > other ? one - other : other - one;
          expect(2n * off <= BigInt(nets.length) * BigInt(by + 1)).toBe(true);
          reached.scaled++;
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('of any kind is at most half a unit off, or less than one where it is rounded down', () => {
    fc.assert(
      fc.property(anyHistoryOf(anyPlan, 3), ({ plan, deals, payeeTerms }) => {
        for (const line of calculatedLines(plan, deals, payeeTerms)) {
          const trace = line.trace();
          if (trace.limit !== undefined || !('unrounded' in trace) || trace.unrounded === undefined) continue;
          if (isCredited(line) && line.line.split !== undefined) continue;
          const unit = whole(10n ** BigInt(plan.decimals));
          const off = magnitudeOf(minus(whole(line.amountMinor), times(fractionOf(trace.unrounded), unit)));
          const most: Fraction = plan.rounding === 'down' ? [1n, 1n] : [1n, 2n];
          const isWithin = plan.rounding === 'down' ? isLess(off, most) : !isLess(most, off);
          expect([nameOf(line), isWithin]).toEqual([nameOf(line), true]);
          reached.rounded++;
        }
      }),
      { numRuns: RUNS },
    );
  });
});

afterAll(() => {
  expect(Object.entries(reached).filter(([, count]) => count < 20)).toEqual([]);
});
