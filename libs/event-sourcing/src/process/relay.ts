import type { EnvelopeAttributes } from '@tantieme/contracts/envelope';
import type { EventFilter, EventMetadata, EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { Broker, OutgoingMessage } from '@tantieme/messaging/broker';

import { startFollower } from './follower.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import type { OnError, RunningProcess } from './running-process.js';

export interface Publication {
  readonly topic: string;
  readonly message: OutgoingMessage;
}

/** Who caused a stored event, and for what. */
export function metadataOf({ metadataText }: Pick<StoredEvent, 'metadataText'>): EventMetadata {
  return JSON.parse(metadataText);
}

/**
 * Attributes of the message that tells a stored event: its id and time, its stream and revision as the origin, and who caused it.
 * @param source who publishes: `/payouts`.
 * @param key routes the message, and is its subject where nothing else is said.
 */
export function attributesOf(stored: StoredEvent, source: string, key: string): EnvelopeAttributes {
  const { actor, correlationId } = metadataOf(stored);
  const { id, occurredAt: time, stream, revision } = stored;
  return { id, time, source, subject: key, key, stream, revision, correlationId, actor };
}

/** Headers by which a message tells its consumers what is measured and traced of its way; see {@link EventMetadata}. */
export const ORIGIN_RECORDED_AT_HEADER = 'originrecordedat';
export const TRACEPARENT_HEADER = 'traceparent';

/**
 * Publishes what the log holds, after the append, in the order of the log: no second write that could be lost. After a crash between
 * publication and checkpoint the same messages go out again, with the same ids.
 */
export function startRelay(options: {
  readonly store: EventStore;
  readonly broker: Broker;
  readonly db: AnyDatabase;
  /** Name of its checkpoint, unique in the database: the service first, `payouts-relay`. */
  readonly name: string;
  readonly filter: EventFilter;
  /** Events a publication at the most. */
  readonly batchSize?: number;
  /**
   * The messages that an event makes. A function of the event's text alone, so that publishing again gives the same bytes: data that goes
   * out as it is comes from `ownDomainEventOf`, as the members of data that is still in memory may be in another order.
   */
  readonly toMessages: (event: StoredEvent) => readonly Publication[];
  /** Whether the way of a fact is measured from here: of each publication its first event, which has waited longest. */
  readonly stampsOrigin?: boolean;
  readonly onError: OnError;
}): RunningProcess {
  const { broker, toMessages, stampsOrigin = false } = options;
  return startFollower({
    ...options,
    handle: async (events) => {
      const byTopic = new Map<string, OutgoingMessage[]>();
      for (const [index, event] of events.entries()) {
        const headers = headersOf(event, stampsOrigin && index === 0);
        for (const { topic, message } of toMessages(event)) {
          const outgoing =
            headers === undefined ? message : { ...message, headers: { ...message.headers, ...headers } };
          const messages = byTopic.get(topic);
          if (messages === undefined) byTopic.set(topic, [outgoing]);
          else messages.push(outgoing);
        }
      }
      for (const [topic, messages] of byTopic) await broker.publish(topic, messages);
    },
  });
}

/** None for nearly all events. */
function headersOf(event: StoredEvent, stampsOrigin: boolean): Readonly<Record<string, string>> | undefined {
  if (!stampsOrigin && !/"(originRecordedAt|traceparent)":/.test(event.metadataText)) return undefined;
  const { originRecordedAt = stampsOrigin ? event.recordedAt : undefined, traceparent } = metadataOf(event);
  return {
    ...(originRecordedAt === undefined ? {} : { [ORIGIN_RECORDED_AT_HEADER]: originRecordedAt }),
    ...(traceparent === undefined ? {} : { [TRACEPARENT_HEADER]: traceparent }),
  };
}
