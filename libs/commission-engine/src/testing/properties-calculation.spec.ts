/** The engine agrees with a naive reference on random plans over all terms, and the random cases reach all of them. */
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { amountsOf, anyHistoryOf, calculatedLines, referenceAmounts, textOf } from './calculation.fixture.js';
import type { CalculatedLine } from '../earn/calculate.js';
import { compilePlan } from '../plan/compile.js';
import type { ComponentDocument, PlanDocument } from '../plan/document.js';
import { anyPlan } from './random-plan.fixture.js';

const RUNS = 1000;

/** Term → number of lines that earned something by it. */
const reached = new Map<string, number>();

function reach(term: string): void {
  reached.set(term, (reached.get(term) ?? 0) + 1);
}

/** The terms that a component uses. */
function termsOf({
  credit,
  measure,
  gate,
  rate,
  recurring,
  limit,
  budget,
  returns,
  hold,
}: ComponentDocument): readonly string[] {
  const over = measure?.over;
  const terms = [
    'override' in credit ? `override of ${credit.of}` : 'same' in credit ? 'same' : `on ${credit.trigger}`,
    'basis' in credit ? `basis ${credit.basis}` : '',
    over === undefined ? '' : `over ${typeof over === 'object' ? 'rolling' : over}`,
    measure?.of === 'team' ? 'team' : '',
    measure?.above === undefined ? '' : `above ${Object.keys(measure.above).join()}`,
    measure?.quota === undefined ? '' : `quota ${measure.quota === 'fact' ? 'fact' : 'fixed'}`,
    measure?.prorate === undefined ? '' : 'prorate',
    gate === undefined
      ? ''
      : `gate ${Object.keys(gate)
          .filter((key) => key !== 'from')
          .join()} ${gate.from}`,
    rate === undefined ? '' : `rate ${Object.keys(rate)[0] ?? ''}`,
    rate !== undefined && 'lagged' in rate ? `lagged ${rate.as ?? 'frozen'}` : '',
    recurring === undefined ? '' : 'recurring',
    limit === undefined ? '' : `limit ${Object.keys(limit)[0] ?? ''} ${limit.excess} ${limit.headroom ?? ''}`,
    budget === undefined ? '' : 'budget',
    hold === undefined ? '' : `hold ${typeof hold === 'string' ? hold : Object.keys(hold)[0]}`,
    returns === undefined ? '' : `returns ${returns.policy} ${returns.window ?? 'original'}`,
    returns?.bands === undefined ? '' : `bands of ${returns.policy}`,
  ];
  return terms.filter((term) => term !== '');
}

function noteReached(document: PlanDocument, lines: readonly CalculatedLine[]): void {
  for (const { component, line, amountMinor, trace } of lines) {
    if (amountMinor === 0n) continue;
    if (typeof line === 'string') {
      reach(`line ${line}`);
      continue;
    }
    const declared = document.components.find(({ id }) => id === component);
    for (const term of declared === undefined ? [] : termsOf(declared)) reach(term);
    if (line.reverses !== undefined) reach(`returned by ${declared?.returns?.policy ?? 'line'}`);
    if (line.reserves === true) reach('line reserve');
    if (line.releases !== undefined) reach('line release');
    if (line.split !== undefined) reach('line of a split flat amount');
    if (line.basis.startsWith('-') && line.reverses === undefined) reach('line of a negative basis');
    const { limit } = trace();
    if (limit !== undefined) reach(`limited by ${limit.per}`);
  }
}

/** All terms of the plan language, named as by `termsOf` and `noteReached`. */
const TERMS = [
  ...['booked', 'invoiced', 'paid', 'sold-through'].map((trigger) => `on ${trigger}`),
  ...['net', 'gross', 'margin', 'quantity', 'collected'].map((basis) => `basis ${basis}`),
  ...['period', 'quarter', 'half-year', 'year', 'deal', 'rolling'].map((over) => `over ${over}`),
  ...['basis', 'earning', 'spread'].map((of) => `override of ${of}`),
  ...['percent', 'flat', 'marginal', 'retroactive', 'lagged', 'interpolated', 'stepped', 'accelerator', 'matrix'].map(
    (rate) => `rate ${rate}`,
  ),
  ...['lagged frozen', 'lagged live', 'recurring', 'same', 'team', 'prorate', 'budget', 'quota fact', 'quota fixed'],
  ...['above fixed', 'above same', 'gate target first', 'gate target above', 'gate attainment first'],
  ...['gate attainment above', 'gate growth first', 'gate growth above'],
  ...[
    'limit perDeal forfeited spent',
    'limit perPeriod forfeited ',
    'limit perQuarter deferred ',
    'limit perYear deferred ',
  ],
  ...['limited by deal', 'limited by period', 'limited by quarter', 'limited by year', 'limited by budget'],
  ...['hold until', 'hold for', 'hold schedule', 'hold as-child', 'line reserve', 'line release'],
  ...['returns line original', 'returns line current', 'returns average original', 'returns re-rate original'],
  ...['returns re-rate current', 'returns none original', 'bands of line', 'bands of average', 'bands of re-rate'],
  ...['returned by line', 'returned by average', 'returned by re-rate'],
  ...['line deferred', 'line guarantee', 'line draw-advance', 'line draw-recovery'],
  ...['line of a split flat amount', 'line of a negative basis'],
];

describe('the calculation of a whole history', () => {
  it('agrees with the naive reference on every line', () => {
    fc.assert(
      fc.property(anyHistoryOf(anyPlan, 5), ({ document, plan, deals, payeeTerms }) => {
        const lines = calculatedLines(plan, deals, payeeTerms);
        const [actual, expected] = [
          textOf(amountsOf(lines)),
          textOf(referenceAmounts(document, plan, deals, payeeTerms)),
        ];
        if (actual.join('\n') !== expected.join('\n')) expect(actual).toEqual(expected);
        noteReached(document, lines);
      }),
      { numRuns: RUNS },
    );
  });

  it('does not depend on the order of the deals', () => {
    const anyCase = anyHistoryOf(anyPlan, 5).chain((history) =>
      fc
        .shuffledSubarray([...history.deals], { minLength: history.deals.length })
        .map((deals) => ({ ...history, other: deals })),
    );
    fc.assert(
      fc.property(anyCase, ({ plan, deals, other, payeeTerms }) => {
        const [one, two] = [deals, other].map((some) =>
          textOf(amountsOf(calculatedLines(plan, some, payeeTerms))).join('\n'),
        );
        expect(two).toBe(one);
      }),
      { numRuns: 300 },
    );
  });

  it('gives the same compiled plan from the text and from the stored document', () => {
    fc.assert(
      fc.property(anyPlan, ({ plan, document }) => {
        expect(compilePlan(structuredClone(document), plan.version)).toEqual(plan);
      }),
      { numRuns: 100 },
    );
  });

  afterAll(() => {
    expect(TERMS.filter((term) => (reached.get(term) ?? 0) < 10)).toEqual([]);
  });
});
