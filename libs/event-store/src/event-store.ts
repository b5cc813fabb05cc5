/**
 * The event store port: what every engine underneath promises (design.md, "What the ports promise").
 *
 * A stream is a named sequence of events with revisions 0, 1, 2, … Its category is the part of its name before the
 * first `-` (`deal-crm|D-1` is of category `deal`).
 */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface EventMetadata {
  /** Who caused the event: the subject of a token, or `service:<name>` for a processor. */
  readonly actor: string;
  /** One id for everything that follows from one request or fact. */
  readonly correlationId: string;
  /** The id of the event or message that this one answers, if there is one. */
  readonly causationId?: string;
  /** When the fact that began all this was recorded, ISO 8601: of a sample, to measure how long effects take. */
  readonly originRecordedAt?: string;
  /** W3C trace context of what appended it, where that is traced. */
  readonly traceparent?: string;
}

export interface NewEvent {
  /** Computed from the cause, never drawn at random (rule 2): a UUID as a rule, any printable text comes back as it is. */
  readonly id: string;
  readonly type: string;
  /** Version of the event type's schema, from 1. */
  readonly version: number;
  /** When it happened, at its source: an ISO 8601 instant (rule 3). */
  readonly occurredAt: string;
  readonly metadata: EventMetadata;
  /** Plain JSON. The store keeps its canonical text (RFC 8785). */
  readonly data: unknown;
}

/** Opaque to its users but for order. Positions of one engine mean nothing to another, and their differences count no events. */
export type Position = bigint;

export interface StoredEvent extends Omit<NewEvent, 'data' | 'metadata'> {
  readonly stream: string;
  readonly revision: number;
  readonly position: Position;
  /** The store's own time, ISO 8601. */
  readonly recordedAt: string;
  /** Canonical JSON text of the metadata, as stored and as hashed. */
  readonly metadataText: string;
  /** Canonical JSON text of the data, as stored and as hashed. */
  readonly dataText: string;
  /** SHA-256 over the predecessor's hash and this event, lower-case hex: see `chain.ts`. */
  readonly hash: string;
}

/** The revision that the writer believes to be the newest one, or that there is no stream yet. */
export type ExpectedRevision = number | 'no-stream';

export interface Append {
  readonly stream: string;
  readonly expectedRevision: ExpectedRevision;
  readonly events: readonly NewEvent[];
}

/**
 * What became of one append. `appended`: stored now, or stored before by the same call (same ids at the same expected
 * revision). `conflict`: the stream is elsewhere; nothing of this append was stored.
 */
export type AppendResult =
  | {
      readonly outcome: 'appended';
      readonly stream: string;
      /** Revision of the last event of this append. */
      readonly revision: number;
      /** The events as stored, in order. */
      readonly events: readonly StoredEvent[];
      /** True where the store already held them. */
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
  readonly from?: number;
  readonly direction?: 'forwards' | 'backwards';
  readonly limit?: number;
}

/** Events that match any of the named categories and any of the named types; what is left out does not restrict. */
export interface EventFilter {
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
}

export interface ReadAllOptions {
  /** Read what comes after this position; from the start if left out. */
  readonly after?: Position;
  readonly filter?: EventFilter;
  /** Events a page at the most. */
  readonly limit: number;
}

export interface Page {
  readonly events: readonly StoredEvent[];
  /** How far the log was looked through, also where nothing matched: resume after it. */
  readonly through: Position;
  /** True where the log held nothing further when it was read. */
  readonly end: boolean;
}

export interface SubscribeOptions {
  readonly after?: Position;
  readonly filter?: EventFilter;
  /** Events a page at the most. */
  readonly batchSize: number;
  /** Ends the subscription. */
  readonly signal: AbortSignal;
}

export interface EventStore {
  /**
   * One append; those to one stream take effect in the order in which they were asked for.
   * @throws nothing for a conflict: it is a result. @throws {EventTooLarge} {InvalidAppend} before anything is stored.
   * @throws {EventStoreUnavailable} {EventStoreRefused} {EventStoreClosed}
   */
  append(append: Append): Promise<AppendResult>;
  /**
   * Many appends to different streams (a stream at most once) in one call: fast, and each atomic on its own. A conflict
   * of one does not hold back the others. Results are in the order of the appends.
   */
  appendMany(appends: readonly Append[]): Promise<readonly AppendResult[]>;
  /** Events of a stream; empty where there is no such stream. */
  readStream(stream: string, options?: ReadStreamOptions): Promise<readonly StoredEvent[]>;
  /** Many streams whole and forwards from revision 0 in one call; the map lacks streams that do not exist. */
  readStreams(streams: readonly string[]): Promise<ReadonlyMap<string, readonly StoredEvent[]>>;
  readAll(options: ReadAllOptions): Promise<Page>;
  /**
   * Pages from a position on: first what is there, then what comes, without loss or repetition at the hand-over. A page
   * may be empty (its `through` still moves the reader's checkpoint on).
   */
  subscribe(options: SubscribeOptions): AsyncIterable<Page>;
  /** The newest position, 0n for an empty store. */
  head(): Promise<Position>;
  close(): Promise<void>;
}

/** Bytes of one append at the most, on every engine: those of its texts and `EVENT_BYTES_OWN` for each event. */
export const APPEND_BYTES_MAX = 1024 * 1024;

/**
 * What an event counts for beside its texts: EventStoreDB takes 1 MiB an append with all that it stores of an event, and
 * keeps hash, time, version and type beside the texts. Twice what they take with names of usual length.
 */
export const EVENT_OVERHEAD_BYTES = 512;

export class EventTooLarge extends Error {
  readonly code = 'EventTooLarge';
  constructor(
    readonly stream: string,
    readonly bytes: number,
    bytesMax = APPEND_BYTES_MAX,
  ) {
    super(`the append to ${stream} has ${bytes} bytes, more than the ${bytesMax} that the event store takes`);
  }
}

/** An append that no engine could store, whatever the stream holds: a mistake of the caller. */
export class InvalidAppend extends Error {
  readonly code = 'InvalidAppend';
}

/** The store was closed before, or while, it was asked. */
export class EventStoreClosed extends Error {
  readonly code = 'EventStoreClosed';
  constructor() {
    super('the event store is closed');
  }
}

/**
 * The engine cannot be reached, or not now. Whether an append was stored is not known: the same append again tells, and
 * does no harm.
 */
export class EventStoreUnavailable extends Error {
  readonly code = 'EventStoreUnavailable';
}

/** The engine answers, but not this: no access, a stream that was deleted. Somebody has to change something there first. */
export class EventStoreRefused extends Error {
  readonly code = 'EventStoreRefused';
}

/** The category of a stream: its name up to the first `-`. */
export function categoryOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash === -1 ? stream : stream.slice(0, dash);
}
