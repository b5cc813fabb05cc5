import type { Message } from '../broker.js';

/** A topic that is a function of a log kept elsewhere: it is not stored here. */
export interface TopicView {
  /** Pages from an offset on, then new ones as the log grows. A page may be empty: `next` still advances. */
  subscribe(options: {
    readonly from: bigint;
    /** That of the last page with one before `from`. @throws if the log does not have it there */
    readonly mark: string | undefined;
    readonly batchSize: number;
    readonly signal: AbortSignal;
  }): AsyncIterable<ViewPage>;
  /** Offset of the next message of the log as it is now. */
  end(): Promise<bigint>;
}

export interface ViewPage {
  /** May be more than `batchSize`. */
  readonly messages: readonly Message[];
  /** Where reading resumes after this page. */
  readonly next: bigint;
  /** Identifies the log at a place within this page; stored with the offset. */
  readonly mark?: string | undefined;
}

/** Views by topic; services add theirs before anything is read. */
export type TopicViews = ReadonlyMap<string, TopicView>;
