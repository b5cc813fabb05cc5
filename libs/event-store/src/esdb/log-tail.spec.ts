import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EventFilter, StoredEvent } from '../event-store.js';
import { LogTail } from './log-tail.js';

function eventAt(position: bigint, category: string, characters = 0): StoredEvent {
  return {
    stream: `${category}-1`,
    revision: 0,
    position,
    type: 'DealBooked',
    version: 1,
    id: `e${position}`,
    occurredAt: '2026-03-01T10:00:00.000Z',
    recordedAt: '2026-03-01T10:00:00.000Z',
    metadataText: '',
    dataText: 'x'.repeat(characters),
    hash: '',
  };
}

/**
 * A tail from position 100 on with events at 107, 121, 140 and 155; the second and third have the category `credit`.
 */
function tailOf(bytesMax = 1_000_000): LogTail {
  const tail = new LogTail(100n, bytesMax);
  for (const [position, category] of [
    [107n, 'deal'],
    [121n, 'credit'],
    [140n, 'credit'],
    [155n, 'deal'],
  ] as const)
    tail.add(eventAt(position, category));
  return tail;
}

describe('the tail of the log', () => {
  const positions = (tail: LogTail, after: bigint, limit = 10, filter?: EventFilter): unknown => {
    const page = tail.after(after, filter, limit);
    return page && [page.events.map(({ position }) => position), page.through];
  };

  it('returns the events after a position, which need not be that of an event', () => {
    expect(positions(tailOf(), 100n)).toEqual([[107n, 121n, 140n, 155n], 155n]);
    expect(positions(tailOf(), 121n)).toEqual([[140n, 155n], 155n]);
    expect(positions(tailOf(), 130n)).toEqual([[140n, 155n], 155n]);
    expect(positions(tailOf(), 155n)).toEqual([[], 155n]);
  });

  it('ends a full page at its last event, and any other page at the end of the log', () => {
    expect(positions(tailOf(), 100n, 2)).toEqual([[107n, 121n], 121n]);
    expect(positions(tailOf(), 107n, 1, { categories: ['credit'] })).toEqual([[121n], 121n]);
    expect(positions(tailOf(), 121n, 9, { categories: ['credit'] })).toEqual([[140n], 155n]);
    expect(positions(tailOf(), 100n, 9, { types: ['DealPaid'] })).toEqual([[], 155n]);
  });

  it('returns undefined for a position before its start', () => {
    expect(positions(tailOf(), 99n)).toBeUndefined();
    expect(positions(new LogTail(100n, 1000), 100n)).toEqual([[], 100n]);
  });

  it('does not move a reader back that is ahead of it', () => {
    expect(positions(tailOf(), 200n)).toEqual([[], 200n]);
  });

  it('drops the oldest events beyond its byte limit, and then returns undefined for them', () => {
    const tail = tailOf(1_500);
    expect(positions(tail, 106n)).toBeUndefined();
    expect(positions(tail, 107n)).toEqual([[121n, 140n, 155n], 155n]);
    tail.add(eventAt(170n, 'deal', 10_000));
    expect(tail.through).toBe(170n);
    expect(positions(tail, 155n)).toBeUndefined();
    expect(positions(tail, 170n)).toEqual([[], 170n]);
  });

  it('returns all matching events page by page, or undefined', () => {
    const kinds = fc.constantFrom('deal', 'credit', 'plan');
    const events = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 50 }), kind: kinds, size: fc.nat(2_000) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(
        events,
        fc.nat(60),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(30_000),
        kinds,
        (list, from, limit, bytes, kind) => {
          const tail = new LogTail(0n, bytes);
          const whole: StoredEvent[] = [];
          let position = 0n;
          for (const { gap, kind, size } of list) {
            whole.push(eventAt((position += BigInt(gap)), kind, size));
            tail.add(whole.at(-1) as StoredEvent);
          }
          const filter = { categories: [kind] };
          const start = whole[from]?.position ?? 0n;
          const seen: StoredEvent[] = [];
          for (let after = start, page = tail.after(after, filter, limit); ; page = tail.after(after, filter, limit)) {
            if (page === undefined) return;
            seen.push(...page.events);
            if (page.through === after) break;
            after = page.through;
          }
          expect(seen).toEqual(whole.filter(({ position: at, stream }) => at > start && stream === `${kind}-1`));
        },
      ),
    );
  });
});
