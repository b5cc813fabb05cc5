import { describe, expect, it } from '@jest/globals';
import { importDecider } from './import.js';
import type { ImportCommand, ImportEvent, ImportState } from './import.js';

const at = '2026-03-05T10:00:00.000Z';
const counts = { facts: 1, accepted: 0, repeated: 0, conflicts: 0, refused: 1 };
const start: ImportCommand = { type: 'ImportStarted', data: { format: 'csv', file: 'march.csv' }, at };
const refusals = [{ refusal: 'abc', row: 2 }];
const batch: ImportCommand = { type: 'ImportBatchRecorded', data: { counts, refusals }, at };
const interrupt: ImportCommand = { type: 'ImportInterrupted', data: {}, at };
const undo = (withdrawn: number): ImportCommand => ({ type: 'ImportUndone', data: { withdrawn, replaced: 0 }, at });
const end: ImportCommand = { type: 'ImportEnded', data: { counts }, at };

function after(...commands: readonly ImportCommand[]): { readonly state: ImportState; readonly events: ImportEvent[] } {
  let state = importDecider.initialState();
  const events: ImportEvent[] = [];
  for (const command of commands)
    for (const event of importDecider.decide(command, state)) {
      expect(importDecider.decide(importDecider.commandOf(event), state)).toEqual([event]);
      state = importDecider.evolve(state, event);
      events.push(event);
    }
  return { state, events };
}

describe('an import', () => {
  it('starts, records batches and ends', () => {
    const { state, events } = after(start, batch, batch, end);
    expect(state).toBe('ended');
    expect(events.map(({ type }) => type)).toEqual([
      'ImportStarted',
      'ImportBatchRecorded',
      'ImportBatchRecorded',
      'ImportEnded',
    ]);
  });

  it('starts once, and changes no more after its end', () => {
    expect(after(start, start).events).toHaveLength(1);
    expect(after(start, end, batch, interrupt, end).events).toHaveLength(2);
    expect(after(batch, interrupt, end, undo(1)).events).toEqual([]);
  });

  it('that was interrupted goes on if another batch comes after all', () => {
    expect(after(start, batch, interrupt, interrupt).events).toHaveLength(3);
    expect(after(start, interrupt, batch).state).toBe('running');
    expect(after(start, interrupt, end).state).toBe('ended');
  });

  it('is undone after its end, and again only where there is more to withdraw', () => {
    expect(after(start, undo(1)).state).toBe('running');
    expect(after(start, interrupt, undo(1)).state).toBe('undone');
    expect(after(start, end, undo(1), undo(0)).events).toHaveLength(3);
    expect(after(start, end, undo(0), undo(2)).events).toHaveLength(4);
  });
});
