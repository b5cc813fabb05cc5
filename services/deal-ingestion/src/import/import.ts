/** An import: when it began, what it refused, and how it ended. One stream per import. */
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';

export const IMPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

export interface StartImport {
  readonly format: ImportFormat;
  /** Name of the file, as the client gave it. */
  readonly file?: string;
  /** The mapping document of a CSV file, with the locale that the request named. */
  readonly mapping?: object;
}

/** Counts of facts; `facts` is the sum of the others. */
export interface ImportCounts {
  readonly facts: number;
  /** New. */
  readonly accepted: number;
  /** Recorded before with the same content. */
  readonly repeated: number;
  /** Recorded before with other content, and refused. */
  readonly conflicts: number;
  /** Not valid, and refused. */
  readonly refused: number;
}

/** A refused fact of this import. */
export interface ImportRefusal {
  /** Id of the refusal that it is stored as; an earlier import may have been refused the same. */
  readonly refusal: string;
  /** Its first row in the file. */
  readonly row: number;
}

export interface EndImport {
  readonly counts: ImportCounts;
  /** Names of the columns of a CSV file. */
  readonly columns?: readonly string[];
  /** Why it ended before the end of the file. */
  readonly error?: { readonly code: string; readonly detail: string };
}

type ImportChange =
  | { readonly type: 'ImportStarted'; readonly data: StartImport }
  | { readonly type: 'ImportFactsRefused'; readonly data: { readonly refusals: readonly ImportRefusal[] } }
  | { readonly type: 'ImportEnded'; readonly data: EndImport };

/** `at`: ISO 8601 instant. */
export type ImportCommand = ImportChange & { readonly at: string };

export type ImportEvent = ImportChange & { readonly version: 1; readonly occurredAt: string };

export type ImportState = 'unknown' | 'running' | 'ended';

export const IMPORT_EVENTS: EventTypes<ImportEvent> = {
  ImportStarted: { version: 1 },
  ImportFactsRefused: { version: 1 },
  ImportEnded: { version: 1 },
};

export const importDecider: Decider<ImportState, ImportCommand, ImportEvent> = {
  category: 'import',
  events: IMPORT_EVENTS,
  initialState: () => 'unknown',
  decide({ at, ...change }, state) {
    const isExpected = change.type === 'ImportStarted' ? state === 'unknown' : state === 'running';
    return isExpected ? [{ ...change, version: 1, occurredAt: at }] : [];
  },
  evolve: (_, { type }) => (type === 'ImportEnded' ? 'ended' : 'running'),
  commandOf: ({ version: _, occurredAt, ...change }) => ({ ...change, at: occurredAt }),
  sizeOf: () => 64,
};

export function importStream(id: string): string {
  return `${importDecider.category}-${id}`;
}

/** The id of the import in a stream. */
export function importOf(stream: string): string {
  return stream.slice(importDecider.category.length + 1);
}
