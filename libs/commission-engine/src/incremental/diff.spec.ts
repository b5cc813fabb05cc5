import { describe, expect, it } from '@jest/globals';
import { applyChange } from './apply-change.js';
import type { CreditLine } from '../credit/credit-line.js';
import { diffCredit } from './diff.js';
import { createEarnState, sizeOfEarnState } from './state.js';
import { explainLine } from './earned-lines.js';
import { BOOKED, dealOf, dump, planWith, worldOf } from '../testing/world.fixture.js';

/** Pays nothing up to 100 and everything above, so that a line that crosses by a cent shows. */
const CLIFF = planWith([`{ id: sales, ${BOOKED}, rate: { marginal: [{ upTo: 100, pay: 0 % }, { pay: 100 % }] } }`]);
const day = (of: number) => `2026-01-${String(of).padStart(2, '0')}T10:00:00Z`;

describe('a late deal', () => {
  it('re-rates a line that ended at a tier boundary and now crosses it by a cent', () => {
    const world = worldOf(CLIFF);
    world.receive(dealOf('B', { net: '100.00', bookedAt: day(5) }));
    expect(world.earned('P1', 'B')).toEqual({ booked: '0.00' });
    world.receive(dealOf('A', { net: '0.01', bookedAt: day(4) }));
    expect(world.earned('P1', 'B')).toEqual({ booked: '0.01' });
  });

  it('does not re-rate a line that now ends exactly at a tier boundary', () => {
    const world = worldOf(CLIFF);
    world.receive(dealOf('B', { net: '99.99', bookedAt: day(5) }));
    const [change] = world.receive(dealOf('A', { net: '0.01', bookedAt: day(4) }));
    expect(change?.rated.map(({ deal }) => deal)).toEqual(['crm|A']);
  });

  it('has no portion in a tier that ends where the line begins', () => {
    const world = worldOf(CLIFF);
    world.receive(dealOf('A', { net: '100.00', bookedAt: day(4) }));
    const [change] = world.receive(dealOf('B', { net: '1.00', bookedAt: day(5) }));
    expect(change?.rated[0]?.trace()).toMatchObject({ portions: [{ tier: 1, amount: '1.00', earned: '1' }] });
  });
});

describe('a deal that moves', () => {
  it('re-rates lines after both its old and its new place, even where its own lines cancel out at the new place', () => {
    const world = worldOf(CLIFF);
    world.receive(dealOf('B', { net: '10.00', bookedAt: day(2) }));
    world.receive(dealOf('D', { net: '100.00', bookedAt: day(4) }));
    world.receive(dealOf('E', { net: '10.00', bookedAt: day(5) }));
    expect(world.earned('P1', 'E')).toEqual({ booked: '10.00' });
    const lines = [
      { id: '1', net: '50.00' },
      { id: '2', net: '-50.00' },
    ];
    world.receive(dealOf('D', { lines, bookedAt: day(1) }));
    expect(world.earned('P1', 'E')).toEqual({ booked: '0.00' });
  });

  it('to another window leaves nothing in the old window', () => {
    const world = worldOf(CLIFF);
    world.receive(dealOf('D', { net: '200.00', bookedAt: day(4) }));
    world.receive(dealOf('D', { net: '200.00', bookedAt: '2026-02-04T10:00:00Z' }));
    expect([...(world.states.get('P1')?.measurements.keys() ?? [])]).toEqual(['sales 2026-02']);
    world.receive(dealOf('D', { net: '200.00', partners: [] }));
    const state = world.states.get('P1');
    expect([state?.measurements.size, state?.deals.size, state?.lineCount]).toEqual([0, 0, 0]);
  });
});

describe('a credit', () => {
  it('without lines changes nothing for a deal that never credited anything', () => {
    const plans = { plan: () => CLIFF };
    expect(diffCredit(createEarnState(), { deal: 'crm|D', lines: [] }, plans)).toEqual({
      changed: false,
      deal: 'crm|D',
      lines: [],
      payeeLevel: [],
      rated: [],
      deals: [],
    });
  });

  it('is refused with two lines of one key, a return without its sale, or an unknown component', () => {
    const world = worldOf(CLIFF);
    const [change] = world.receive(dealOf('D', { returns: [{ id: 'R', at: day(20) }] }));
    const [sale, returned] = change?.lines ?? [];
    if (sale === undefined || returned === undefined) throw new Error('a sale and a return');
    const bad = [[sale, sale], [returned], [{ ...sale, component: 'other' }]];
    for (const lines of bad)
      expect(() => diffCredit(createEarnState(), { deal: 'crm|D', lines }, world.plans)).toThrow(
        expect.objectContaining({ code: 'CreditInvalid' }),
      );
  });

  it('cannot be applied to another state than the one it was calculated for', () => {
    const world = worldOf(CLIFF);
    const [change] = world.receive(dealOf('D'));
    if (change === undefined) throw new Error('a change');
    const state = createEarnState();
    expect(() => applyChange(state, { ...change, rated: [] }, world.plans)).toThrow(
      expect.objectContaining({ code: 'CreditInvalid' }),
    );
    const elsewhere = change.rated.map((rated) => ({ ...rated, deal: 'crm|X' }));
    expect(() => applyChange(state, { ...change, rated: elsewhere }, world.plans)).toThrow(
      expect.objectContaining({ code: 'CreditInvalid' }),
    );
    expect(dump(state)).toEqual([]);
  });
});

describe('a deal with lines in two quarters, beside another deal in one of them', () => {
  const TERMS =
    'credit: { trigger: invoiced }, measure: { over: quarter, quota: fact }, rate: { accelerator: { base: 5 %, bands: [{ times: 1 }] } }';
  const invoices = [
    { id: 'I1', at: day(10), lines: [{ id: '1', net: '100.00' }] },
    { id: 'I2', at: '2026-04-10T10:00:00Z', lines: [{ id: '2', net: '50.00' }] },
  ];
  const first = dealOf('A', {
    lines: [
      { id: '1', net: '100.00' },
      { id: '2', net: '50.00' },
    ],
    invoices,
  });
  const second = dealOf('B', { invoices: [{ id: 'I', at: day(20) }] });
  const missingQuotas = (world: ReturnType<typeof worldOf>) =>
    [...(world.states.get('P1')?.missingQuotas ?? [])].map(([name, windows]) => [name.split('\n')[1], windows]);

  it('is pending for both quotas after the other deal arrives', () => {
    const world = worldOf(planWith([`{ id: sales, ${TERMS} }`]));
    world.receive(first);
    world.receive(second);
    expect(missingQuotas(world)).toEqual([
      ['crm|A', ['2026-Q1', '2026-Q2']],
      ['crm|B', ['2026-Q1']],
    ]);
  });
});

describe('a deal under a plan version with a limit per deal, beside a version that rates whole quarters', () => {
  const VERSIONS = new Map([
    ['v1', planWith([`{ id: sales, ${BOOKED}, rate: { percent: 50 % }, limit: { perDeal: 60, excess: forfeited } }`])],
    ['v2', planWith([`{ id: sales, ${BOOKED}, measure: { over: quarter }, rate: { retroactive: [{ pay: 10 % }] } }`])],
  ]);
  const plans = { plan: (hash: string) => VERSIONS.get(hash) ?? CLIFF };
  const lineOf = (planVersion: string, occurrence: string, month: string, window: string): CreditLine => ({
    component: 'sales',
    planVersion,
    occurrence,
    line: '1',
    at: `2026-${month}-10T10:00:00.000Z`,
    period: `2026-${month}`,
    window,
    basis: '100.00',
  });

  it('stays within its limit when another deal arrives in one of its quarters', () => {
    const state = createEarnState();
    const receive = (deal: string, ...lines: readonly CreditLine[]): void =>
      applyChange(state, diffCredit(state, { deal, lines }, plans), plans);
    receive('crm|A', lineOf('v1', 'invoice:1', '01', '2026-Q1'), lineOf('v1', 'invoice:2', '04', '2026-Q2'));
    receive('crm|B', lineOf('v2', 'booked', '05', '2026-Q2'));
    receive('crm|C', lineOf('v1', 'booked', '06', '2026-Q2'));
    expect(state.deals.get('crm|A')?.map(({ amountMinor }) => amountMinor)).toEqual([5000n, 1000n]);
  });
});

describe('an explanation', () => {
  it('shows how the amount comes about now, not when the line was rated', () => {
    const world = worldOf(CLIFF);
    world.receive(dealOf('C', { net: '1.00', bookedAt: day(5), returns: [{ id: 'R', at: day(20) }] }));
    world.receive(dealOf('A', { net: '300.00', bookedAt: day(3) }));
    world.receive(dealOf('B', { net: '7.00', bookedAt: day(4) }));
    const state = world.states.get('P1');
    if (state === undefined) throw new Error('no state');
    expect(explainLine(state, 'crm|C', 'sales|booked|1', world.plans)).toMatchObject({
      rate: 'marginal',
      before: '307.00',
    });
    expect(explainLine(state, 'crm|C', 'sales|return:R|1|<booked', world.plans)).toMatchObject({
      rate: 'return',
      earned: '1.00',
    });
    expect(explainLine(state, 'crm|C', 'sales|booked|2', world.plans)).toBeUndefined();
    expect(explainLine(state, 'crm|X', 'sales|booked|1', world.plans)).toBeUndefined();
  });
});

describe('the size of a state', () => {
  it('grows and shrinks with its lines', () => {
    const world = worldOf(CLIFF);
    const empty = sizeOfEarnState(createEarnState());
    world.receive(dealOf('D'));
    const state = world.states.get('P1');
    if (state === undefined) throw new Error('no state');
    expect(sizeOfEarnState(state)).toBeGreaterThan(empty);
    world.receive(dealOf('D', { partners: [] }));
    expect(sizeOfEarnState(state)).toBe(empty);
  });
});
