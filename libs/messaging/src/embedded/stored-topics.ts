/**
 * The topics on which others publish, in a SQLite file of their own, and the committed positions of all groups. Other
 * threads and processes may publish and read.
 */
import { hash } from 'node:crypto';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Message, OutgoingMessage } from '../broker.js';
import { PRUNED_MESSAGES_MAX, SLOT_MESSAGES_MAX } from '../limits.js';

/** A partition of a topic. */
export interface Slot {
  /** Unique over all topics. */
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
}

export class StoredTopics {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private readonly slots = new Map<string, readonly Slot[]>();
  /** The last read of each partition: groups of this thread that read the same topic share the message objects. */
  private readonly lastRead = new Map<Slot['id'], readonly Message[]>();
  private publishedSincePrune = 0;

  constructor(
    path: string,
    private readonly options: {
      readonly partitions: number;
      readonly retentionMs: number;
      readonly nowMs: () => number;
      /** Groups of this thread that read a topic. */
      readonly readersOf: (topic: string) => readonly string[];
    },
  ) {
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
      CREATE TABLE IF NOT EXISTS view_positions (
        consumer_group TEXT NOT NULL, topic TEXT NOT NULL, next TEXT NOT NULL, PRIMARY KEY (consumer_group, topic)
      ) STRICT, WITHOUT ROWID;
    `);
  }

  get isOpen(): boolean {
    return this.database.isOpen;
  }

  close(): void {
    if (this.database.isOpen) this.database.close();
  }

  publish(topic: string, messages: readonly OutgoingMessage[]): void {
    this.transaction(() => this.insert(topic, messages));
  }

  /** Inside a transaction. */
  private insert(topic: string, messages: readonly OutgoingMessage[]): void {
    const known = this.slotsOf(topic);
    const slots = known.length > 0 ? known : this.createTopic(topic);
    const insert = this.statement(
      'INSERT INTO messages (id, published_at, key, value, headers) VALUES (?, ?, ?, ?, ?)',
    );
    const nowMs = this.options.nowMs();
    /** Next offset of each partition that receives a message. */
    const next = new Map<Slot, number>();
    for (const { key, value, headers } of messages) {
      const slot = slots[partitionOf(key, slots.length)];
      if (!slot) throw new RangeError(`the topic ${topic} has no partition for the key ${key}`);
      const offset = next.get(slot) ?? this.end(slot);
      insert.run(slot.id * SLOT_MESSAGES_MAX + offset, nowMs, key, value, headers ? JSON.stringify(headers) : null);
      next.set(slot, offset + 1);
    }
    for (const [{ id }, offset] of next) this.statement('UPDATE slots SET next = ? WHERE id = ?').run(offset, id);
    this.publishedSincePrune += messages.length;
    if (this.publishedSincePrune >= PRUNED_MESSAGES_MAX) this.prune(nowMs - this.options.retentionMs);
  }

  end({ id }: Slot): number {
    return Number(this.statement('SELECT next FROM slots WHERE id = ?').get(id)?.['next']);
  }

  /** Protects messages that the group has not committed from deletion, however slow it is. */
  register(group: string, topics: readonly string[]): void {
    const slots = topics.flatMap((topic) => this.slotsOf(topic));
    if (slots.length > 0) this.transaction(() => this.insertReaders(group, slots));
  }

  /** Inside a transaction. */
  private insertReaders(group: string, slots: readonly Slot[]): void {
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

  select(slot: Slot, from: number, limit: number): readonly Message[] {
    const rows = this.statement(
      'SELECT id, key, value, headers FROM messages WHERE id >= ? AND id < ? ORDER BY id LIMIT ?',
    ).all(slot.id * SLOT_MESSAGES_MAX + from, (slot.id + 1) * SLOT_MESSAGES_MAX, limit);
    return rows.map((row) => ({
      topic: slot.topic,
      partition: slot.partition,
      offset: BigInt(Number(row['id']) - slot.id * SLOT_MESSAGES_MAX),
      key: String(row['key']),
      value: String(row['value']),
      ...(row['headers'] === null ? {} : { headers: JSON.parse(String(row['headers'])) as Record<string, string> }),
    }));
  }

  /**
   * Not synced to the disk, but with the next message. A power failure before then moves the group back a few batches,
   * which are delivered again. A consumer must tolerate that anyway, as its effect is stored before its position.
   */
  commit(group: string, slot: Slot, next: bigint): void {
    this.withoutSync(() =>
      this.statement(
        'INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT (consumer_group, slot) DO UPDATE SET next = max(next, excluded.next)',
      ).run(group, slot.id, Number(next)),
    );
  }

  /** Text, as offsets of a view may exceed 2^53. */
  committedInView(group: string, topic: string): bigint {
    const row = this.statement('SELECT next FROM view_positions WHERE consumer_group = ? AND topic = ?').get(
      group,
      topic,
    );
    return BigInt(String(row?.['next'] ?? 0));
  }

  commitInView(group: string, topic: string, next: bigint): void {
    this.withoutSync(() =>
      this.statement(
        'INSERT INTO view_positions VALUES (?, ?, ?) ON CONFLICT (consumer_group, topic) DO UPDATE SET next = excluded.next',
      ).run(group, topic, String(next)),
    );
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
    for (let partition = 0; partition < this.options.partitions; partition += 1)
      this.statement('INSERT INTO slots (topic, partition, next) VALUES (?, ?, 0)').run(topic, partition);
    const slots = this.readSlots(topic);
    this.registerReaders(topic, slots);
    return slots;
  }

  /** Inside a transaction. */
  private registerReaders(topic: string, slots: readonly Slot[]): void {
    for (const group of this.options.readersOf(topic)) this.insertReaders(group, slots);
  }

  /** Deletes messages published before `untilMs` that all groups have committed. Inside a transaction. */
  private prune(untilMs: number): void {
    this.publishedSincePrune = 0;
    for (const row of this.statement('SELECT slot, min(next) AS next FROM positions GROUP BY slot').all()) {
      const start = Number(row['slot']) * SLOT_MESSAGES_MAX;
      const end = start + Number(row['next']);
      const first = this.statement('SELECT id FROM messages WHERE id >= ? AND id < ? ORDER BY id LIMIT 1').get(
        start,
        end,
      );
      if (!first) continue;
      // Binary search for the first message to keep: a partition has no gaps and is ordered by time.
      let low = Number(first['id']);
      let high = Math.min(end, low + PRUNED_MESSAGES_MAX);
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
