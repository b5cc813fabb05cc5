/** A partner as rewards needs it: the newest channel that partner-registry published. It decides on eligibility. */
import type { ChannelType } from '@tantieme/contracts/partner';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';

export const PARTICIPANT = 'participant';

export function participantStream(partner: string): string {
  return `${PARTICIPANT}-${partner}`;
}

export interface ParticipantCommand {
  readonly type: 'receive-partner';
  readonly at: string;
  readonly partner: string;
  readonly channel: ChannelType;
  /** Stream of partner-registry and its revision. */
  readonly origin: { readonly stream: string; readonly revision: number };
}

export interface ParticipantEvent {
  readonly type: 'ParticipantSnapshotReceived';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: {
    readonly origin: { readonly stream: string; readonly revision: number };
    readonly partner: string;
    readonly channel: ChannelType;
    /** The previous channel; null for a new partner. */
    readonly channelBefore: ChannelType | null;
  };
}

export interface ParticipantState {
  readonly channel: ChannelType | null;
  /** Newest revision received; -1 for none. */
  readonly revision: number;
}

export const PARTICIPANT_EVENTS: EventTypes<ParticipantEvent> = { ParticipantSnapshotReceived: { version: 1 } };

export const participant: Decider<ParticipantState, ParticipantCommand, ParticipantEvent> = {
  category: PARTICIPANT,
  events: PARTICIPANT_EVENTS,
  initialState: () => ({ channel: null, revision: -1 }),
  decide({ at, partner, channel, origin }, state) {
    if (origin.revision <= state.revision) return [];
    const data = { origin, partner, channel, channelBefore: state.channel };
    return [{ type: 'ParticipantSnapshotReceived', version: 1, occurredAt: at, data }];
  },
  evolve: (_, { data }) => ({ channel: data.channel, revision: data.origin.revision }),
  commandOf: ({ occurredAt, data: { partner, channel, origin } }) => ({
    type: 'receive-partner',
    at: occurredAt,
    partner,
    channel,
    origin,
  }),
};
