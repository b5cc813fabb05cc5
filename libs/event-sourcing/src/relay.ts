import type { EnvelopeAttributes } from '@tantieme/contracts/envelope';
import type { EventFilter, EventMetadata, EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { Broker, OutgoingMessage } from '@tantieme/messaging/broker';
import type { QueryExecutorProvider } from 'kysely';

import { startFollower } from './follower.js';
import type { OnError, Running } from './running.js';

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

/**
 * Publishes what the log holds, after the append, in the order of the log: no second write that could be lost. After a crash between
 * publication and checkpoint the same messages go out again, with the same ids.
 */
export function startRelay(options: {
  readonly store: EventStore;
  readonly broker: Broker;
  readonly db: QueryExecutorProvider;
  /** Name of its checkpoint, unique in the database: the service first, `payouts-relay`. */
  readonly name: string;
  readonly filter: EventFilter;
  /** Events a publication at the most. */
  readonly batchSize?: number;
  /** The messages that an event makes. A function of the event alone, so that publishing again gives the same ones. */
  readonly toMessages: (event: StoredEvent) => readonly Publication[];
  readonly onError: OnError;
}): Running {
  const { broker, toMessages } = options;
  return startFollower({
    ...options,
    handle: async (events) => {
      const byTopic = new Map<string, OutgoingMessage[]>();
      for (const event of events)
        for (const { topic, message } of toMessages(event)) {
          const messages = byTopic.get(topic);
          if (messages === undefined) byTopic.set(topic, [message]);
          else messages.push(message);
        }
      for (const [topic, messages] of byTopic) await broker.publish(topic, messages);
    },
  });
}
