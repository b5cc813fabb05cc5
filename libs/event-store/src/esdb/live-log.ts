/**
 * The growing log: one subscription to the server for all readers of this process. Readers catch up with reads and
 * switch over once they reach the events in memory; positions are the same in both, so nothing is lost or repeated.
 *
 * One subscription per filter would not work: the server reports only occasionally how far it has passed events that do
 * not match. A caller waiting for a reader to pass a position would wait forever on a quiet log.
 */
import type { EventStoreDBClient } from '@eventstore/db-client';
import { convertToCommandError } from '@eventstore/db-client/dist/utils/CommandError.js';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import { EventStoreClosed, EventStoreUnavailable } from '../event-store.js';
import type { EventFilter, Page, Position } from '../event-store.js';
import { subscribeToAll } from './client.js';
import type { ServerFilter } from './client.js';
import { isTooSlow, portErrorOf } from './errors.js';
import { LogTail } from './log-tail.js';
import { ownEventOf, recordedOf } from './recorded-event.js';
import { TAIL_BYTES_MAX } from '../limits.js';

type Subscription = Awaited<ReturnType<typeof subscribeToAll>>;

export class LiveLog {
  /** The number of readers. */
  readers = 0;
  readonly #tail: LogTail;
  #subscription: Promise<Subscription>;
  /** Wakes the readers that wait for an append. */
  readonly #waiters = new Set<() => void>();
  #failure: Error | undefined;

  /**
   * @param filter matches our events.
   * @param end where the log ends: the subscription starts there, and all events of ours after its `head` are held.
   * @param onFailure called once if the subscription ends unexpectedly: this instance is then of no more use.
   */
  constructor(
    private readonly client: EventStoreDBClient,
    private readonly prefix: string,
    private readonly filter: ServerFilter,
    end: { readonly record: Position; readonly head: Position },
    private readonly onFailure: () => void,
  ) {
    this.#tail = new LogTail(end.head, TAIL_BYTES_MAX);
    this.#subscription = this.#subscribe(end.record);
  }

  #subscribe(after: Position): Promise<Subscription> {
    const opened = this.#open(after);
    opened.catch((error: unknown) => this.#fail(portErrorOf(error, 'the subscription')));
    return opened;
  }

  async #open(after: Position): Promise<Subscription> {
    const subscription = await subscribeToAll.call(this.client, after, this.filter);
    let last = after;
    let hasFailed = false;
    subscription.on('data', (response: streams.ReadResp) => {
      const record = response.getEvent()?.getEvent();
      if (record === undefined) return;
      const recorded = recordedOf(record, this.prefix);
      last = recorded.position.commit;
      const own = ownEventOf(recorded);
      if (own === undefined || own.position <= this.#tail.through) return;
      this.#tail.add(own);
      this.wake();
    });
    subscription.on('error', (cause: Error) => {
      hasFailed = true;
      if (this.#failure !== undefined) return;
      const error = convertToCommandError(cause);
      // What the server did not send, a new subscription reads before it goes live again.
      if (isTooSlow(error)) this.#subscription = this.#subscribe(last);
      else this.#fail(portErrorOf(error, 'the subscription'));
    });
    subscription.on('end', () => {
      if (!hasFailed) this.#fail(new EventStoreUnavailable('the server ended the subscription'));
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
    this.#failure ??= new EventStoreClosed();
    const subscription = await this.#subscription.catch(() => undefined);
    subscription?.cancel();
  }
}
