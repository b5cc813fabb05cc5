import { describe, expect, it } from '@jest/globals';
import type { DealFact } from '@tantieme/contracts/deal';
import { booked, paid, recorded, returned } from './deal.fixture.js';
import { dealOf } from './deal.js';
import { daysOfPeriod, PERIOD } from './deal-period.js';
import { stageOf } from './deal-stage.js';

describe('a period', () => {
  it.each([
    ['2026', '2026-01-01', '2027-01-01'],
    ['2026-Q1', '2026-01-01', '2026-04-01'],
    ['2026-Q4', '2026-10-01', '2027-01-01'],
    ['2026-03', '2026-03-01', '2026-04-01'],
    ['2026-12', '2026-12-01', '2027-01-01'],
  ])('%s is from %s until %s', (period, from, until) => {
    expect(daysOfPeriod(period)).toEqual({ from, until });
  });

  it.each(['2026-Q5', '2026-13', '2026-00', '26', '2026-3', ''])('is not %j', (text) => {
    expect(PERIOD.test(text)).toBe(false);
  });
});

describe('the stage of a deal', () => {
  const stageAfter = (...facts: DealFact[]) => stageOf(dealOf('crm', 'D-1', facts.map(recorded)));
  const head = { source: 'crm', deal: 'D-1', occurredAt: '2026-03-05T10:00:00.000Z' } as const;

  it('is the last one that it has reached', () => {
    expect(stageAfter(returned())).toBe('incomplete');
    expect(stageAfter({ ...head, kind: 'registered', terms: { currency: 'EUR', lines: [], partners: [] } })).toBe(
      'registered',
    );
    expect(stageAfter(booked())).toBe('booked');
    expect(stageAfter(booked(), { ...head, kind: 'invoiced', id: 'I-1' })).toBe('invoiced');
    expect(stageAfter(booked(), paid())).toBe('paid');
    expect(stageAfter(booked(), paid(), { ...head, kind: 'cancelled' })).toBe('cancelled');
  });
});
