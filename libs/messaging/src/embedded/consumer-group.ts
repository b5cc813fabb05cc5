/** A consumer group within one process: assigns its members partitions, and runs them batch by batch. */
import { backoffMs } from '@tantieme/time/backoff';
import { notify, type ConsumeOptions, type Consumer, type DeadLetter, type Message } from '../broker.js';

/** A partition of a topic. */
export interface Slot {
  /** Unique over all topics. */
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
}

/** What a group needs from its broker. */
export interface PartitionLog {
  /** Empty for a topic that does not exist yet. */
  slotsOf(topic: string): readonly Slot[];
  /** Offset of the next message that the group has to handle. */
  committed(group: string, slot: Slot): number;
  next(slot: Slot, from: number, limit: number): readonly Message[];
  /** Stores the position and the dead letters atomically. */
  commit(group: string, slot: Slot, next: number, deadLetters: readonly DeadLetter[]): void;
}

/** How often members check for messages of other processes; those of this process wake them at once. */
const POLL_MS = 250;
/** The pause after a failure of `handle`. */
const BACKOFF = { firstMs: 50, maxMs: 5_000 };

export class ConsumerGroup {
  private readonly members: Member[] = [];
  /** Partitions with a batch in progress: after a reassignment, the new owner waits until it is committed. */
  private readonly claimed = new Set<number>();
  /** Claimed partitions for which another member waits. */
  private readonly awaited = new Set<number>();

  constructor(
    readonly name: string,
    private readonly log: PartitionLog,
  ) {}

  join(options: ConsumeOptions): Consumer {
    const member = new Member(options, this, this.log);
    this.members.push(member);
    member.start();
    this.notifyAssigned();
    return {
      stop: async () => {
        await member.stop();
        const index = this.members.indexOf(member);
        if (index < 0) return;
        this.members.splice(index, 1);
        this.notifyAssigned();
        this.wakeAll();
      },
    };
  }

  reads(topic: string): boolean {
    return this.members.some((member) => member.reads(topic));
  }

  wake(topic: string): void {
    for (const member of this.members) if (member.reads(topic)) member.wake();
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
    this.members.length = 0;
  }

  /** True if the partition belongs to the member and has no batch in progress. The member must then `release` it. */
  claim(member: Member, slot: Slot): boolean {
    const readers = this.members.filter((one) => one.reads(slot.topic));
    if (readers[slot.id % readers.length] !== member) return false;
    if (this.claimed.has(slot.id)) {
      this.awaited.add(slot.id);
      return false;
    }
    this.claimed.add(slot.id);
    return true;
  }

  release(slot: Slot): void {
    this.claimed.delete(slot.id);
    // Only if a member waits for this partition: otherwise the members would keep waking each other.
    if (this.awaited.delete(slot.id)) this.wakeAll();
  }

  private notifyAssigned(): void {
    for (const member of this.members) member.notifyAssigned();
  }

  private wakeAll(): void {
    for (const member of this.members) member.wake();
  }
}

/** A consumer: handles one batch of each of its partitions in turn. */
class Member {
  private readonly failures = new Map<number, { readonly count: number; readonly notBeforeMs: number }>();
  /** The earliest end of the pauses that this round skipped. */
  private retryAtMs = Infinity;
  /** True if the log could not be read at the last attempt. */
  private isLogUnavailable = false;
  private stopping = false;
  private running: Promise<void> | undefined;
  private wakeUp: (() => void) | undefined;
  private woken = false;

  constructor(
    private readonly options: ConsumeOptions,
    private readonly group: ConsumerGroup,
    private readonly log: PartitionLog,
  ) {}

  reads(topic: string): boolean {
    return this.options.topics.includes(topic);
  }

  start(): void {
    this.running = this.run();
  }

  wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  /** Resolves when the current batch is committed. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    // The caller of `consume` receives its consumer before the first batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (!this.stopping) {
      this.woken = false;
      // Yields to the rest of the process even if there is always more to do.
      if (await this.round()) await new Promise<void>((resolve) => setImmediate(resolve));
      else await this.sleep();
    }
  }

  /** Handles one batch of each partition. @returns whether any was handled. */
  private async round(): Promise<boolean> {
    let handled = false;
    this.retryAtMs = Infinity;
    for (const slot of this.slots()) {
      if (this.stopping) break;
      if (this.isPaused(slot) || !this.group.claim(this, slot)) continue;
      try {
        handled = (await this.step(slot)) || handled;
      } finally {
        this.group.release(slot);
      }
    }
    return handled;
  }

  private slots(): readonly Slot[] {
    try {
      const slots = this.options.topics.flatMap((topic) => this.log.slotsOf(topic));
      if (this.isLogUnavailable) this.notifyAssigned();
      this.isLogUnavailable = false;
      return slots;
    } catch (error) {
      this.isLogUnavailable = true;
      this.report(error, []);
      return [];
    }
  }

  /** @returns whether a batch was handled. */
  private async step(slot: Slot): Promise<boolean> {
    let batch: readonly Message[] = [];
    try {
      batch = this.log.next(slot, this.log.committed(this.options.group, slot), this.options.batchSize);
      const last = batch.at(-1);
      if (!last) return false;
      const deadLetters = (await this.options.handle(batch)) ?? [];
      this.log.commit(this.options.group, slot, Number(last.offset) + 1, deadLetters);
      this.failures.delete(slot.id);
      return true;
    } catch (error) {
      if (batch.length === 0) this.isLogUnavailable = true;
      const count = (this.failures.get(slot.id)?.count ?? 0) + 1;
      const notBeforeMs = performance.now() + backoffMs(BACKOFF, count);
      this.failures.set(slot.id, { count, notBeforeMs });
      this.retryAtMs = Math.min(this.retryAtMs, notBeforeMs);
      this.report(error, batch);
      return false;
    }
  }

  private isPaused({ id }: Slot): boolean {
    const notBeforeMs = this.failures.get(id)?.notBeforeMs ?? 0;
    if (performance.now() >= notBeforeMs) return false;
    this.retryAtMs = Math.min(this.retryAtMs, notBeforeMs);
    return true;
  }

  notifyAssigned(): void {
    notify(() => this.options.onAssigned?.());
  }

  private report(error: unknown, batch: readonly Message[]): void {
    notify(() => this.options.onError?.(error, batch));
  }

  /** Waits for a message, the end of a pause, or the next poll. */
  private sleep(): Promise<void> {
    // Woken during the round: only yield to the rest of the process.
    if (this.woken || this.stopping) return new Promise((resolve) => setImmediate(resolve));
    const untilMs = Math.min(POLL_MS, Math.max(0, Math.ceil(this.retryAtMs - performance.now())));
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.wakeUp = undefined;
        resolve();
      };
      const timer = setTimeout(done, untilMs);
      this.wakeUp = done;
    });
  }
}
