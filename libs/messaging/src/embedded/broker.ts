/**
 * The embedded broker: a durable log in its own SQLite file. As in Kafka, topics have partitions and groups have
 * committed positions. The members of a group are in one thread, which the lock of the data directory ensures; other
 * threads and processes may publish and read.
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
  /**
   * Partitions of new topics; existing topics keep theirs. Default: 1, as the members of a group are in one thread,
   * where more partitions only make batches smaller.
   */
  readonly partitions?: number | undefined;
  /** Older messages are deleted once every group that reads their topic has committed them. Default: 7. */
  readonly retentionDays?: number | undefined;
}

const PARTITIONS_DEFAULT = 1;
const RETENTION_DAYS_DEFAULT = 7;
/** Limited, as every consumer polls each of its partitions. */
const PARTITIONS_MAX = 256;
/**
 * Retention is applied once per this many published messages, and deletes at most as many per partition, so that no
 * publish waits long.
 */
const PRUNE_MESSAGES = 10_000;
/** A message's id combines its slot and offset in one integer: 8,192 slots of 2^40 messages fit into 2^53. */
const SLOT_SIZE = 2 ** 40;

/** @param path a file, created if missing, or `:memory:`. */
export function openSqliteBroker(path: string, options: SqliteBrokerOptions = {}): Broker {
  return new SqliteBroker(path, options);
}

class SqliteBroker implements Broker, PartitionLog {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private readonly slots = new Map<string, readonly Slot[]>();
  private readonly groups = new Map<string, ConsumerGroup>();
  /** The last read of each partition: groups of this thread that read the same topic share the message objects. */
  private readonly lastRead = new Map<Slot['id'], readonly Message[]>();
  private readonly partitions: number;
  private readonly retentionMs: number;
  /** Tells other threads of this process with the same file which topic has new messages. */
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
    /** Next offset of each partition that receives a message. */
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

  /** Protects messages that the group has not committed from deletion, however slow it is. Inside a transaction. */
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
    // Offsets in a partition have no gaps.
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
      ...(row['headers'] === null ? {} : { headers: JSON.parse(String(row['headers'])) as Record<string, string> }),
    }));
  }

  /**
   * Stores the position and the dead letters in one transaction: a message becomes a dead letter exactly when it is
   * skipped.
   *
   * A position alone is not synced to the disk, but with the next message. A power failure before then moves the group
   * back a few batches, which are delivered again. A consumer must tolerate that anyway, as its effect is stored before
   * its position.
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
    else this.withoutSync(() => this.transaction(work));
    if (deadLetters.length > 0) this.wake(deadLetterTopic(slot.topic, group));
  }

  /** Empty for a topic without messages. */
  slotsOf(topic: string): readonly Slot[] {
    const known = this.slots.get(topic);
    if (known) return known;
    const slots = this.readSlots(topic);
    // Not cached inside a transaction, which may still be rolled back.
    if (slots.length === 0 || this.database.isTransaction) return slots;
    // Another thread may have created the topic, without the groups of this one.
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

  /** Deletes messages published before `untilMs` that all groups have committed. Inside a transaction. */
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
      // Binary search for the first message to keep: a partition has no gaps and is ordered by time.
      let low = Number(first['id']);
      let high = Math.min(end, low + PRUNE_MESSAGES);
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const publishedAt = this.statement('SELECT published_at FROM messages WHERE id = ?').get(middle)?.[
          'published_at'
        ];
        if (Number(publishedAt) < untilMs) low = middle + 1;
        else high = middle;
      }
      this.statement('DELETE FROM messages WHERE id >= ? AND id < ?').run(start, low);
    }
  }

  private withoutSync(work: () => void): void {
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
      // SQLite has already rolled back after some errors, such as a full disk.
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

/** The partition of a key. Must never change, as it determines the order of messages. */
function partitionOf(key: string, partitions: number): number {
  return hash('sha1', key, 'buffer').readUInt32BE(0) % partitions;
}
