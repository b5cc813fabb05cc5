/**
 * A process: the one form of all background work (ADR 19). Read models, relays, consumers, followers, catch-ups,
 * closings and statement runs are processes; the scheduler runs them.
 */
import type { EventStore, Position } from '@tantieme/event-store/event-store';
import type { Broker, Message } from '@tantieme/messaging/broker';
import type { TopicViews } from '@tantieme/messaging/embedded/topic-view';
import type { Timers } from '@tantieme/time/timers';
import type { QueryExecutorProvider } from 'kysely';

import type { AnyDatabase } from '../read-model/migrations.js';

/** Where several replicas share a database: one of them at a time runs it, or each its own share of the partitions. */
export type Replicas = 'one-replica' | 'every-replica';

export interface Process<Item> {
  /** Unique in the installation, starting with the service: `payouts-statement-run`. Also names its checkpoint. */
  readonly name: string;
  readonly replicas: Replicas;
  /** `logSource(…)` or `topicSource(…)`. */
  readonly source: Source<Item>;
  /** Runs before the first step, and again after a failure or when this replica becomes the leader; idempotent. */
  readonly prepare?: (() => Promise<void>) | undefined;
  /**
   * Stores the effect of a batch. Idempotent: after a crash or a failure the same batch comes again. Never waits for
   * another process: it checks `context.hasReached` and answers `'open'`.
   */
  readonly step: (batch: readonly Item[], context: StepContext) => Promise<StepResult>;
}

/**
 * - Nothing: the effect is stored, and the checkpoint moves.
 * - Refusals: what this process can never handle is parked, then the checkpoint moves.
 * - `'open'` (for processes on the log): work remains that waits for others. The checkpoint stays, and the step is called
 *   again, with the next batch or an empty one, when some process made progress or after a pause. A restart delivers
 *   everything since the checkpoint again.
 */
export type StepResult = 'open' | readonly Refusal[] | void;

/** A message that can never be handled. */
export interface Refusal {
  readonly message: Message;
  readonly reason: string;
  /** ISO 8601: nothing before it can change by the message. Left out where that is not known. */
  readonly touchesFrom?: string;
}

export interface StepContext {
  /** Aborted when the process has to stop: a long step ends early, with an error or `'open'`. */
  readonly signal: AbortSignal;
  readonly timers: Timers;
  /**
   * True once a process, in any thread or replica, has stored its effects of all events up to the position. For a
   * consumer: of all messages that these events publish on its topics, and of all inbound messages that were there at
   * the first call with this position.
   */
  hasReached(process: string, position: Position): Promise<boolean>;
  /**
   * Runs one independent part of the step, such as a calendar. A failure is reported under the key and answered
   * `'open'`; the part is skipped until its back-off ends, and the others go on.
   */
  attempt(key: string, work: () => Promise<'open' | void>): Promise<'open' | void>;
  /** Moves the checkpoint in the transaction of the effect, instead of after the step. For processes on the log. */
  saveIn(trx: QueryExecutorProvider): Promise<void>;
}

/** What sources read from and store their checkpoints in. */
export interface Ports {
  readonly store: EventStore;
  readonly broker: Broker;
  readonly db: AnyDatabase;
  readonly timers: Timers;
  /** Topics that are views of the log. */
  readonly views: TopicViews;
}

/** Where a process gets its batches from, by pulling. */
export interface Source<Item> {
  /** Absent for the log. */
  readonly consumes?: Consumes<Item> | undefined;
  open(ports: Ports, process: string, listener: SourceListener): Promise<OpenSource<Item>>;
}

export interface Consumes<Item> {
  readonly group: string;
  readonly topics: readonly string[];
  /** @throws if the message cannot be read. */
  readonly read: (message: Message) => Item;
}

export interface SourceListener {
  /** The process has handled a lane up to a position. */
  readonly reached: (lane: string, position: Position) => void;
  /** A lane has something up to a position. */
  readonly ends: (lane: string, position: Position) => void;
  /** The partitions were assigned anew: earlier failures no longer apply. */
  readonly assigned: () => void;
}

/** A batch of one lane: the log, or one partition of a topic. */
export interface SourceBatch<Item> {
  /** `log`; `log:<topic>` for a topic that is a view of the log; otherwise `<topic>/<partition>`. */
  readonly lane: string;
  /** Where the lane is after this batch. */
  readonly position: Position;
  /** May be empty: committing it still advances. */
  readonly items: readonly Item[];
  /** Messages that cannot be read. */
  readonly unreadable: readonly Refusal[];
  /** The messages as received; absent for the log. */
  readonly messages?: readonly Message[];
  readonly correlationIds: () => readonly string[];
}

export interface OpenSource<Item> {
  /** The next batch of a lane that is not paused; undefined once the signal is aborted, and nothing is lost then. */
  next(signal: AbortSignal, isPaused: (lane: string) => boolean): Promise<SourceBatch<Item> | undefined>;
  /** A batch, and all before it in its lane, took effect. `isSaved`: the checkpoint moved with the effect. */
  commit(batch: SourceBatch<Item>, isSaved: boolean): Promise<void>;
  /** Moves the checkpoint to the batch in a transaction; for the log. */
  saveIn?(trx: QueryExecutorProvider, batch: SourceBatch<Item>): Promise<void>;
  /** Delivers a failed batch again. Without it the source is opened again after a failure. */
  release?(batch: SourceBatch<Item>): void;
  close(): Promise<void>;
}
