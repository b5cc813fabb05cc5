/**
 * The topics on which others publish, and where each group stands in each topic, in a SQLite file. Other threads and
 * processes may publish and read.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Message, OutgoingMessage } from '../broker.js';
import { PRUNED_MESSAGES_MAX } from '../limits.js';

/** The partition of every topic: a group has one reader here, and more partitions would only make batches smaller. */
export const PARTITION = 0;

export class StoredTopics {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private publishedSincePrune = 0;

  constructor(
    path: string,
    private readonly options: {
      readonly retentionMs: number;
      readonly nowMs: () => number;
      readonly pageCacheBytes: number;
    },
  ) {
    this.database = new DatabaseSync(path, { readBigInts: true });
    this.database.exec(`
      PRAGMA busy_timeout = 10000;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = -${Math.ceil(options.pageCacheBytes / 1024)};
      PRAGMA wal_autocheckpoint = 4000;
      CREATE TABLE IF NOT EXISTS topics (topic TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS messages (
        topic TEXT NOT NULL, offset INTEGER NOT NULL, published_at INTEGER NOT NULL,
        key TEXT NOT NULL, value TEXT NOT NULL, headers TEXT, PRIMARY KEY (topic, offset)
      ) STRICT;
      CREATE TABLE IF NOT EXISTS positions (
        consumer_group TEXT NOT NULL, topic TEXT NOT NULL, next INTEGER NOT NULL, mark TEXT,
        PRIMARY KEY (consumer_group, topic)
      ) STRICT;
    `);
  }

  get isOpen(): boolean {
    return this.database.isOpen;
  }

  close(): void {
    if (this.database.isOpen) this.database.close();
  }

  publish(topic: string, messages: readonly OutgoingMessage[]): void {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      this.insert(topic, messages);
      this.database.exec('COMMIT');
    } catch (error) {
      // SQLite has already rolled back after some errors, such as a full disk.
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }

  private insert(topic: string, messages: readonly OutgoingMessage[]): void {
    const nowMs = this.options.nowMs();
    const insert = this.statement('INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)');
    let next = this.end(topic) ?? 0n;
    for (const { key, value, headers } of messages) {
      insert.run(topic, next, nowMs, key, value, headers ? JSON.stringify(headers) : null);
      next += 1n;
    }
    this.statement('INSERT OR REPLACE INTO topics VALUES (?, ?)').run(topic, next);
    this.publishedSincePrune += messages.length;
    if (this.publishedSincePrune >= PRUNED_MESSAGES_MAX) this.prune(nowMs - this.options.retentionMs);
  }

  /** Deletes messages published before `untilMs` that all groups have committed. */
  private prune(untilMs: number): void {
    this.publishedSincePrune = 0;
    const oldest = '(SELECT min(offset) FROM messages WHERE topic = ?1)';
    for (const row of this.statement('SELECT topic, min(next) AS next FROM positions GROUP BY topic').all())
      this.statement(
        `DELETE FROM messages WHERE topic = ?1 AND offset < min(?2, ${oldest} + ?3) AND published_at < ?4`,
      ).run(row['topic'] ?? '', row['next'] ?? 0, PRUNED_MESSAGES_MAX, untilMs);
  }

  /** The offset of the next message; undefined for a topic without messages. */
  end(topic: string): bigint | undefined {
    return this.number('SELECT next FROM topics WHERE topic = ?', topic);
  }

  read(topic: string, from: bigint, limit: number): readonly Message[] {
    const rows = this.statement(
      'SELECT offset, key, value, headers FROM messages WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT ?',
    ).all(topic, from, limit);
    return rows.map((row) => ({
      topic,
      partition: PARTITION,
      offset: BigInt(row['offset'] as bigint),
      key: String(row['key']),
      value: String(row['value']),
      ...(row['headers'] === null ? {} : { headers: JSON.parse(String(row['headers'])) as Record<string, string> }),
    }));
  }

  /** Protects messages that the group has not committed from deletion, however slow it is. */
  register(group: string, topics: readonly string[]): void {
    for (const topic of topics) this.commit(group, topic, 0n);
  }

  committed(group: string, topic: string): bigint {
    return this.number('SELECT next FROM positions WHERE consumer_group = ? AND topic = ?', group, topic) ?? 0n;
  }

  /** Of a view: identifies the log at or before the committed offset. */
  mark(group: string, topic: string): string | undefined {
    const row = this.statement('SELECT mark FROM positions WHERE consumer_group = ? AND topic = ?').get(group, topic);
    return typeof row?.['mark'] === 'string' ? row['mark'] : undefined;
  }

  /**
   * Not synced to the disk, but with the next message. A power failure before then moves the group back a few batches,
   * which are delivered again. A consumer must tolerate that anyway, as its effect is stored before its position.
   */
  commit(group: string, topic: string, next: bigint, mark?: string): void {
    this.database.exec('PRAGMA synchronous = NORMAL');
    try {
      this.statement(
        `INSERT INTO positions VALUES (?, ?, ?, ?) ON CONFLICT (consumer_group, topic)
         DO UPDATE SET next = max(next, excluded.next), mark = coalesce(excluded.mark, mark)`,
      ).run(group, topic, next, mark ?? null);
    } finally {
      this.database.exec('PRAGMA synchronous = FULL');
    }
  }

  private number(sql: string, ...parameters: readonly string[]): bigint | undefined {
    return this.statement(sql).get(...parameters)?.['next'] as bigint | undefined;
  }

  private statement(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (!statement) this.statements.set(sql, (statement = this.database.prepare(sql)));
    return statement;
  }
}

/** Where a group stands in a view of the log. */
export interface ViewPosition {
  readonly group: string;
  readonly topic: string;
  readonly next: bigint;
  readonly mark: string;
}

/** Where all groups stand in views of the log; empty without a file. */
export function viewPositions(path: string): readonly ViewPosition[] {
  if (!existsSync(path)) return [];
  const database = new DatabaseSync(path, { readBigInts: true });
  try {
    if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'positions'").get() === undefined) return [];
    const rows = database.prepare('SELECT * FROM positions WHERE mark IS NOT NULL').all();
    return rows.map((row) => ({
      group: String(row['consumer_group']),
      topic: String(row['topic']),
      next: row['next'] as bigint,
      mark: String(row['mark']),
    }));
  } finally {
    database.close();
  }
}

/** Forgets what groups have consumed, in a file that is not in use: everything is delivered again. */
export function forgetConsumption(path: string): void {
  const database = new DatabaseSync(path);
  database.exec('DELETE FROM positions');
  database.close();
}
