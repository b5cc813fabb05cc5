import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Quota } from '@tantieme/contracts/reference';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { normalQuota, quotasInForce } from './quota.js';
import { quotaStream } from '../stream/reference-keys.js';
import { referenceDecider } from '../stream/reference.js';
import { AT, Stream } from '../../testing/world.fixture.js';

const quota = (from: string, amount: string, more: Partial<Quota> = {}): Quota => ({
  payee: 'anna',
  plan: 'resellers',
  component: 'hardware',
  from,
  amount,
  revision: 1,
  ...more,
});

function refusal(act: () => unknown): DomainError | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  return undefined;
}

const spans = (...facts: readonly Quota[]) =>
  quotasInForce(facts).map(({ from, until = 'open', amount }) => `${from} ${until} ${amount}`);

describe('quotas in force', () => {
  it('apply until the next one of their revision begins', () => {
    expect(spans(quota('2026-01-01', '9000'), quota('2026-02-01', '12000'))).toEqual([
      '2026-01-01 2026-02-01 9000',
      '2026-02-01 open 12000',
    ]);
  });

  it('are those of the highest revision on its days', () => {
    const corrected = quota('2026-01-01', '10000', { until: '2026-03-01', revision: 2 });
    expect(spans(quota('2026-01-01', '9000'), quota('2026-02-01', '12000'), corrected)).toEqual([
      '2026-01-01 2026-03-01 10000',
      '2026-03-01 open 12000',
    ]);
  });

  it('may end and begin again', () => {
    const [first, second] = [quota('2026-01-01', '1', { until: '2026-02-01' }), quota('2026-03-01', '1')];
    expect(spans(second, first)).toEqual(['2026-01-01 2026-02-01 1', '2026-03-01 open 1']);
  });

  it('are one span where neighbours have the same amount', () => {
    expect(spans(quota('2026-01-01', '9000'), quota('2026-02-01', '9000'))).toEqual(['2026-01-01 open 9000']);
  });

  it('are listed component by component', () => {
    expect(quotasInForce([quota('2026-01-01', '2'), quota('2026-01-01', '1', { component: 'cloud' })])).toEqual([
      { component: 'cloud', from: '2026-01-01', amount: '1' },
      { component: 'hardware', from: '2026-01-01', amount: '2' },
    ]);
  });

  const DAYS = Array.from({ length: 12 }, (_, index) => `2026-01-${String(index + 10)}`);
  const anyQuota = fc
    .record({
      from: fc.nat({ max: 10 }),
      length: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      amount: fc.constantFrom('1', '2', '3'),
      revision: fc.nat({ max: 2 }),
    })
    .map(({ from, length, amount, revision }) =>
      quota(DAYS[from] ?? '', amount, {
        revision,
        ...(length === undefined ? {} : { until: `2026-01-${String(from + length + 10)}` }),
      }),
    );

  it('are on every day those of the highest revision, then of the latest first day, in any order of arrival', () => {
    const sets = fc.uniqueArray(anyQuota, { selector: ({ from, revision }) => `${from} ${revision}`, maxLength: 8 });
    fc.assert(
      fc.property(
        sets.chain((set) => fc.tuple(fc.constant(set), fc.shuffledSubarray(set, { minLength: set.length }))),
        ([set, shuffled]) => {
          const inForce = quotasInForce(set);
          expect(quotasInForce(shuffled)).toEqual(inForce);
          const covering = (day: string) => (one: { from: string; until?: string }) =>
            one.from <= day && (one.until === undefined || day < one.until);
          const amounts = DAYS.map((day) => inForce.filter(covering(day)).map(({ amount }) => amount));
          const strongest = DAYS.map((day) =>
            set
              .filter(covering(day))
              .sort((left, right) => right.revision - left.revision || (left.from < right.from ? 1 : -1))
              .slice(0, 1)
              .map(({ amount }) => amount),
          );
          expect(amounts).toEqual(strongest);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('a quota', () => {
  it('is recorded with all quotas in force after it', () => {
    const stream = new Stream(referenceDecider);
    stream.handle({ quota: quota('2026-02-01', '12000'), at: AT });
    expect(stream.handle({ quota: quota('2026-01-01', '9000'), at: AT })).toMatchObject([
      {
        type: 'QuotaRecorded',
        data: {
          inForce: [
            { from: '2026-01-01', until: '2026-02-01', amount: '9000' },
            { from: '2026-02-01', amount: '12000' },
          ],
        },
      },
    ]);
  });

  it('adds nothing when repeated, and conflicts with other content of the same identity', () => {
    const stream = new Stream(referenceDecider);
    stream.handle({ quota: quota('2026-01-01', '9000'), at: AT });
    expect(stream.handle({ quota: quota('2026-01-01', '9000'), at: AT })).toEqual([]);
    const other = quota('2026-01-01', '9001', { until: '2026-02-01' });
    expect(refusal(() => stream.handle({ quota: other, at: AT }))).toMatchObject({
      code: 'FactConflict',
      kind: 'conflict',
      fields: [{ field: 'amount' }, { field: 'until', reason: 'is recorded as absent, not 2026-02-01' }],
    });
    expect(stream.handle({ quota: { ...other, revision: 2 }, at: AT })).toHaveLength(1);
  });

  it.each([
    ['from', { from: '2026-02-30' }],
    ['until', { until: 'later' }],
    ['until', { until: '2026-01-01' }],
    ['amount', { amount: '-1' }],
    ['amount', { amount: '1e3' }],
  ])('is refused for a bad %s', (field, over) => {
    expect(refusal(() => normalQuota(quota('2026-01-01', '1', over)))?.fields).toMatchObject([{ field }]);
  });

  it('belongs to the stream of its payee and plan', () => {
    expect(quotaStream('anna', 'resellers')).toBe('reference-quota:anna|resellers');
  });
});
