/**
 * What a service publishes on a topic, as a function of its events. Embedded, the topic is a view of the log; for Kafka
 * a relay publishes it (a transactional outbox whose outbox is the log). An event whose messages cannot be made is
 * parked, and the topic flows on.
 */
import type { EnvelopeAttributes } from '@tantieme/contracts/envelope';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { EventFilter, EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { requireSameLog } from '@tantieme/event-store/same-log';
import type { ReaderCheckpoint } from '@tantieme/event-store/same-log';
import type { Broker, Message, OutgoingMessage } from '@tantieme/messaging/broker';
import { PARTITION } from '@tantieme/messaging/embedded/stored-topics';
import type { TopicView } from '@tantieme/messaging/embedded/topic-view';

import { MESSAGE_NUMBER_BITS, MESSAGES_PER_EVENT_MAX } from '../limits.js';
import { PARKED, RETRY_REQUESTED } from '../parking/parked.js';
import type { Parking } from '../parking/parking.js';
import { errorMessage } from './errors.js';
import { metadataOf } from '../decide/upcasting.js';
import { logSource } from './log-source.js';
import type { Process } from './process.js';

export interface Publication {
  /** Unique in the installation, starting with the service: `payouts-relay`. */
  readonly name: string;
  readonly topic: string;
  readonly filter: EventFilter;
  /**
   * The messages of an event: a function of its text alone. They may share the event's data, whose members are in the
   * order of the text only where a broker gets the messages as text.
   */
  readonly toMessages: (event: StoredEvent) => readonly OutgoingMessage[];
  /**
   * Starts the latency measurement here: stamps `originRecordedAt` on the first event of each page, which has waited
   * longest.
   */
  readonly stampsOrigin?: boolean | undefined;
}

/**
 * The attributes of the message that publishes a stored event: its id and time, its stream and revision as the origin,
 * and its actor: the service itself where the event names none.
 * @param source the publishing service: `/payouts`.
 * @param key routes the message, and is also its subject.
 */
export function attributesOf(stored: StoredEvent, source: string, key: string): EnvelopeAttributes {
  const { correlationId, actor = `service:${source.slice(1)}` } = metadataOf(stored);
  const { id, occurredAt: time, stream, revision } = stored;
  return { id, time, source, subject: key, key, stream, revision, correlationId, actor };
}

/** A message of a service to itself, which becomes text only where a broker needs it. */
export function internalMessage(key: string, content: object): OutgoingMessage {
  return {
    key,
    content,
    get value() {
      return JSON.stringify(content);
    },
  };
}

/** Headers that carry the measurement and trace context of event metadata to the consumers. */
export const ORIGIN_RECORDED_AT_HEADER = 'originrecordedat';
export const TRACEPARENT_HEADER = 'traceparent';

/** An offset in a view is the position of the event and the number of its message. */
const NUMBER_BITS = BigInt(MESSAGE_NUMBER_BITS);

/** The position up to which a reader of a view is done that resumes at this offset. */
export function positionOfOffset(next: bigint): Position {
  return next === 0n ? 0n : (next >> NUMBER_BITS) - 1n;
}

function offsetAfter(position: Position): bigint {
  return position === 0n ? 0n : (position + 1n) << NUMBER_BITS;
}

/**
 * How far a group has read the log through a view, with the event that was there.
 * @param mark as the view gave it with a page up to the offset, or to an earlier one
 */
export function viewCheckpoint(name: string, next: bigint, mark: string): ReaderCheckpoint {
  const [position = '0', hash = ''] = mark.split(' ');
  return { name, position: positionOfOffset(next), event: { position: BigInt(position), hash } };
}

/** The topic as a view of the log. */
export function viewOf(publication: Publication, store: EventStore, parking: Parking): TopicView {
  const source = new MessageSource(publication, store, parking, publication.toMessages);
  return {
    async *subscribe({ from, mark, batchSize, signal }) {
      const after = positionOfOffset(from);
      if (mark !== undefined) await requireSameLog(store, [viewCheckpoint(publication.topic, from, mark)]);
      for await (const page of store.subscribe({ after, filter: source.filter, batchSize, signal })) {
        const messages: Message[] = [];
        for (const [index, event] of page.events.entries())
          for (const [number, message] of (await source.messagesOf(event, index === 0)).entries())
            messages.push(
              new ViewMessage(publication.topic, (event.position << NUMBER_BITS) + BigInt(number), message),
            );
        const last = page.events.at(-1);
        const next = offsetAfter(page.through);
        yield last === undefined ? { messages, next } : { messages, next, mark: `${last.position} ${last.hash}` };
      }
    },
    end: async () => offsetAfter(await store.head()),
  };
}

/** Publishes the topic on a broker. A crash before the checkpoint publishes the same messages again, with the same ids. */
export function relayOf(
  publication: Publication,
  { store, broker, parking }: { readonly store: EventStore; readonly broker: Broker; readonly parking: Parking },
): Process<StoredEvent> {
  // A copy has no cached data, whose members may be in another order: repeated publications have the same bytes.
  const toTexts = (event: StoredEvent): readonly OutgoingMessage[] =>
    publication.toMessages({ ...event }).map(withText);
  const source = new MessageSource(publication, store, parking, toTexts);
  return {
    name: publication.name,
    replicas: 'one-replica',
    source: logSource(source.filter),
    step: async (events) => {
      const messages: OutgoingMessage[] = [];
      for (const [index, event] of events.entries()) messages.push(...(await source.messagesOf(event, index === 0)));
      if (messages.length > 0) await broker.publish(publication.topic, messages);
    },
  };
}

/** Not a copy: the value of the message may be computed only when it is read. */
class ViewMessage implements Message {
  readonly partition = PARTITION;

  constructor(
    readonly topic: string,
    readonly offset: bigint,
    private readonly message: OutgoingMessage,
  ) {
    if (message.headers !== undefined) this.headers = message.headers;
  }

  readonly headers?: Readonly<Record<string, string>>;

  get key(): string {
    return this.message.key;
  }

  get value(): string {
    return this.message.value;
  }

  get content(): unknown {
    return this.message.content;
  }
}

class MessageSource {
  readonly filter: EventFilter;
  /** Groups of this thread that read the same topic share the messages of an event. */
  private readonly made = new WeakMap<StoredEvent, readonly OutgoingMessage[]>();

  constructor(
    private readonly publication: Publication,
    private readonly store: EventStore,
    private readonly parking: Parking,
    private readonly toMessages: Publication['toMessages'],
  ) {
    const { categories, types } = publication.filter;
    this.filter = omitUndefined({
      categories: categories && [...categories, PARKED],
      types: types && [...types, RETRY_REQUESTED],
    });
  }

  async messagesOf(event: StoredEvent, isFirst: boolean): Promise<readonly OutgoingMessage[]> {
    let messages = this.made.get(event);
    if (messages === undefined) {
      messages = event.stream.startsWith(`${PARKED}-`) ? await this.retried(event) : await this.madeOrParked(event);
      this.made.set(event, messages);
    }
    const headers = headersOf(event, isFirst && this.publication.stampsOrigin === true);
    return headers === undefined || messages.length === 0
      ? messages
      : messages.map((message) => withHeaders(message, headers));
  }

  private async madeOrParked(event: StoredEvent): Promise<readonly OutgoingMessage[]> {
    const { name, topic } = this.publication;
    try {
      return this.make(event);
    } catch (error) {
      const { stream, revision } = event;
      await this.parking.park(name, topic, [{ origin: { stream, revision }, reason: errorMessage(error) }]);
      return [];
    }
  }

  /** The messages of an event that was parked here, after somebody asked to try again. */
  private async retried(event: StoredEvent): Promise<readonly OutgoingMessage[]> {
    if (event.type !== RETRY_REQUESTED) return [];
    const item = await this.parking.find(event.stream);
    if (item?.process !== this.publication.name || !('stream' in item.origin)) return [];
    const { stream, revision } = item.origin;
    const [origin] = await this.store.readStream(stream, { from: revision, limit: 1 });
    try {
      if (origin === undefined) throw new Error(`the event ${stream}@${revision} does not exist`);
      const messages = this.make(origin);
      await this.parking.answer(event, undefined);
      return messages;
    } catch (error) {
      await this.parking.answer(event, errorMessage(error));
      return [];
    }
  }

  private make(event: StoredEvent): readonly OutgoingMessage[] {
    const messages = this.toMessages(event);
    if (messages.length > MESSAGES_PER_EVENT_MAX)
      throw new RangeError(`the event has ${messages.length} messages; at most ${MESSAGES_PER_EVENT_MAX} are possible`);
    return messages;
  }
}

/** With its text made now, so that an event with a message that is too large is parked and does not stop the relay. */
function withText({ key, value, headers }: OutgoingMessage): OutgoingMessage {
  return omitUndefined({ key, value, headers });
}

function withHeaders(message: OutgoingMessage, headers: Readonly<Record<string, string>>): OutgoingMessage {
  return {
    key: message.key,
    content: message.content,
    headers: { ...message.headers, ...headers },
    get value() {
      return message.value;
    },
  };
}

/** Undefined for nearly all events. */
function headersOf(event: StoredEvent, stampsOrigin: boolean): Readonly<Record<string, string>> | undefined {
  if (!stampsOrigin && !/"(originRecordedAt|traceparent)":/.test(event.metadataText)) return undefined;
  const { originRecordedAt = stampsOrigin ? event.recordedAt : undefined, traceparent } = metadataOf(event);
  return omitUndefined({ [ORIGIN_RECORDED_AT_HEADER]: originRecordedAt, [TRACEPARENT_HEADER]: traceparent });
}
