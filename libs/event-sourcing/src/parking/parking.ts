/** Parks what a process refuses for good, and answers retries. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { Message } from '@tantieme/messaging/broker';
import type { Timers } from '@tantieme/time/timers';
import type { Kysely } from 'kysely';

import { createRuntime } from '../decide/runtime.js';
import type { CommandContext, Runtime } from '../decide/runtime.js';
import { domainEventOf } from '../decide/upcasting.js';
import { PARKED_CHARACTERS_MAX, PARKED_MAX, REASON_CHARACTERS_MAX, PARKED_BYTES_MAX } from '../limits.js';
import { migrate } from '../read-model/migrations.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import { parkedDecider, PARKED_EVENTS, parkedStream } from './parked.js';
import type { ParkedCommand, ParkedEvent, ParkedItem, ParkedMessage, ParkedOrigin, ParkedState } from './parked.js';
import { countOpen, PARKED_MIGRATIONS } from './parked.projection.js';
import type { ParkedTables } from './parked.projection.js';

/** Something to park: an event that cannot be published, or a message. */
export interface ToPark {
  readonly origin: ParkedOrigin;
  readonly reason: string;
  /** As in {@link ParkedItem}. */
  readonly touchesFrom?: string;
  readonly message?: ParkedMessage;
}

/** Too many items of one process and topic are parked: the partition waits until somebody deals with them. */
export class ParkedLimitReached extends Error {
  readonly code = 'ParkedLimitReached';
  constructor(process: string, topic: string) {
    super(
      `${PARKED_MAX} items of ${topic} are parked by ${process}, and no more are accepted: ` +
        'look at GET /parked, remove the cause, then retry them',
    );
  }
}

export class Parking {
  readonly runtime: Runtime<ParkedState, ParkedCommand, ParkedEvent>;
  private migrated: Promise<void> | undefined;

  constructor(
    private readonly options: { readonly store: EventStore; readonly db: AnyDatabase; readonly timers: Timers },
  ) {
    const { store } = options;
    this.runtime = createRuntime({ store, decider: parkedDecider, cacheBytesMax: PARKED_BYTES_MAX });
  }

  /** What is parked already adds nothing. @throws {ParkedLimitReached} */
  async park(process: string, topic: string, items: readonly ToPark[]): Promise<void> {
    if (items.length === 0) return;
    const fresh: (ToPark & { readonly stream: string })[] = [];
    for (const item of items) {
      const stream = parkedStream(process, item.origin);
      if ((await this.runtime.load(stream)).state.item === undefined) fresh.push({ ...item, stream });
    }
    if (fresh.length === 0) return;
    await this.assertRoom(process, topic, fresh.length);
    const results = await this.runtime.handleMany(
      fresh.map(({ stream, origin, reason, touchesFrom, message }) => {
        const item: ParkedItem = omitUndefined({
          process,
          topic,
          origin,
          reason: cut(reason, REASON_CHARACTERS_MAX),
          touchesFrom,
          message,
        });
        return { stream, command: { type: 'park', at: this.now(), item }, context: contextOf(process, stream) };
      }),
    );
    for (const result of results) if (result.outcome === 'refused') throw result.error;
  }

  /** Undefined if nothing is parked under this stream. */
  async find(stream: string): Promise<ParkedItem | undefined> {
    return (await this.runtime.load(stream)).state.item;
  }

  /** @param request the event that asked for the retry. @param reason why it failed again; undefined if it succeeded */
  async answer(request: StoredEvent, reason: string | undefined): Promise<void> {
    const event = domainEventOf<ParkedEvent>(request, PARKED_EVENTS);
    if (event.type !== 'ParkedRetryRequested') throw new TypeError(`${request.stream} did not ask for a retry`);
    await this.runtime.handle(
      request.stream,
      {
        type: 'answer-retry',
        at: this.now(),
        retry: event.data.retry,
        reason: reason === undefined ? null : cut(reason, REASON_CHARACTERS_MAX),
      },
      contextOf('parking', request.id),
    );
  }

  private async assertRoom(process: string, topic: string, more: number): Promise<void> {
    const db = this.options.db as Kysely<ParkedTables>;
    await (this.migrated ??= migrate(this.options.db, PARKED_MIGRATIONS));
    if ((await countOpen(db, { process, topic })) + more > PARKED_MAX) throw new ParkedLimitReached(process, topic);
  }

  private now(): string {
    return new Date(this.options.timers.nowMs()).toISOString();
  }
}

/** A message as something to park, cut to the limits of an event. */
export function parkedMessageOf({
  message,
  reason,
  touchesFrom,
}: {
  readonly message: Message;
  readonly reason: string;
  readonly touchesFrom?: string;
}): ToPark {
  const { topic, partition, offset, key, value, headers = {} } = message;
  const kept = cut(value, PARKED_CHARACTERS_MAX);
  const keptHeaders = JSON.stringify(headers).length > REASON_CHARACTERS_MAX ? {} : headers;
  return omitUndefined({
    origin: { topic, partition, offset: String(offset) },
    reason,
    touchesFrom,
    message: {
      key: cut(key, REASON_CHARACTERS_MAX),
      value: kept,
      isCut: kept !== value,
      headers: Object.fromEntries(Object.entries(keptHeaders).map(([name, text]) => [name, text.toWellFormed()])),
    },
  });
}

/** A parked message as it was received; undefined for a parked event. */
export function messageOfParked({ origin, message }: ParkedItem): Message | undefined {
  if (message === undefined || !('topic' in origin)) return undefined;
  const { key, value, headers } = message;
  return { ...origin, offset: BigInt(origin.offset), key, value, headers };
}

/** Without lone surrogates, which no event can hold. */
function cut(text: string, charactersMax: number): string {
  return text.slice(0, charactersMax).toWellFormed();
}

function contextOf(process: string, cause: string): CommandContext {
  return { actor: `service:${process}`, correlationId: cause, cause };
}
