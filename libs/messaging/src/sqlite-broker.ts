/**
 * The embedded broker: a durable log in an SQLite file of its own. Topics have partitions, and groups committed positions, as in
 * Kafka; the members of a group are in one process (the runtime's directory lock sees to that).
 */
import { hash } from 'node:crypto';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  deadLetterTopic,
  type Broker,
  type ConsumeOptions,
  type Consumer,
  type DeadLetter,
  type Message,
  type OutgoingMessage,
  type Positions,
} from './broker.js';

export interface SqliteBrokerOptions {
  /** Partitions of a topic that comes into being; those that exist keep theirs. */
  readonly partitions?: number;
  /** Messages that are older, and committed by every group that reads their topic, are deleted. Default: 7. */
  readonly retentionDays?: number;
}

const PARTITIONS_DEFAULT = 4;
const RETENTION_DAYS_DEFAULT = 7;
/** How often consumers look for what another process has published; this process wakes them at once. */
const POLL_MS = 100;
/** The pause after a failure of `handle`: from the first, doubled up to the last. */
const RETRY_MS_FIRST = 50;
const RETRY_MS_MAX = 5_000;
/** Retention is looked at once in so many published messages. */
const PRUNE_EVERY = 50_000;
/** A message's key is its slot and offset in one integer: 8,192 slots of 2^40 messages fit into 2^53. */
const SLOT_SIZE = 2 ** 40;

/** A partition of a topic. */
interface Slot {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
}

/** @param path a file, made where there is none, or `:memory:`. */
export function openSqliteBroker(path: string, options: SqliteBrokerOptions = {}): Broker {
  return new SqliteBroker(path, options);
}

class SqliteBroker implements Broker {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private readonly slots = new Map<string, readonly Slot[]>();
  private readonly groups = new Map<string, Member[]>();
  private readonly partitions: number;
  private readonly retentionMs: number;
  private publishedSincePrune = 0;

  constructor(
    path: string,
    { partitions = PARTITIONS_DEFAULT, retentionDays = RETENTION_DAYS_DEFAULT }: SqliteBrokerOptions,
  ) {
    this.partitions = partitions;
    this.retentionMs = retentionDays * 24 * 3600 * 1000;
    this.database = new DatabaseSync(path);
    this.database.exec(`
      PRAGMA busy_timeout = 10000;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = -16384;
      PRAGMA wal_autocheckpoint = 4000;
      CREATE TABLE IF NOT EXISTS slots (
        id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, UNIQUE (topic, partition)
      ) STRICT;
      CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY, published_at INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, headers TEXT
      ) STRICT;
      CREATE TABLE IF NOT EXISTS positions (
        consumer_group TEXT NOT NULL, slot INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (consumer_group, slot)
      ) STRICT, WITHOUT ROWID;
    `);
  }

  async publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return;
    this.transaction(() => this.insert(topic, messages));
    this.wakeAll();
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const member: Member = new Member(options, {
      slotsOf: (topic) => this.slotsOf(topic) ?? [],
      share: (slots) => this.shareOf(options.group, member, slots),
      next: (slot) => this.committed(options.group, slot),
      read: (slot, from) => this.readSlot(slot, from, options.batchSize),
      commit: (slot, next, deadLetters) => this.commit(options.group, slot, next, deadLetters),
    });
    const members = this.groups.get(options.group) ?? [];
    this.groups.set(options.group, [...members, member]);
    await this.settle(members);
    member.start();
    return {
      stop: async () => {
        await member.stop();
        const left = (this.groups.get(options.group) ?? []).filter((one) => one !== member);
        this.groups.set(options.group, left);
        for (const one of left) one.wake();
      },
    };
  }

  async endPositions(topic: string): Promise<Positions> {
    const ends = this.statement('SELECT partition, next FROM slots WHERE topic = ?').all(topic);
    return new Map(ends.map((row) => [Number(row['partition']), BigInt(Number(row['next']))]));
  }

  async committedPositions(group: string, topic: string): Promise<Positions> {
    return new Map((this.slotsOf(topic) ?? []).map((slot) => [slot.partition, BigInt(this.committed(group, slot))]));
  }

  async read(
    topic: string,
    { partition, from, limit }: { readonly partition: number; readonly from: bigint; readonly limit: number },
  ): Promise<readonly Message[]> {
    const slot = this.slotsOf(topic)?.find((one) => one.partition === partition);
    return slot ? this.readSlot(slot, Number(from), limit) : [];
  }

  async close(): Promise<void> {
    await Promise.all([...this.groups.values()].flat().map((member) => member.stop()));
    this.groups.clear();
    if (this.database.isOpen) this.database.close();
  }

  /** Inside a transaction. */
  private insert(topic: string, messages: readonly OutgoingMessage[]): void {
    const slots = this.slotsOf(topic) ?? this.createTopic(topic);
    const next = slots.map(({ id }) => Number(this.statement('SELECT next FROM slots WHERE id = ?').get(id)?.['next']));
    const insert = this.statement(
      'INSERT INTO messages (id, published_at, key, value, headers) VALUES (?, ?, ?, ?, ?)',
    );
    const nowMs = Date.now();
    for (const { key, value, headers } of messages) {
      const partition = partitionOf(key, slots.length);
      const slot = slots[partition];
      const offset = next[partition];
      if (!slot || offset === undefined) throw new RangeError(`the topic ${topic} has no partition ${partition}`);
      insert.run(slot.id * SLOT_SIZE + offset, nowMs, key, value, headers ? JSON.stringify(headers) : null);
      next[partition] = offset + 1;
    }
    for (const [index, { id }] of slots.entries())
      this.statement('UPDATE slots SET next = ? WHERE id = ?').run(next[index] ?? 0, id);
    this.publishedSincePrune += messages.length;
    if (this.publishedSincePrune >= PRUNE_EVERY) this.prune(nowMs);
  }

  private wakeAll(): void {
    for (const members of this.groups.values()) for (const member of members) member.wake();
  }

  /** A member that joins takes partitions over: their batch in hand is finished first. */
  private async settle(members: readonly Member[]): Promise<void> {
    await Promise.all(members.map((member) => member.idle()));
  }

  private shareOf(group: string, member: Member, slots: readonly Slot[]): readonly Slot[] {
    const members = this.groups.get(group) ?? [];
    const index = members.indexOf(member);
    return slots.filter((slot) => slot.id % members.length === index);
  }

  private committed(group: string, slot: Slot): number {
    return Number(
      this.statement('SELECT next FROM positions WHERE consumer_group = ? AND slot = ?').get(group, slot.id)?.[
        'next'
      ] ?? 0,
    );
  }

  private readSlot(slot: Slot, from: number, limit: number): Message[] {
    const rows = this.statement(
      'SELECT id, key, value, headers FROM messages WHERE id >= ? AND id < ? ORDER BY id LIMIT ?',
    ).all(slot.id * SLOT_SIZE + from, (slot.id + 1) * SLOT_SIZE, limit);
    return rows.map((row) => ({
      topic: slot.topic,
      partition: slot.partition,
      offset: BigInt(Number(row['id']) - slot.id * SLOT_SIZE),
      key: String(row['key']),
      value: String(row['value']),
      ...(row['headers'] === null ? {} : { headers: JSON.parse(String(row['headers'])) }),
    }));
  }

  /** The position and the dead letters in one transaction: a message is set aside exactly when it is passed over. */
  private commit(group: string, slot: Slot, next: number, deadLetters: readonly DeadLetter[]): void {
    this.transaction(() => {
      if (deadLetters.length > 0)
        this.insert(
          deadLetterTopic(slot.topic, group),
          deadLetters.map((one) => setAside(one, group)),
        );
      this.statement(
        'INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT (consumer_group, slot) DO UPDATE SET next = excluded.next',
      ).run(group, slot.id, next);
    });
    if (deadLetters.length > 0) this.wakeAll();
  }

  private slotsOf(topic: string): readonly Slot[] | undefined {
    const known = this.slots.get(topic);
    if (known) return known;
    const rows = this.statement('SELECT id, partition FROM slots WHERE topic = ? ORDER BY partition').all(topic);
    if (rows.length === 0) return undefined;
    const slots = rows.map((row) => ({ id: Number(row['id']), topic, partition: Number(row['partition']) }));
    this.slots.set(topic, slots);
    return slots;
  }

  private createTopic(topic: string): readonly Slot[] {
    for (let partition = 0; partition < this.partitions; partition += 1)
      this.statement('INSERT INTO slots (topic, partition, next) VALUES (?, ?, 0)').run(topic, partition);
    const rows = this.statement('SELECT id, partition FROM slots WHERE topic = ? ORDER BY partition').all(topic);
    return rows.map((row) => ({ id: Number(row['id']), topic, partition: Number(row['partition']) }));
  }

  private prune(nowMs: number): void {
    this.publishedSincePrune = 0;
    for (const row of this.statement('SELECT slot, min(next) AS next FROM positions GROUP BY slot').all()) {
      const start = Number(row['slot']) * SLOT_SIZE;
      this.statement('DELETE FROM messages WHERE id >= ? AND id < ? AND published_at < ?').run(
        start,
        start + Number(row['next']),
        nowMs - this.retentionMs,
      );
    }
  }

  private transaction(work: () => void): void {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.database.exec('COMMIT');
    } catch (error) {
      this.database.exec('ROLLBACK');
      throw error;
    }
  }

  private statement(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (!statement) this.statements.set(sql, (statement = this.database.prepare(sql)));
    return statement;
  }
}

/** What a member needs of its broker. */
interface Access {
  slotsOf(topic: string): readonly Slot[];
  /** The member's part of the slots, as the group stands now. */
  share(slots: readonly Slot[]): readonly Slot[];
  next(slot: Slot): number;
  read(slot: Slot, from: number): readonly Message[];
  commit(slot: Slot, next: number, deadLetters: readonly DeadLetter[]): void;
}

/** One consumer: goes round its partitions, a batch of each in turn. */
class Member {
  private readonly failures = new Map<number, { readonly count: number; readonly notBeforeMs: number }>();
  private stopping = false;
  private running: Promise<void> | undefined;
  private inHand: Promise<void> = Promise.resolve();
  private wakeUp: (() => void) | undefined;
  private woken = false;

  constructor(
    private readonly options: ConsumeOptions,
    private readonly access: Access,
  ) {}

  start(): void {
    this.running = this.run();
  }

  wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  /** Resolves when the batch in hand is committed. */
  idle(): Promise<void> {
    return this.inHand;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      this.woken = false;
      let handled = false;
      for (const slot of this.access.share(this.options.topics.flatMap((topic) => this.access.slotsOf(topic)))) {
        if (this.stopping) break;
        const step = this.step(slot);
        this.inHand = step.then(() => undefined);
        handled = (await step) || handled;
      }
      // Lets the rest of the process have its turn also where there is always more to do.
      if (handled) await new Promise<void>((resolve) => setImmediate(resolve));
      else await this.sleep();
    }
  }

  /** One batch of a partition. @returns whether there was anything. */
  private async step(slot: Slot): Promise<boolean> {
    const failure = this.failures.get(slot.id);
    if (failure && Date.now() < failure.notBeforeMs) return false;
    const from = this.access.next(slot);
    const batch = this.access.read(slot, from);
    const last = batch.at(-1);
    if (!last) return false;
    try {
      const deadLetters = (await this.options.handle(batch)) ?? [];
      this.access.commit(slot, Number(last.offset) + 1, deadLetters);
      this.failures.delete(slot.id);
    } catch (error) {
      const count = (failure?.count ?? 0) + 1;
      this.failures.set(slot.id, {
        count,
        notBeforeMs: Date.now() + Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** (count - 1)),
      });
      this.options.onError?.(error, batch);
      return false;
    }
    return true;
  }

  private sleep(): Promise<void> {
    if (this.woken || this.stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.wakeUp = undefined;
        resolve();
      };
      const timer = setTimeout(done, POLL_MS);
      this.wakeUp = done;
    });
  }
}

function setAside({ message, reason }: DeadLetter, group: string): OutgoingMessage {
  const { key, value, headers, topic, partition, offset } = message;
  return {
    key,
    value,
    headers: {
      ...headers,
      reason,
      group,
      'origin-topic': topic,
      'origin-partition': String(partition),
      'origin-offset': String(offset),
    },
  };
}

/** The partition of a key: the same for ever, whoever asks. */
function partitionOf(key: string, partitions: number): number {
  return hash('sha1', key, 'buffer').readUInt32BE(0) % partitions;
}
