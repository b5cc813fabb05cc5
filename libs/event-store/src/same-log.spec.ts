import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { EventStore } from './event-store.js';
import { findMismatch, LogMismatch, requireSameLog } from './same-log.js';
import type { ReaderCheckpoint } from './same-log.js';
import { openSqliteEventStore } from './sqlite/event-store.js';

let store: EventStore;
/** A reader of the whole log that `beforeEach` writes. */
let reader: ReaderCheckpoint;

async function write(data: string): Promise<void> {
  const metadata = { actor: 'crm', correlationId: 'c-1' };
  const event = { type: 'DealBooked', version: 1, occurredAt: '2026-01-01T00:00:00Z', metadata, data };
  const events = ['1', '2', '3'].map((id) => ({ ...event, id }));
  await store.append({ stream: 'deal-1', expectedRevision: 'no-stream', events });
}

beforeEach(async () => {
  store = openSqliteEventStore(':memory:');
  await write('one');
  reader = { name: 'payouts-statements', position: 3n, event: { position: 3n, hash: (await store.hashAt(3n)) ?? '' } };
});
afterEach(() => store.close());

async function openAnother(): Promise<void> {
  await store.close();
  store = openSqliteEventStore(':memory:');
}

describe('a log', () => {
  it('is the same for readers at any of its events, and for one that has read nothing', async () => {
    const first = { name: 'first', position: 2n, event: { position: 1n, hash: (await store.hashAt(1n)) ?? '' } };
    expect(await findMismatch(store, [reader, first, { name: 'new', position: 0n }])).toBeUndefined();
  });

  it('is refused where it ends before a reader', async () => {
    await expect(requireSameLog(store, [{ name: 'payouts-statements', position: 4n }])).rejects.toThrow(LogMismatch);
    await expect(requireSameLog(store, [{ name: 'payouts-statements', position: 4n }])).rejects.toThrow(
      /ends at position 3, but payouts-statements has read it up to 4.*tantieme restore.*tantieme rebuild/,
    );
  });

  it('is refused where it is empty', async () => {
    await openAnother();
    await expect(requireSameLog(store, [reader])).rejects.toThrow('the event log is empty');
  });

  it('is refused where it has other events, although it is long enough', async () => {
    await openAnother();
    await write('two');
    await expect(requireSameLog(store, [reader])).rejects.toThrow('another event at position 3');
  });
});
