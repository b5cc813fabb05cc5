import { describe, expect, it } from '@jest/globals';
import type { ManifestEntry } from '@tantieme/contracts/ledger';

import { CALENDAR, run } from '../bonus/bonus.fixture.js';
import { isManifestComplete, rewardsCalendar, rewardsPeriod } from './period.js';
import type { PeriodCommand } from './period.js';

const PERIOD = { calendar: CALENDAR, period: '2026-01', closing: 1 };
const ENTRY: ManifestEntry = {
  stream: 'bonus-P1|volume',
  payee: 'P1',
  currency: 'EUR',
  lines: 1,
  minimum: '0.00',
  hash: 'a'.repeat(64),
};

function receive(page: number, pages: number, at = '2026-02-03T09:00:00Z'): PeriodCommand {
  return { type: 'receive-manifest-page', at, ...PERIOD, page, pages };
}

function write(page: number, pages: number, entries: readonly ManifestEntry[] = [ENTRY]): PeriodCommand {
  return { type: 'write-manifest-page', ...PERIOD, page, pages, entries };
}

describe('the closing of a period', () => {
  it('receives all pages of the manifest of commission-calculation, in any order and more than once', () => {
    const { state, events } = run(rewardsPeriod, [receive(2, 2), receive(2, 2), receive(1, 2)]);
    expect(events.length).toBe(2);
    expect(isManifestComplete(state)).toBe(true);
    expect(isManifestComplete(run(rewardsPeriod, [receive(2, 2)]).state)).toBe(false);
    expect(() => run(rewardsPeriod, [receive(2, 2), receive(1, 3)])).toThrow('contradicts the pages received before');
  });

  it('writes its own manifest once, and is closed when every page is written', () => {
    const commands: readonly PeriodCommand[] = [
      receive(1, 1),
      write(1, 2),
      write(1, 2),
      write(2, 2, []),
      { type: 'close' },
      { type: 'close' },
    ];
    const { state, events } = run(rewardsPeriod, commands);
    expect(events.map(({ type }) => type)).toEqual([
      'ManifestPageReceived',
      'ManifestPageWritten',
      'ManifestPageWritten',
      'RewardsPeriodClosed',
    ]);
    expect(events.at(-1)?.data).toEqual({ ...PERIOD, pages: 2, entries: 1 });
    expect(state.closed).toBe(true);
  });

  it('refuses to write before the manifest of commissions, to contradict a page, and to close with a page missing', () => {
    expect(() => run(rewardsPeriod, [write(1, 1)])).toThrow('is not complete');
    expect(() => run(rewardsPeriod, [receive(1, 1), write(1, 1), write(1, 1, [])])).toThrow('with other entries');
    expect(() => run(rewardsPeriod, [receive(1, 1), write(1, 2), { type: 'close' }])).toThrow('is not complete');
  });
});

describe('the calendar', () => {
  it('only moves forward', () => {
    const begin = (period: string) =>
      ({ type: 'begin-closing', at: '2026-02-03T09:00:00Z', calendar: CALENDAR, period }) as const;
    const { state, events } = run(rewardsCalendar, [begin('2026-02'), begin('2026-01'), begin('2026-02')]);
    expect(events.length).toBe(1);
    expect(state.closing).toBe('2026-02');
  });
});
