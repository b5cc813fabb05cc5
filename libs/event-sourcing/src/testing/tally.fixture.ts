/** A small decider for the tests of this library: a tally of named entries whose sum may not fall below zero. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DomainError } from '../decide/decider.js';
import type { Decider } from '../decide/decider.js';
import type { CommandContext } from '../decide/runtime.js';

export interface AddEntry {
  readonly entry: string;
  readonly amount: number;
  readonly note?: string;
}

export interface TallyState {
  sum: number;
  readonly entries: Map<string, number>;
}

export interface EntryAdded {
  readonly type: 'EntryAdded';
  readonly version: number;
  readonly occurredAt: string;
  readonly data: { readonly input: AddEntry; readonly sum: number };
}

export const OCCURRED_AT = '2026-03-01T00:00:00Z';

/** `evolve` changes the given state, as deciders with large states do. */
export const tally: Decider<TallyState, AddEntry, EntryAdded> = {
  category: 'tally',
  // Version 1 had the entry's fields beside the sum.
  events: {
    EntryAdded: {
      version: 2,
      upcast: {
        1: ({ entry, amount, sum }: { entry: string; amount: number; sum: number }) => ({
          input: { entry, amount },
          sum,
        }),
      },
    },
  },
  initialState: () => ({ sum: 0, entries: new Map() }),
  decide: (command, state) => {
    if (state.entries.has(command.entry)) return [];
    const sum = state.sum + command.amount;
    if (sum < 0) throw new DomainError('TallyBelowZero', `the tally would be ${sum}`, 'conflict');
    return [{ type: 'EntryAdded', version: 2, occurredAt: OCCURRED_AT, data: { input: command, sum } }];
  },
  evolve: (state, { data }) => {
    state.sum = data.sum;
    state.entries.set(data.input.entry, data.input.amount);
    return state;
  },
  commandOf: ({ data }) => data.input,
  sizeOf: (state) => 100 + state.entries.size * 50,
};

export function causedBy(cause: string): CommandContext {
  return { actor: 'service:test', correlationId: 'c-1', cause };
}

/** A directory for one test file; `path` returns the path of a file in it. */
export function temporaryDirectory(): { readonly path: (file: string) => string; readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'tantieme-event-sourcing-'));
  return {
    path: (file) => join(directory, file),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
