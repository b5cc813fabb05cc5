/** The members of a consumer group within one process: who takes which partition, one batch after the other. */
import { backoffMs } from '@tantieme/time/backoff';
import { notify, type ConsumeOptions, type Consumer, type DeadLetter, type Message } from '../broker.js';

/** A partition of a topic. */
export interface Slot {
  /** Unique over all topics. */
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
}

/** What a group needs of its broker. Offsets are whole numbers. */
export interface PartitionLog {
  /** None of a topic that does not exist yet. */
  slotsOf(topic: string): readonly Slot[];
  /** Offset of the next message that the group has to handle. */
  committed(group: string, slot: Slot): number;
  next(slot: Slot, from: number, limit: number): readonly Message[];
  /** The position and the dead letters, all or nothing. */
  commit(group: string, slot: Slot, next: number, deadLetters: readonly DeadLetter[]): void;
}

/** How often members look for what another process has published; what this process publishes wakes them at once. */
const POLL_MS = 250;
/** The pause after a failure of `handle`: from the first, doubled up to the last. */
const BACKOFF = { firstMs: 50, maxMs: 5_000 };

export class ConsumerGroup {
  private readonly members: Member[] = [];
  /** Partitions of which a member handles a batch. One that changes hands is not touched before that batch is committed. */
  private readonly inHand = new Set<number>();
  /** Those of them that another member has asked for. */
  private readonly awaited = new Set<number>();

  constructor(
    readonly name: string,
    private readonly log: PartitionLog,
  ) {}

  join(options: ConsumeOptions): Consumer {
    const member = new Member(options, this, this.log);
    this.members.push(member);
    member.start();
    this.tellAssigned();
    return {
      stop: async () => {
        await member.stop();
        const index = this.members.indexOf(member);
        if (index < 0) return;
        this.members.splice(index, 1);
        this.tellAssigned();
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

  /** Whether the partition is the member's, as the group stands now, and in nobody's hand. It has to `release` it. */
  claim(member: Member, slot: Slot): boolean {
    const readers = this.members.filter((one) => one.reads(slot.topic));
    if (readers[slot.id % readers.length] !== member) return false;
    if (this.inHand.has(slot.id)) {
      this.awaited.add(slot.id);
      return false;
    }
    this.inHand.add(slot.id);
    return true;
  }

  release(slot: Slot): void {
    this.inHand.delete(slot.id);
    // Only who waits for this very partition: to wake for any other would have the members wake each other without end.
    if (this.awaited.delete(slot.id)) this.wakeAll();
  }

  private tellAssigned(): void {
    for (const member of this.members) member.tellAssigned();
  }

  private wakeAll(): void {
    for (const member of this.members) member.wake();
  }
}

/** One consumer: goes round its partitions, a batch of each in turn. */
class Member {
  private readonly failures = new Map<number, { readonly count: number; readonly notBeforeMs: number }>();
  /** When the first of the pauses ends that this round met. */
  private retryAtMs = Infinity;
  /** Whether the log kept it from its partitions when it last looked. */
  private kept = false;
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

  /** Resolves when the batch in hand is committed. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    // Whoever called `consume` has its consumer before it has its first batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (!this.stopping) {
      this.woken = false;
      // Lets the rest of the process have its turn also where there is always more to do.
      if (await this.round()) await new Promise<void>((resolve) => setImmediate(resolve));
      else await this.sleep();
    }
  }

  /** A batch of each partition. @returns whether any was handled. */
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
      if (this.kept) this.tellAssigned();
      this.kept = false;
      return slots;
    } catch (error) {
      this.kept = true;
      this.report(error, []);
      return [];
    }
  }

  /** @returns whether there was anything, and it was handled. */
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
      if (batch.length === 0) this.kept = true;
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

  tellAssigned(): void {
    notify(() => this.options.onAssigned?.());
  }

  private report(error: unknown, batch: readonly Message[]): void {
    notify(() => this.options.onError?.(error, batch));
  }

  /** Until something is published, a pause ends, or it is time to look again. */
  private sleep(): Promise<void> {
    // Woken meanwhile: the rest of the process has its turn all the same.
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
