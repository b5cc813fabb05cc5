/**
 * A broker of the simulated world, as Kafka is: topics outlive machines, a publication whose answer is lost is sent
 * again, and a group that changes its members reads again what was not committed.
 */
import { hash } from 'node:crypto';

import type {
  Batch,
  Broker,
  IsPaused,
  Message,
  OutgoingMessage,
  Positions,
  SubscribeOptions,
  Subscription,
} from '@tantieme/messaging/broker';

import type { Machine, Simulation } from './simulation.js';

/** How often a member looks for messages without being woken. */
const POLL_MS = 1000;

interface Partition {
  readonly topic: string;
  readonly number: number;
  readonly messages: Message[];
  /** Offset of the next message by group. */
  readonly committed: Map<string, bigint>;
  /** The member of each group that has a batch in progress. */
  readonly claimed: Map<string, Member>;
}

interface Member {
  readonly machine: Machine;
  readonly options: SubscribeOptions;
  /** Woken by publications and assignments. */
  wake: () => void;
}

/** What the servers of the broker store. */
export class SimulatedTopics {
  readonly partitions = new Map<string, readonly Partition[]>();
  readonly groups = new Map<string, Member[]>();

  /** @param partitionCount partitions of every topic: more than one, and messages of different keys overtake each other */
  constructor(private readonly partitionCount: number) {}

  of(topic: string): readonly Partition[] {
    return this.partitions.get(topic) ?? [];
  }

  add(topic: string, { key, value, headers }: OutgoingMessage): void {
    let partitions = this.partitions.get(topic);
    if (partitions === undefined) {
      const empty = (number: number): Partition => ({
        topic,
        number,
        messages: [],
        committed: new Map(),
        claimed: new Map(),
      });
      partitions = Array.from({ length: this.partitionCount }, (_, number) => empty(number));
      this.partitions.set(topic, partitions);
    }
    const partition = partitions[hash('sha1', key, 'buffer').readUInt32BE(0) % partitions.length];
    if (partition === undefined) return;
    const offset = BigInt(partition.messages.length);
    const message = { topic, partition: partition.number, offset, key, value };
    partition.messages.push(headers === undefined ? message : { ...message, headers });
  }

  wake(topic: string): void {
    for (const members of this.groups.values())
      for (const member of members) if (member.options.topics.includes(topic)) member.wake();
  }

  join(member: Member): void {
    const { group } = member.options;
    this.groups.set(group, [...(this.groups.get(group) ?? []), member]);
    this.assign(group);
  }

  has(member: Member): boolean {
    return this.groups.get(member.options.group)?.includes(member) === true;
  }

  leave(member: Member): void {
    const { group, topics } = member.options;
    for (const { claimed } of topics.flatMap((topic) => this.of(topic)))
      if (claimed.get(group) === member) claimed.delete(group);
    this.groups.set(
      group,
      (this.groups.get(group) ?? []).filter((one) => one !== member),
    );
    this.assign(group);
  }

  /** The servers hear nothing of a machine any more, and give its partitions to the others. It may join again. */
  expel(machine: Machine): void {
    for (const members of this.groups.values())
      for (const member of members) if (member.machine === machine) this.leave(member);
  }

  owns(member: Member, { topic, number }: Partition): boolean {
    const readers = (this.groups.get(member.options.group) ?? []).filter(({ options }) =>
      options.topics.includes(topic),
    );
    return readers[number % readers.length] === member;
  }

  private assign(group: string): void {
    for (const member of this.groups.get(group) ?? []) {
      if (member.machine.isRunning) member.options.onAssigned?.();
      member.wake();
    }
  }
}

export class SimulatedBroker implements Broker {
  private readonly closing = new AbortController();
  private readonly subscriptions = new Set<Subscription>();
  /** Publications take effect in the order of the calls. */
  private lastPublication: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly simulation: Simulation,
    private readonly machine: Machine,
    private readonly topics: SimulatedTopics,
  ) {}

  async publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const publication = this.lastPublication.then(() => this.send(topic, messages));
    this.lastPublication = publication.catch(() => undefined);
    await publication;
  }

  private async send(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    await this.call(`publish ${topic}`);
    const { simulation, topics } = this;
    // A producer that got no answer sends the whole batch again.
    const times = simulation.suffers('repeated') ? 2 : 1;
    for (let time = 0; time < times; time += 1) for (const message of messages) topics.add(topic, message);
    topics.wake(topic);
    await simulation.turn(this.machine, `published ${topic}`);
    if (simulation.suffers('lostAnswer')) throw new Error('the answer of the simulated broker was lost');
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    await this.call(`join ${options.group}`);
    const member: Member = { machine: this.machine, options, wake: () => undefined };
    const subscription = new SimulatedSubscription(this.simulation, member, this.topics);
    this.topics.join(member);
    this.subscriptions.add(subscription);
    return subscription;
  }

  async endPositions(topic: string): Promise<Positions> {
    await this.call(`ends of ${topic}`);
    return new Map(this.topics.of(topic).map(({ number, messages }) => [number, BigInt(messages.length)]));
  }

  async committedPositions(group: string, topic: string): Promise<Positions> {
    await this.call(`positions of ${group}`);
    return new Map(this.topics.of(topic).map(({ number, committed }) => [number, committed.get(group) ?? 0n]));
  }

  async close(): Promise<void> {
    this.closing.abort();
    for (const subscription of this.subscriptions) await subscription.close();
  }

  private async call(label: string): Promise<void> {
    const { simulation, machine, closing } = this;
    if (closing.signal.aborted) throw new Error('the broker is closed');
    await simulation.turn(machine, label);
    if (simulation.suffers('refused')) throw new Error('the simulated broker refused the call');
  }
}

class SimulatedSubscription implements Subscription {
  private isClosed = false;

  constructor(
    private readonly simulation: Simulation,
    private readonly member: Member,
    private readonly topics: SimulatedTopics,
  ) {}

  async next(signal: AbortSignal, isPaused: IsPaused = () => false): Promise<Batch | undefined> {
    const { simulation, member } = this;
    while (!signal.aborted) {
      await simulation.turn(member.machine, `fetch ${member.options.group}`);
      if (this.isClosed) throw new Error('the subscription is closed');
      if (signal.aborted) break;
      if (!this.topics.has(member)) this.topics.join(member);
      const batch = this.find(isPaused);
      if (batch !== undefined) return batch;
      const waiting = new AbortController();
      member.wake = () => waiting.abort();
      signal.addEventListener('abort', member.wake, { once: true });
      await simulation.wait(member.machine, POLL_MS, waiting.signal);
    }
    return undefined;
  }

  async commit(batch: Batch): Promise<void> {
    const { simulation, member } = this;
    await simulation.turn(member.machine, `commit ${member.options.group}`);
    const partition = this.end(batch);
    if (simulation.suffers('refused')) throw new Error('the simulated broker refused the commit');
    if (partition === undefined) throw new Error('the servers have given the partition to another member');
    partition.committed.set(member.options.group, batch.next);
    if (!simulation.suffers('lostAnswer')) return;
    // As with Kafka's client, the member joins again.
    this.topics.leave(member);
    throw new Error('the answer of the simulated broker was lost');
  }

  release(batch: Batch): void {
    this.end(batch);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.topics.leave(this.member);
  }

  private find(isPaused: IsPaused): Batch | undefined {
    const { simulation, member, topics } = this;
    const { group, batchSize } = member.options;
    const candidates = member.options.topics
      .flatMap((topic) => topics.of(topic))
      .filter(
        (partition) =>
          topics.owns(member, partition) &&
          !partition.claimed.has(group) &&
          !isPaused(partition.topic, partition.number) &&
          (partition.committed.get(group) ?? 0n) < BigInt(partition.messages.length),
      );
    if (candidates.length === 0) return undefined;
    const partition = candidates[simulation.pick(candidates.length)];
    if (partition === undefined) return undefined;
    const committed = Number(partition.committed.get(group) ?? 0n);
    // A rebalance may have lost the last commits.
    const from = simulation.suffers('repeated') ? simulation.pick(committed + 1) : committed;
    const available = Math.min(batchSize, partition.messages.length - from);
    const count = simulation.faults.repeated === 0 ? available : 1 + simulation.pick(available);
    const messages = partition.messages.slice(from, from + count);
    partition.claimed.set(group, member);
    return { topic: partition.topic, partition: partition.number, messages, next: BigInt(from + messages.length) };
  }

  private end({ topic, partition: number }: Batch): Partition | undefined {
    const partition = this.topics.of(topic)[number];
    const { group } = this.member.options;
    if (partition?.claimed.get(group) !== this.member) return undefined;
    partition.claimed.delete(group);
    this.topics.wake(topic);
    return partition;
  }
}
