/**
 * The growing log: one subscription to the server for all readers of this process. Readers catch up with reads and
 * switch over once they reach the events in memory; positions are the same in both, so nothing is lost or repeated.
 *
 * One subscription per filter would not work: the server reports only occasionally how far it has passed events that do
 * not match. A caller waiting for a reader to pass a position would wait forever on a quiet log.
 */
import { START, streamNameFilter } from '@eventstore/db-client';
import type { AllStreamResolvedEvent, AllStreamSubscription, EventStoreDBClient } from '@eventstore/db-client';
import { EventStoreUnavailable } from '../event-store.js';
import type { EventFilter, Page, Position } from '../event-store.js';
import { NO_SYSTEM_STREAM } from './client.js';
import { isTooSlow, portErrorOf } from './errors.js';
import { LogTail } from './log-tail.js';
import { ownEventOf } from './recorded-event.js';

/** Events kept for live readers: enough for one that is some thousands of events behind. */
const TAIL_BYTES_MAX = 16 * 1024 * 1024;

/** Checkpoint messages of the server, in steps of its search window: rare, as they are not used. */
const CHECKPOINT_INTERVAL = 1000;

export class LiveLog {
  /** The number of readers. */
  readers = 0;
  readonly #tail: LogTail;
  #subscription: AllStreamSubscription;
  /** Wakes the readers that wait for an append. */
  readonly #waiters = new Set<() => void>();
  #failure: Error | undefined;

  /**
   * @param end where the log ends: the subscription starts there, and all events of ours after its `head` are held.
   * @param onFailure called once if the subscription ends unexpectedly: this instance is then of no more use.
   */
  constructor(
    private readonly client: EventStoreDBClient,
    private readonly prefix: string,
    end: { readonly record: Position; readonly head: Position },
    private readonly onFailure: () => void,
  ) {
    this.#tail = new LogTail(end.head, TAIL_BYTES_MAX);
    this.#subscription = this.#subscribe(end.record);
  }

  #subscribe(after: Position): AllStreamSubscription {
    const subscription = this.client.subscribeToAll({
      fromPosition: after === 0n ? START : { commit: after, prepare: after },
      filter:
        this.prefix === ''
          ? streamNameFilter({ regex: NO_SYSTEM_STREAM, checkpointInterval: CHECKPOINT_INTERVAL })
          : streamNameFilter({ prefixes: [this.prefix], checkpointInterval: CHECKPOINT_INTERVAL }),
      requiresLeader: true,
    });
    let last = after;
    subscription.on('data', ({ event }: AllStreamResolvedEvent) => {
      if (event !== undefined) last = event.position.commit;
      const own = ownEventOf(event, this.prefix);
      if (own === undefined || own.position <= this.#tail.through) return;
      this.#tail.add(own);
      this.wake();
    });
    subscription.on('error', (error) => {
      if (subscription !== this.#subscription) return;
      // What the server did not send, a new subscription reads before it goes live again.
      if (isTooSlow(error)) this.#subscription = this.#subscribe(last);
      else this.#fail(portErrorOf(error, 'the subscription'));
    });
    subscription.on('end', () => {
      if (subscription === this.#subscription)
        this.#fail(new EventStoreUnavailable('the server ended the subscription'));
    });
    return subscription;
  }

  #fail(failure: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = Error.isError(failure) ? failure : new Error(String(failure));
    this.onFailure();
    this.wake();
  }

  /**
   * The page after a position, from memory. `end` is true if it reaches the newest known event and at least `head`.
   * @returns undefined if the memory does not go back to the position.
   * @throws {EventStoreUnavailable} {EventStoreRefused} if the subscription has ended.
   */
  after(position: Position, filter: EventFilter | undefined, limit: number, head: Position): Page | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const page = this.#tail.after(position, filter, limit);
    const newest = this.#tail.through;
    return page && { ...page, end: page.through >= newest && newest >= head };
  }

  /** Resolves after a possible append, or when the subscription of the reader ends. */
  waitForAppend(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#waiters.delete(done);
        resolve();
      };
      signal.addEventListener('abort', done);
      this.#waiters.add(done);
    });
  }

  wake(): void {
    for (const done of [...this.#waiters]) done();
  }

  async stop(): Promise<void> {
    this.#subscription.removeAllListeners('end');
    // A subscription that never started cannot be ended; its failure has been reported.
    await this.#subscription.unsubscribe().catch(() => undefined);
  }
}
