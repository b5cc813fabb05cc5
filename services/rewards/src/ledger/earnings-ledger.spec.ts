import { describe, expect, it } from '@jest/globals';

import { earnings, line, run } from '../bonus/bonus.fixture.js';
import { rewardsLedger } from './ledger.js';
import type { KeptEarnings, LedgerCommand } from './ledger.js';
import { participant } from '../participant/participant.js';
import type { ParticipantCommand } from '../participant/participant.js';

const keep = (...entries: KeptEarnings[]): LedgerCommand => ({ type: 'keep-earnings', entries });

describe('the ledger of rewards', () => {
  it('keeps the basis by component and period, and nothing else', () => {
    const lines = [line('10.00'), line('5.50', { line: 'booked|2' }), line('3.00', { component: 'services' })];
    expect(earnings('crm|D-1', 4, lines).measured).toEqual([
      { component: 'hardware', origin: '2026-01', period: '2026-01', basis: '15.50' },
      { component: 'services', origin: '2026-01', period: '2026-01', basis: '3.00' },
    ]);
    expect(earnings('crm|D-1', 4, [line('10.00'), line('-10.00')]).measured).toEqual([]);
  });

  it('keeps a batch as one event, and a batch that comes again not at all', () => {
    const batch = [earnings('crm|D-1', 1, [line('10.00')]), earnings('crm|D-2', 1, [line('20.00')])];
    const { events } = run(rewardsLedger, [keep(...batch), keep(...batch)]);
    expect(events.length).toBe(1);
    expect(events[0]?.data.entries.length).toBe(2);
  });

  it('keeps only what is new of a batch that has grown, and drops what is stale in it', () => {
    const one = earnings('crm|D-1', 1, [line('10.00')]);
    const two = earnings('crm|D-2', 1, [line('20.00')]);
    const newer = earnings('crm|D-1', 2, [line('11.00')]);
    const { events } = run(rewardsLedger, [keep(one), keep(one, two, newer, one)]);
    expect(events[1]?.data.entries).toEqual([two, newer]);
  });

  it('refuses a basis that is none of the currency', () => {
    expect(() => earnings('crm|D-1', 1, [line('1.005')])).toThrow('a basis of crm|D-1');
  });
});

describe('a participant', () => {
  const take = (revision: number, channel: ParticipantCommand['channel']): ParticipantCommand => ({
    type: 'take-partner',
    at: '2026-01-01T08:00:00Z',
    partner: 'P1',
    channel,
    origin: { stream: 'partner-P1', revision },
  });

  it('is what the newest revision says, and remembers the channel before', () => {
    const { state, events } = run(participant, [
      take(1, 'retail'),
      take(0, 'direct'),
      take(1, 'retail'),
      take(2, 'direct'),
    ]);
    expect(events.map(({ data }) => [data.channelBefore, data.channel])).toEqual([
      [null, 'retail'],
      ['retail', 'direct'],
    ]);
    expect(state).toEqual({ channel: 'direct', revision: 2 });
  });
});
