/**
 * The embedded broker: a durable log in an SQLite file of its own. Topics have partitions, and groups committed positions, as in
 * Kafka; the members of a group are in one thread (the runtime's directory lock sees to that). Others may publish and read.
 */
import { hash } from 'node:crypto';
import { resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { BroadcastChannel } from 'node:worker_threads';
import {
  deadLetterOf,
  deadLetterTopic,
  type Broker,
  type ConsumeOptions,
  type Consumer,
  type DeadLetter,
  type Message,
  type OutgoingMessage,
  type Positions,
} from '../broker.js';
import { ConsumerGroup, type PartitionLog, type Slot } from './consumer-group.js';

export interface SqliteBrokerOptions {
  /** Partitions of a topic that comes into being; those that exist keep theirs. Default: 1, as the members of a group are in one thread, where more partitions only make smaller batches. */
  readonly partitions?: number;
  /** Messages that are older, and committed by every group that reads their topic, are deleted. Default: 7. */
  readonly retentionDays?: number;
}

const PARTITIONS_DEFAULT = 1;
const RETENTION_DAYS_DEFAULT = 7;
/** Every consumer looks into each of its partitions in turn. */
const PARTITIONS_MAX = 256;
/** Retention is looked at once in so many published messages, and deletes as many of a partition at the most: no publish has to wait long. */
const PRUNE_MESSAGES = 10_000;
/** A message's key is its slot and offset in one integer: 8,192 slots of 2^40 messages fit into 2^53. */
const SLOT_SIZE = 2 ** 40;

/** @param path a file, made where there is none, or `:memory:`. */
export function openSqliteBroker(path: string, options: SqliteBrokerOptions = {}): Broker {
  return new SqliteBroker(path, options);
}

class SqliteBroker implements Broker, PartitionLog {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private readonly slots = new Map<string, readonly Slot[]>();
  private readonly groups = new Map<string, ConsumerGroup>();
  /** What was read last of each partition: groups of this thread that read the same topic get the very same messages. */
  private readonly lastRead = new Map<Slot['id'], readonly Message[]>();
  private readonly partitions: number;
  private readonly retentionMs: number;
  /** Tells the other threads of this process that use the same file to which topic something was published. */
  private readonly threads: BroadcastChannel;
  private publishedSincePrune = 0;

  constructor(
    path: string,
    { partitions = PARTITIONS_DEFAULT, retentionDays = RETENTION_DAYS_DEFAULT }: SqliteBrokerOptions,
  ) {
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX)
      throw new RangeError(`partitions must be a whole number from 1 to ${PARTITIONS_MAX}, not ${partitions}`);
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
    this.threads = new BroadcastChannel(`broker ${resolve(path)}`);
    this.threads.unref();
    this.threads.onmessage = ({ data: topic }: { readonly data: unknown }) => {
      if (typeof topic === 'string') this.wakeGroups(topic);
    };
  }

  async publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return;
    this.transaction(() => this.insert(topic, messages));
    this.wake(topic);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    if (!this.database.isOpen) throw new Error('the broker is closed');
    const slots = options.topics.flatMap((topic) => this.slotsOf(topic));
    if (slots.length > 0) this.transaction(() => this.register(options.group, slots));
    let group = this.groups.get(options.group);
    if (!group) this.groups.set(options.group, (group = new ConsumerGroup(options.group, this)));
    return group.join(options);
  }

  async endPositions(topic: string): Promise<Positions> {
    const ends = this.statement('SELECT partition, next FROM slots WHERE topic = ?').all(topic);
    return new Map(ends.map((row) => [Number(row['partition']), BigInt(Number(row['next']))]));
  }

  async committedPositions(group: string, topic: string): Promise<Positions> {
    return new Map(this.slotsOf(topic).map((slot) => [slot.partition, BigInt(this.committed(group, slot))]));
  }

  async read(
    topic: string,
    { partition, from, limit }: { readonly partition: number; readonly from: bigint; readonly limit: number },
  ): Promise<readonly Message[]> {
    const slot = this.slotsOf(topic).find((one) => one.partition === partition);
    return slot ? this.select(slot, Number(from), limit) : [];
  }

  async close(): Promise<void> {
    await Promise.all([...this.groups.values()].map((group) => group.stop()));
    this.groups.clear();
    this.threads.close();
    if (this.database.isOpen) this.database.close();
  }

  /** Inside a transaction. */
  private insert(topic: string, messages: readonly OutgoingMessage[]): void {
    const known = this.slotsOf(topic);
    const slots = known.length > 0 ? known : this.createTopic(topic);
    const insert = this.statement(
      'INSERT INTO messages (id, published_at, key, value, headers) VALUES (?, ?, ?, ?, ?)',
    );
    const nowMs = Date.now();
    /** Of the partitions that get a message: the offset of the next one. */
    const next = new Map<Slot, number>();
    for (const { key, value, headers } of messages) {
      const slot = slots[partitionOf(key, slots.length)];
      if (!slot) throw new RangeError(`the topic ${topic} has no partition for the key ${key}`);
      const offset = next.get(slot) ?? this.end(slot);
      insert.run(slot.id * SLOT_SIZE + offset, nowMs, key, value, headers ? JSON.stringify(headers) : null);
      next.set(slot, offset + 1);
    }
    for (const [{ id }, offset] of next) this.statement('UPDATE slots SET next = ? WHERE id = ?').run(offset, id);
    this.publishedSincePrune += messages.length;
    if (this.publishedSincePrune >= PRUNE_MESSAGES) this.prune(nowMs - this.retentionMs);
  }

  private end({ id }: Slot): number {
    return Number(this.statement('SELECT next FROM slots WHERE id = ?').get(id)?.['next']);
  }

  private wake(topic: string): void {
    this.wakeGroups(topic);
    this.threads.postMessage(topic);
  }

  private wakeGroups(topic: string): void {
    for (const group of this.groups.values()) group.wake(topic);
  }

  /**
   * From now on nothing of these partitions is deleted that the group has not committed, be it never so slow. Inside a transaction.
   */
  private register(group: string, slots: readonly Slot[]): void {
    for (const { id } of slots) this.statement('INSERT OR IGNORE INTO positions VALUES (?, ?, 0)').run(group, id);
  }

  committed(group: string, slot: Slot): number {
    return Number(
      this.statement('SELECT next FROM positions WHERE consumer_group = ? AND slot = ?').get(group, slot.id)?.[
        'next'
      ] ?? 0,
    );
  }

  next(slot: Slot, from: number, limit: number): readonly Message[] {
    const known = this.lastRead.get(slot.id) ?? [];
    // A partition has no gaps.
    const index = from - Number(known[0]?.offset ?? 0n);
    if (index >= 0 && index < known.length) return known.slice(index, index + limit);
    const messages = this.select(slot, from, limit);
    if (messages.length > 0) this.lastRead.set(slot.id, messages);
    return messages;
  }

  private select(slot: Slot, from: number, limit: number): readonly Message[] {
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

  /**
   * The position and the dead letters in one transaction: a message is set aside exactly when it is passed over.
   *
   * A position alone does not wait for the disk: it reaches it with the next message, and a power failure before then takes the group
   * back a few batches, which come again. That is what a consumer has to bear anyhow, as its effect is stored before its position.
   */
  commit(group: string, slot: Slot, next: number, deadLetters: readonly DeadLetter[]): void {
    const work = (): void => {
      if (deadLetters.length > 0)
        this.insert(
          deadLetterTopic(slot.topic, group),
          deadLetters.map((one) => deadLetterOf(one, group)),
        );
      this.statement(
        'INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT (consumer_group, slot) DO UPDATE SET next = max(next, excluded.next)',
      ).run(group, slot.id, next);
    };
    if (deadLetters.length > 0) this.transaction(work);
    else this.withoutWaitingForDisk(() => this.transaction(work));
    if (deadLetters.length > 0) this.wake(deadLetterTopic(slot.topic, group));
  }

  /** None of a topic that nobody has published to. */
  slotsOf(topic: string): readonly Slot[] {
    const known = this.slots.get(topic);
    if (known) return known;
    const slots = this.readSlots(topic);
    // What this connection has not committed yet may still be rolled back.
    if (slots.length === 0 || this.database.isTransaction) return slots;
    // Another thread may have created the topic, which knows nothing of the groups of this one.
    this.transaction(() => this.registerReaders(topic, slots));
    this.slots.set(topic, slots);
    return slots;
  }

  private readSlots(topic: string): readonly Slot[] {
    const rows = this.statement('SELECT id, partition FROM slots WHERE topic = ? ORDER BY partition').all(topic);
    return rows.map((row) => ({ id: Number(row['id']), topic, partition: Number(row['partition']) }));
  }

  /** Inside a transaction. */
  private createTopic(topic: string): readonly Slot[] {
    for (let partition = 0; partition < this.partitions; partition += 1)
      this.statement('INSERT INTO slots (topic, partition, next) VALUES (?, ?, 0)').run(topic, partition);
    const slots = this.readSlots(topic);
    this.registerReaders(topic, slots);
    return slots;
  }

  /** Inside a transaction. */
  private registerReaders(topic: string, slots: readonly Slot[]): void {
    for (const group of this.groups.values()) if (group.reads(topic)) this.register(group.name, slots);
  }

  /** Deletes what was published before `untilMs` and every group of its partition has committed. Inside a transaction. */
  private prune(untilMs: number): void {
    this.publishedSincePrune = 0;
    for (const row of this.statement('SELECT slot, min(next) AS next FROM positions GROUP BY slot').all()) {
      const start = Number(row['slot']) * SLOT_SIZE;
      const end = start + Number(row['next']);
      const first = this.statement('SELECT id FROM messages WHERE id >= ? AND id < ? ORDER BY id LIMIT 1').get(
        start,
        end,
      );
      if (!first) continue;
      // A partition has no gaps and is in order of time: its old part is found by halving, not by reading it.
      let kept = Number(first['id']);
      let beyond = Math.min(end, kept + PRUNE_MESSAGES);
      while (kept < beyond) {
        const middle = Math.floor((kept + beyond) / 2);
        const publishedAt = this.statement('SELECT published_at FROM messages WHERE id = ?').get(middle)?.[
          'published_at'
        ];
        if (Number(publishedAt) < untilMs) kept = middle + 1;
        else beyond = middle;
      }
      this.statement('DELETE FROM messages WHERE id >= ? AND id < ?').run(start, kept);
    }
  }

  private withoutWaitingForDisk(work: () => void): void {
    this.database.exec('PRAGMA synchronous = NORMAL');
    try {
      work();
    } finally {
      this.database.exec('PRAGMA synchronous = FULL');
    }
  }

  private transaction(work: () => void): void {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.database.exec('COMMIT');
    } catch (error) {
      // A full disk, for one, has rolled back already.
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }

  private statement(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (!statement) this.statements.set(sql, (statement = this.database.prepare(sql)));
    return statement;
  }
}

/** The partition of a key: the same for ever, whoever asks. */
function partitionOf(key: string, partitions: number): number {
  return hash('sha1', key, 'buffer').readUInt32BE(0) % partitions;
}
