import { describe, expect, it } from '@jest/globals';

import { earnings, line, run } from '../bonus/bonus.fixture.js';
import { earningsIn, earningsLedger } from './earnings-ledger.js';
import type { EarningsCommand, ReceivedEarnings } from './earnings-ledger.js';

const receive = (...entries: ReceivedEarnings[]): EarningsCommand => ({ type: 'receive-earnings', entries });

describe('the earnings ledger', () => {
  it('stores only the basis, by component and period', () => {
    const lines = [line('10.00'), line('5.50', { line: 'booked|2' }), line('3.00', { component: 'services' })];
    expect(earnings('crm|D-1', 4, lines).measured).toEqual([
      { component: 'hardware', origin: '2026-01', period: '2026-01', basis: '15.50' },
      { component: 'services', origin: '2026-01', period: '2026-01', basis: '3.00' },
    ]);
    expect(earnings('crm|D-1', 4, [line('10.00'), line('-10.00')]).measured).toEqual([]);
  });

  it('stores a batch as one event, and a repeated batch not at all', () => {
    const batch = [earnings('crm|D-1', 1, [line('10.00')]), earnings('crm|D-2', 1, [line('20.00')])];
    const { events } = run(earningsLedger, [receive(...batch), receive(...batch)]);
    expect(events.length).toBe(1);
    expect(events[0]?.data.streams.map(({ deals }) => deals.length)).toEqual([2]);
  });

  it('stores only what is new in a repeated batch that has grown, and drops stale entries', () => {
    const one = earnings('crm|D-1', 1, [line('10.00')]);
    const two = earnings('crm|D-2', 1, [line('20.00')]);
    const newer = earnings('crm|D-1', 2, [line('11.00')]);
    const { events } = run(earningsLedger, [receive(one), receive(one, two, newer, one)]);
    expect(events.slice(1).flatMap(earningsIn)).toEqual([two, newer]);
  });

  it('refuses a basis with more decimals than the currency', () => {
    expect(() => earnings('crm|D-1', 1, [line('1.005')])).toThrow('a basis of crm|D-1');
  });
});
