import { describe, expect, it } from '@jest/globals';
import { importDecider } from './import.js';
import type { ImportCommand, ImportEvent, ImportState } from './import.js';

const at = '2026-03-05T10:00:00.000Z';
const counts = { facts: 1, accepted: 0, repeated: 0, conflicts: 0, refused: 1 };
const start: ImportCommand = { type: 'ImportStarted', data: { format: 'csv', file: 'march.csv' }, at };
const refuse: ImportCommand = { type: 'ImportFactsRefused', data: { refusals: [{ refusal: 'abc', row: 2 }] }, at };
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
  it('starts, refuses and ends', () => {
    const { state, events } = after(start, refuse, refuse, end);
    expect(state).toBe('ended');
    expect(events.map(({ type }) => type)).toEqual([
      'ImportStarted',
      'ImportFactsRefused',
      'ImportFactsRefused',
      'ImportEnded',
    ]);
  });

  it('starts once, and changes no more after its end', () => {
    expect(after(start, start).events).toHaveLength(1);
    expect(after(start, end, refuse, end).events).toHaveLength(2);
    expect(after(refuse, end).events).toEqual([]);
  });
});
