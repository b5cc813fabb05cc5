import { describe, expect, it } from '@jest/globals';
import { openSqliteEventStore } from './sqlite-event-store.js';
import { FIRST_PREDECESSOR, eventHash } from './chain.js';

describe('smoke', () => {
  it('appends, reads, chains', async () => {
    const store = openSqliteEventStore(':memory:');
    const event = (n: number) => ({
      id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
      type: 'T',
      version: 1,
      occurredAt: '2026-01-01T00:00:00Z',
      metadata: { actor: 'a', correlationId: 'c' },
      data: { b: n, a: 'ü' },
    });
    const result = await store.append({ stream: 'x-1', expectedRevision: 'no-stream', events: [event(1), event(2)] });
    expect(result).toMatchObject({ outcome: 'appended', revision: 1, repeated: false });
    const read = await store.readStream('x-1');
    expect(result.outcome === 'appended' && result.events).toEqual(read);
    expect(read[0]?.hash).toBe(eventHash(FIRST_PREDECESSOR, read[0]!));
    expect(read[1]?.hash).toBe(eventHash(read[0]!.hash, read[1]!));
    expect(
      await store.append({ stream: 'x-1', expectedRevision: 'no-stream', events: [event(1), event(2)] }),
    ).toMatchObject({ repeated: true });
    expect(await store.append({ stream: 'x-1', expectedRevision: 0, events: [event(3)] })).toMatchObject({
      outcome: 'conflict',
      actual: 1,
    });
    await store.close();
  });
});
