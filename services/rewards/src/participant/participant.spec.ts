import { describe, expect, it } from '@jest/globals';

import { run } from '../bonus/bonus.fixture.js';
import { participant } from './participant.js';
import type { ParticipantCommand } from './participant.js';

describe('a participant', () => {
  const receive = (revision: number, channel: ParticipantCommand['channel']): ParticipantCommand => ({
    type: 'receive-partner',
    at: '2026-01-01T08:00:00Z',
    partner: 'P1',
    channel,
    origin: { stream: 'partner-P1', revision },
  });

  it('has the channel of the newest revision, and records the previous one', () => {
    const { state, events } = run(participant, [
      receive(1, 'retail'),
      receive(0, 'direct'),
      receive(1, 'retail'),
      receive(2, 'direct'),
    ]);
    expect(events.map(({ data }) => [data.channelBefore, data.channel])).toEqual([
      [null, 'retail'],
      ['retail', 'direct'],
    ]);
    expect(state).toEqual({ channel: 'direct', revision: 2 });
  });
});
