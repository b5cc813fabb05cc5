import type { EnvelopeAttributes } from '@tantieme/contracts/envelope';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { EventFilter, EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { Broker, OutgoingMessage } from '@tantieme/messaging/broker';

import { metadataOf } from '../decide/upcasting.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import { startFollower } from './follower.js';
import type { OnError, RunningProcess } from './running-process.js';

export interface Publication {
  readonly topic: string;
  readonly message: OutgoingMessage;
}

/**
 * The attributes of the message that publishes a stored event: its id and time, its stream and revision as the origin,
 * and its actor.
 * @param source the publishing service: `/payouts`.
 * @param key routes the message, and is also its subject.
 */
export function attributesOf(stored: StoredEvent, source: string, key: string): EnvelopeAttributes {
  const { actor, correlationId } = metadataOf(stored);
  const { id, occurredAt: time, stream, revision } = stored;
  return { id, time, source, subject: key, key, stream, revision, correlationId, actor };
}

/** Headers that carry the measurement and trace context of {@link EventMetadata} to the consumers. */
export const ORIGIN_RECORDED_AT_HEADER = 'originrecordedat';
export const TRACEPARENT_HEADER = 'traceparent';

/**
 * Publishes the events of the log in their order (a transactional outbox whose outbox is the log). A crash between
 * publication and checkpoint publishes the same messages again, with the same ids.
 */
export function startRelay(options: {
  readonly store: EventStore;
  readonly broker: Broker;
  readonly db: AnyDatabase;
  /** Name of its checkpoint, unique in the database and starting with the service: `payouts-relay`. */
  readonly name: string;
  readonly filter: EventFilter;
  /** The largest number of events per publication. */
  readonly batchSize?: number | undefined;
  /**
   * The messages of an event: a function of its text alone, so that repeated publications have the same bytes. Use
   * `parseDomainEvent` for data that is published unchanged, as cached data may have its members in another order.
   */
  readonly toMessages: (event: StoredEvent) => readonly Publication[];
  /**
   * Starts the latency measurement here: stamps `originRecordedAt` on the first event of each publication, which has
   * waited longest.
   */
  readonly stampsOrigin?: boolean | undefined;
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

/** Undefined for nearly all events. */
function headersOf(event: StoredEvent, stampsOrigin: boolean): Readonly<Record<string, string>> | undefined {
  if (!stampsOrigin && !/"(originRecordedAt|traceparent)":/.test(event.metadataText)) return undefined;
  const { originRecordedAt = stampsOrigin ? event.recordedAt : undefined, traceparent } = metadataOf(event);
  return omitUndefined({ [ORIGIN_RECORDED_AT_HEADER]: originRecordedAt, [TRACEPARENT_HEADER]: traceparent });
}
