/**
 * The log as it grows: one subscription to the server for all that follow it in this process. Its readers catch up by
 * reading, and go over to it where its memory begins: positions are the same in both, so nothing is lost or repeated.
 *
 * A subscription for each filter would not do: the server tells how far it has come in what does not match only now and
 * then, and whoever waits for a reader to have passed a position would wait for ever where the log rests.
 */
import { START, streamNameFilter } from '@eventstore/db-client';
import type { AllStreamResolvedEvent, AllStreamSubscription, EventStoreDBClient } from '@eventstore/db-client';
import { EventStoreUnavailable } from '../event-store.js';
import type { EventFilter, Page, Position } from '../event-store.js';
import { NOT_OF_THE_SYSTEM } from './client.js';
import { portErrorOf } from './errors.js';
import { LogTail } from './log-tail.js';
import { ownEventOf } from './recorded-event.js';

/** Events kept for those who follow: enough for a reader that is some thousands of events behind. */
const TAIL_BYTES_MAX = 16 * 1024 * 1024;

/** In steps of the server's search window; what it tells is not used, so that it may be rare. */
const CHECKPOINT_INTERVAL = 1000;

export class LiveLog {
  /** How many follow it. */
  readers = 0;
  readonly #tail: LogTail;
  readonly #subscription: AllStreamSubscription;
  readonly #waiting = new Set<() => void>();
  #failure: unknown;

  /**
   * @param from position of an event of ours, or 0n.
   * @param onFailure is told once where it ends by itself: it is of no use any more.
   */
  constructor(client: EventStoreDBClient, prefix: string, from: Position, onFailure: () => void) {
    this.#tail = new LogTail(from, TAIL_BYTES_MAX);
    this.#subscription = client.subscribeToAll({
      fromPosition: from === 0n ? START : { commit: from, prepare: from },
      filter:
        prefix === ''
          ? streamNameFilter({ regex: NOT_OF_THE_SYSTEM, checkpointInterval: CHECKPOINT_INTERVAL })
          : streamNameFilter({ prefixes: [prefix], checkpointInterval: CHECKPOINT_INTERVAL }),
      requiresLeader: true,
    });
    const fail = (failure: unknown): void => {
      if (this.#failure !== undefined) return;
      this.#failure = failure;
      onFailure();
      this.wake();
    };
    this.#subscription.on('data', ({ event }: AllStreamResolvedEvent) => {
      const own = ownEventOf(event, prefix);
      if (own === undefined || own.position <= this.#tail.through) return;
      this.#tail.add(own);
      this.wake();
    });
    this.#subscription.on('error', (error) => fail(portErrorOf(error, 'the subscription')));
    this.#subscription.on('end', () => fail(new EventStoreUnavailable('the server ended the subscription')));
  }

  /**
   * What came after a position, from memory. It counts as the end of the log where the newest event known is in it,
   * and that is not before `head`.
   * @returns undefined where that is longer ago than the memory goes back.
   * @throws {EventStoreUnavailable} {EventStoreRefused} where the subscription has ended.
   */
  after(position: Position, filter: EventFilter | undefined, limit: number, head: Position): Page | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const page = this.#tail.after(position, filter, limit);
    const newest = this.#tail.through;
    return page && { ...page, end: page.through >= newest && newest >= head };
  }

  /** Resolves when there may be something new, or nothing to wait for any more. */
  moved(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      signal.addEventListener('abort', done);
      this.#waiting.add(done);
    });
  }

  wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  async stop(): Promise<void> {
    this.#subscription.removeAllListeners('end');
    // One that never came about has nothing to end; why is told already.
    await this.#subscription.unsubscribe().catch(() => undefined);
  }
}
