/**
 * An event store of the simulated world. The log outlives machines; each machine opens a store of its own. It keeps the
 * contract of the port, but for the faults of the simulation: an append that is refused as unavailable, or stored
 * without an answer.
 */
import { PAGE_BYTES_MAX } from '@tantieme/event-store/limits';
import { eventHash, FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import {
  categoryOf,
  EventStoreClosed,
  EventStoreUnavailable,
  matchesFilter,
  UnknownPosition,
} from '@tantieme/event-store/event-store';
import type {
  Append,
  AppendResult,
  EventFilter,
  EventStore,
  ExpectedRevision,
  Page,
  Position,
  ReadAllOptions,
  ReadStreamOptions,
  StoredEvent,
  SubscribeOptions,
} from '@tantieme/event-store/event-store';
import { haveSameIds, prepareAppends } from '@tantieme/event-store/prepared-append';
import type { PreparedAppend } from '@tantieme/event-store/prepared-append';

import type { Machine, Simulation } from './simulation.js';

/** How long a subscription waits before it passes on that events which it does not select were appended. */
const EMPTY_PAGE_MS = 100;

/** What is on the disk. */
export class SimulatedLog {
  readonly events: StoredEvent[] = [];
  readonly streams = new Map<string, StoredEvent[]>();
  /** Called after every append, so that waiting subscriptions look again. */
  readonly listeners = new Set<(added: readonly StoredEvent[]) => void>();

  append({ stream, expectedRevision, events }: PreparedAppend, nowMs: number): AppendResult {
    const stored = this.streams.get(stream) ?? [];
    const from = expectedRevision === 'no-stream' ? 0 : expectedRevision + 1;
    const there = stored.slice(from, from + events.length);
    if (haveSameIds(there, events)) return appended(there, true);
    const actual: ExpectedRevision = stored.length === 0 ? 'no-stream' : stored.length - 1;
    if (actual !== expectedRevision) return { outcome: 'conflict', stream, expected: expectedRevision, actual };
    const recordedAt = new Date(nowMs).toISOString();
    const added: StoredEvent[] = [];
    for (const event of events) {
      const revision = stored.length + added.length;
      const previous = added.at(-1) ?? stored.at(-1);
      const hash = eventHash(previous?.hash ?? FIRST_PREDECESSOR, { ...event, stream, revision });
      added.push({
        ...event,
        stream,
        revision,
        position: BigInt(this.events.length + added.length + 1),
        recordedAt,
        hash,
      });
    }
    this.events.push(...added);
    this.streams.set(stream, [...stored, ...added]);
    for (const listener of this.listeners) listener(added);
    return appended(added, false);
  }

  page({ after = 0n, filter, limit }: ReadAllOptions): Page {
    const events: StoredEvent[] = [];
    if (after < 0n || after > BigInt(this.events.length)) throw new UnknownPosition(after, BigInt(this.events.length));
    let through = after;
    let bytesLeft = PAGE_BYTES_MAX;
    for (let index = Number(after); index < this.events.length && events.length < limit && bytesLeft > 0; index += 1) {
      const event = this.events[index];
      if (event === undefined) break;
      through = event.position;
      if (!matchesFilter(filter, categoryOf(event.stream), event.type)) continue;
      events.push(event);
      bytesLeft -= event.dataText.length;
    }
    return { events, through, end: Number(through) >= this.events.length };
  }
}

export class SimulatedEventStore implements EventStore {
  private readonly closing = new AbortController();
  /** Appends to one stream take effect in the order of the calls. */
  private readonly lastAppend = new Map<string, Promise<unknown>>();

  constructor(
    private readonly simulation: Simulation,
    private readonly machine: Machine,
    private readonly log: SimulatedLog,
  ) {}

  async append(append: Append): Promise<AppendResult> {
    const [result] = await this.appendMany([append]);
    if (result === undefined) throw new Error('an append has no result');
    return result;
  }

  async appendMany(appends: readonly Append[]): Promise<readonly AppendResult[]> {
    this.mustBeOpen();
    return Promise.all(prepareAppends(appends).map((prepared) => this.inOrder(prepared)));
  }

  private inOrder(append: PreparedAppend): Promise<AppendResult> {
    const before = this.lastAppend.get(append.stream) ?? Promise.resolve();
    const result = before.then(
      () => this.store(append),
      () => this.store(append),
    );
    this.lastAppend.set(append.stream, result);
    return result;
  }

  private async store(append: PreparedAppend): Promise<AppendResult> {
    const { simulation, machine, log } = this;
    await simulation.turn(machine, `append ${append.stream}`);
    this.mustBeOpen();
    if (simulation.suffers('refused')) throw unavailable('refused');
    const result = log.append(append, simulation.nowMs);
    if (result.outcome === 'conflict') simulation.count('conflict');
    await simulation.turn(machine, `appended ${append.stream} ${result.outcome}`);
    if (simulation.suffers('lostAnswer')) throw unavailable('lost');
    return result;
  }

  async readStream(stream: string, options: ReadStreamOptions = {}): Promise<readonly StoredEvent[]> {
    await this.read(`read ${stream}`);
    const events = this.log.streams.get(stream) ?? [];
    const { from, limit, direction = 'forwards' } = options;
    const selected =
      direction === 'forwards' ? events.slice(from ?? 0) : events.slice(0, (from ?? events.length) + 1).toReversed();
    return selected.slice(0, limit);
  }

  async readStreams(streams: readonly string[]): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
    await this.read(`read ${streams.length} streams`);
    const found = new Map<string, readonly StoredEvent[]>();
    for (const stream of streams) {
      const events = this.log.streams.get(stream);
      if (events !== undefined) found.set(stream, [...events]);
    }
    return found;
  }

  async readAll(options: ReadAllOptions): Promise<Page> {
    await this.read('read all');
    return this.log.page(options);
  }

  async *subscribe({ after = 0n, filter, batchSize, signal }: SubscribeOptions): AsyncGenerator<Page> {
    this.mustBeOpen();
    const ended = AbortSignal.any([signal, this.closing.signal]);
    for (let at = after; !ended.aborted;) {
      await this.simulation.turn(this.machine, 'follow');
      const page = this.log.page({ after: at, filter, limit: batchSize });
      if (page.through > at || (page.end && at === after && page.events.length === 0)) yield page;
      if (ended.aborted) return;
      at = page.through;
      if (page.end) await this.grown(at, filter, ended);
    }
  }

  async head(): Promise<bigint> {
    await this.read('head');
    return BigInt(this.log.events.length);
  }

  async hashAt(position: bigint): Promise<string | undefined> {
    await this.read('hash');
    return this.log.events[Number(position) - 1]?.hash;
  }

  async close(): Promise<void> {
    this.closing.abort();
    await Promise.allSettled(this.lastAppend.values());
  }

  private async read(label: string): Promise<void> {
    this.mustBeOpen();
    await this.simulation.turn(this.machine, label);
    this.mustBeOpen();
    if (this.simulation.suffers('refused')) throw unavailable('refused');
  }

  /** Resolves when there is an event to read, some time after others were appended, or when the signal is aborted. */
  private async grown(at: Position, filter: EventFilter | undefined, signal: AbortSignal): Promise<void> {
    const { simulation, machine, log } = this;
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const over = new AbortController();
    let isLate = false;
    const look = (added: readonly StoredEvent[]): void => {
      if (added.some((event) => matchesFilter(filter, categoryOf(event.stream), event.type))) resolve();
      else if (added.length > 0 && !isLate) {
        isLate = true;
        void simulation.wait(machine, EMPTY_PAGE_MS, over.signal).then(resolve);
      }
    };
    const end = (): void => resolve();
    log.listeners.add(look);
    signal.addEventListener('abort', end, { once: true });
    look(log.events.slice(Number(at)));
    await promise;
    log.listeners.delete(look);
    signal.removeEventListener('abort', end);
    over.abort('looked');
  }

  private mustBeOpen(): void {
    if (this.closing.signal.aborted) throw new EventStoreClosed();
  }
}

function appended(events: readonly StoredEvent[], repeated: boolean): AppendResult {
  const last = events.at(-1);
  if (last === undefined) throw new Error('an append without events');
  const { stream, revision, position } = last;
  return { outcome: 'appended', stream, revision, position, events, repeated };
}

function unavailable(what: 'refused' | 'lost'): EventStoreUnavailable {
  return new EventStoreUnavailable(
    what === 'refused' ? 'the simulated store refused the call' : 'the answer of the simulated store was lost',
  );
}
