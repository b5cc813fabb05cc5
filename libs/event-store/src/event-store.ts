/**
 * The event store port: what every adapter guarantees. `contract-suite.ts` states the guarantees as tests.
 *
 * A stream is a named sequence of events with revisions 0, 1, 2, … Its category is the part of its name before the
 * first `-`: `deal-crm|D-1` has the category `deal`.
 */
import { APPEND_BYTES_MAX } from './limits.js';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface EventMetadata {
  /** Who caused the event: the subject of a token; absent for a process of the service that owns the stream. */
  readonly actor?: string;
  /** Shared by everything that follows from one request or fact. */
  readonly correlationId: string;
  /** The id of the event or message that caused this event; absent if there is none, or if the data names it. */
  readonly causationId?: string;
  /** When the first fact of the causal chain was recorded, ISO 8601. Set on a sample of events to measure latency. */
  readonly originRecordedAt?: string;
  /** W3C trace context of the append, if it is traced. */
  readonly traceparent?: string;
}

export interface NewEvent {
  /** Computed from the cause, never random (rule 2). Usually a UUID, but any printable text is returned unchanged. */
  readonly id: string;
  readonly type: string;
  /** Schema version of the event type, from 1. */
  readonly version: number;
  /** When it happened at its source: an ISO 8601 instant (rule 3). */
  readonly occurredAt: string;
  readonly metadata: EventMetadata;
  /** The id of the event or message that caused this event. Not stored: its trace continues in this event. */
  readonly causationId?: string | undefined;
  /** Plain JSON, stored as its canonical text (RFC 8785). */
  readonly data: unknown;
}

/**
 * A place in the global order of the log. Only the order of positions has a meaning: they differ between engines, and
 * the difference of two does not count events.
 */
export type Position = bigint;

export interface StoredEvent extends Omit<NewEvent, 'data' | 'metadata' | 'causationId'> {
  readonly stream: string;
  readonly revision: number;
  readonly position: Position;
  /** When it was appended, by the clock of the process that appended it, ISO 8601. */
  readonly recordedAt: string;
  /** Canonical JSON text of the metadata, as stored and as hashed. */
  readonly metadataText: string;
  /** Canonical JSON text of the data, as stored and as hashed. */
  readonly dataText: string;
  /** SHA-256 over the predecessor's hash and this event, lower-case hex: see `chain.ts`. */
  readonly hash: string;
}

/** An event as an append returns it: EventStoreDB reports only the position of the last event of an append. */
export type AppendedEvent = Omit<StoredEvent, 'position'>;

/** The newest revision of the stream as the writer knows it, or `no-stream` if it expects none. */
export type ExpectedRevision = number | 'no-stream';

export interface Append {
  readonly stream: string;
  readonly expectedRevision: ExpectedRevision;
  readonly events: readonly NewEvent[];
}

/**
 * The result of an append. `appended`: stored now, or stored earlier by the same append (same ids at the same expected
 * revision). `conflict`: the stream is at another revision, and nothing of this append was stored.
 */
export type AppendResult =
  | {
      readonly outcome: 'appended';
      readonly stream: string;
      /** Revision of the last event of this append. */
      readonly revision: number;
      /** Position of the last event of this append. */
      readonly position: Position;
      /** The events as stored, in order. */
      readonly events: readonly AppendedEvent[];
      /** True if they were stored earlier. */
      readonly repeated: boolean;
    }
  | {
      readonly outcome: 'conflict';
      readonly stream: string;
      readonly expected: ExpectedRevision;
      readonly actual: ExpectedRevision;
    };

export interface ReadStreamOptions {
  /** First revision to read (inclusive). Default: 0 forwards, the newest backwards. */
  readonly from?: number | undefined;
  /** Default: forwards. */
  readonly direction?: 'forwards' | 'backwards' | undefined;
  readonly limit?: number | undefined;
}

/** Matches events of one of the categories and one of the types. An absent list matches all, an empty one nothing. */
export interface EventFilter {
  readonly categories?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
}

export interface ReadAllOptions {
  /** The page starts after this position, which must be one of this log. Default: 0n, the start of the log. */
  readonly after?: Position | undefined;
  readonly filter?: EventFilter | undefined;
  /** The largest number of events per page; see also {@link PAGE_BYTES_MAX}. */
  readonly limit: number;
}

export interface Page {
  readonly events: readonly StoredEvent[];
  /** The position up to which the log was scanned, even if nothing matched: the next page starts after it. */
  readonly through: Position;
  /** True if the log had no more events when it was read. */
  readonly end: boolean;
}

export interface SubscribeOptions {
  readonly after?: Position | undefined;
  readonly filter?: EventFilter | undefined;
  /** The largest number of events per page. */
  readonly batchSize: number;
  /** Ends the subscription. */
  readonly signal: AbortSignal;
}

export interface EventStore {
  /**
   * Appends atomically. Appends to one stream take effect in the order of the calls. A conflict is a result, no error.
   * @throws {InvalidAppend} {EventTooLarge} before anything is stored.
   * @throws {IncompleteStream} if the engine stored it at another revision, as earlier events were deleted.
   * @throws {EventStoreUnavailable} {EventStoreRefused} {EventStoreClosed}
   */
  append(append: Append): Promise<AppendResult>;
  /**
   * Many appends in one call, each to another stream: fast, and each atomic on its own. A conflict of one does not
   * affect the others. Results are in the order of the appends.
   */
  appendMany(appends: readonly Append[]): Promise<readonly AppendResult[]>;
  /**
   * The events of a stream; empty if it does not exist.
   * @throws {IncompleteStream} if events before or between those of the answer are missing.
   */
  readStream(stream: string, options?: ReadStreamOptions): Promise<readonly StoredEvent[]>;
  /**
   * All events of many streams, forwards, in one call. The map has no entry for a stream that does not exist.
   * @throws {IncompleteStream}
   */
  readStreams(streams: readonly string[]): Promise<ReadonlyMap<string, readonly StoredEvent[]>>;
  /** @throws {UnknownPosition} */
  readAll(options: ReadAllOptions): Promise<Page>;
  /**
   * Pages of existing events, then of new ones as they are appended, without loss or repetition in between. A page may
   * be empty: its `through` still advances the checkpoint of the reader.
   * @throws {UnknownPosition} before the first page.
   */
  subscribe(options: SubscribeOptions): AsyncIterable<Page>;
  /** The newest position; 0n for an empty store. */
  head(): Promise<Position>;
  /** The hash of the event at a position; undefined if no event is there. */
  hashAt(position: Position): Promise<string | undefined>;
  close(): Promise<void>;
}

export class EventTooLarge extends Error {
  readonly code = 'EventTooLarge';
  /** @param bytes as measured, by the rules of {@link APPEND_BYTES_MAX}. */
  constructor(
    readonly stream: string,
    readonly bytes: number,
    bytesMax = APPEND_BYTES_MAX,
  ) {
    super(`the append to ${stream} has ${bytes} bytes; the event store accepts at most ${bytesMax}`);
  }
}

/** An append that no engine can store, whatever the stream contains: a bug of the caller. */
export class InvalidAppend extends Error {
  readonly code = 'InvalidAppend';
}

/** The store was closed before or during the call. */
export class EventStoreClosed extends Error {
  readonly code = 'EventStoreClosed';
  constructor() {
    super('the event store is closed');
  }
}

/**
 * The engine is unreachable at the moment. An append may have been stored or not: repeat the same append, which is safe
 * and returns the outcome.
 */
export class EventStoreUnavailable extends Error {
  readonly code = 'EventStoreUnavailable';
}

/** The engine refuses the call: access denied, or a deleted stream. An operator must fix the cause first. */
export class EventStoreRefused extends Error {
  readonly code = 'EventStoreRefused';
}

/**
 * The position of a reader is not one of this log: the log was replaced, or restored from an older copy. Reading on from
 * there would skip events without a sign.
 */
export class UnknownPosition extends Error {
  readonly code = 'UnknownPosition';
  constructor(
    readonly position: Position,
    head: Position,
  ) {
    super(
      `${position} is no position of this event log, which ends at ${head}: restore the log that the reader has read, ` +
        'or rebuild from this log what the reader computed',
    );
  }
}

/** Events of a stream are missing: they were deleted, or the stream was truncated. Nothing is computed from the rest. */
export class IncompleteStream extends Error {
  readonly code = 'IncompleteStream';
  constructor(
    readonly stream: string,
    reason: string,
  ) {
    super(`${stream} is incomplete: ${reason}. Restore the event log from a copy that has all of its events`);
  }
}

/** The disk of the engine is full: nothing of the append was stored. It succeeds once there is space again. */
export class StorageFull extends Error {
  readonly code = 'StorageFull';
}

/** The category of a stream: its name up to the first `-`. */
export function categoryOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash === -1 ? stream : stream.slice(0, dash);
}

/** True if events of the category and type match the filter. */
export function matchesFilter(filter: EventFilter | undefined, category: string, type: string): boolean {
  return (filter?.categories?.includes(category) ?? true) && (filter?.types?.includes(type) ?? true);
}
