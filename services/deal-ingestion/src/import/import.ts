/** An import: when it began, how far it came, how it ended, and whether it was undone. One stream per import. */
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

/** How far an import is. */
export interface ImportBatch {
  /** Of all batches so far. */
  readonly counts: ImportCounts;
  /** Facts that this batch refused. */
  readonly refusals: readonly ImportRefusal[];
}

export interface UndoneImport {
  /** Facts that this undo withdrew. */
  readonly withdrawn: number;
  /** Facts that a higher revision from elsewhere had replaced: they stay. */
  readonly replaced: number;
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
  | { readonly type: 'ImportBatchRecorded'; readonly data: ImportBatch }
  /** Its server was killed, or it fell silent. It goes on if another batch comes. */
  | { readonly type: 'ImportInterrupted'; readonly data: Readonly<Record<string, never>> }
  | { readonly type: 'ImportEnded'; readonly data: EndImport }
  | { readonly type: 'ImportUndone'; readonly data: UndoneImport };

/** `at`: ISO 8601 instant. */
export type ImportCommand = ImportChange & { readonly at: string };

export type ImportEvent = ImportChange & { readonly version: 1; readonly occurredAt: string };

export type ImportState = 'unknown' | 'running' | 'interrupted' | 'ended' | 'undone';

export const IMPORT_EVENTS: EventTypes<ImportEvent> = {
  ImportStarted: { version: 1 },
  ImportBatchRecorded: { version: 1 },
  ImportInterrupted: { version: 1 },
  ImportEnded: { version: 1 },
  ImportUndone: { version: 1 },
};

export const importDecider: Decider<ImportState, ImportCommand, ImportEvent> = {
  category: 'import',
  events: IMPORT_EVENTS,
  initialState: () => 'unknown',
  decide({ at, ...change }, state) {
    if (!EXPECTED_STATES[change.type].includes(state)) return [];
    // An import that was undone changes again only where more could be withdrawn.
    if (change.type === 'ImportUndone' && state === 'undone' && change.data.withdrawn === 0) return [];
    return [{ ...change, version: 1, occurredAt: at }];
  },
  evolve: (_, { type }) => STATES_AFTER[type],
  commandOf: ({ version: _, occurredAt, ...change }) => ({ ...change, at: occurredAt }),
  sizeOf: () => 64,
};

/** The states in which each event may follow. */
const EXPECTED_STATES: Readonly<Record<ImportEvent['type'], readonly ImportState[]>> = {
  ImportStarted: ['unknown'],
  ImportBatchRecorded: ['running', 'interrupted'],
  ImportInterrupted: ['running'],
  ImportEnded: ['running', 'interrupted'],
  ImportUndone: ['interrupted', 'ended', 'undone'],
};

const STATES_AFTER: Readonly<Record<ImportEvent['type'], ImportState>> = {
  ImportStarted: 'running',
  ImportBatchRecorded: 'running',
  ImportInterrupted: 'interrupted',
  ImportEnded: 'ended',
  ImportUndone: 'undone',
};

export function importStream(id: string): string {
  return `${importDecider.category}-${id}`;
}

/** The id of the import in a stream. */
export function importOf(stream: string): string {
  return stream.slice(importDecider.category.length + 1);
}
