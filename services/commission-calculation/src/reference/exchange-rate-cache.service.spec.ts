import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { exchangeRateStream, referenceDecider } from './reference.js';
import { ExchangeRateCache } from './exchange-rate-cache.service.js';

const PAIR = { base: 'USD', quote: 'EUR' };
let store: EventStore;
beforeEach(() => {
  store = openSqliteEventStore(':memory:');
});
afterEach(() => store.close());

/** Another process that writes a rate. */
async function published(date: string, rate: string): Promise<readonly StoredEvent[]> {
  const exchangeRate = { base: 'EUR', quote: 'USD', date, rate, source: 'ecb' };
  const command = { exchangeRate, at: '2026-03-10T00:00:00Z' };
  const context = { actor: 'a', correlationId: 'c', cause: `${date} ${rate}` };
  const runtime = createRuntime({ store, decider: referenceDecider });
  return (await runtime.handle(exchangeRateStream('EUR', 'USD'), command, context)).stored;
}

const known = (book: ExchangeRateCache): readonly unknown[] => {
  const found = book.find('EUR', 'USD');
  return [found.revision, found.rateOn('2026-03-09', 100)?.rate];
};

describe('the rates in memory', () => {
  it('know nothing of a pair that has no stream yet, and learn of it from the log', async () => {
    const book = new ExchangeRateCache(store);
    await book.ensure([PAIR]);
    expect(known(book)).toEqual([undefined, undefined]);
    book.take(await published('2026-03-05', '1.1'));
    expect(known(book)).toEqual([0, '1.1']);
  });

  it('are read whole where a pair is asked for the first time', async () => {
    await published('2026-03-06', '1.2');
    await published('2026-03-05', '1.1');
    const book = new ExchangeRateCache(store);
    await book.ensure([PAIR]);
    expect(known(book)).toEqual([1, '1.2']);
  });

  it('are read again where the log has told of one whose predecessor was missed', async () => {
    await published('2026-03-05', '1.1');
    const book = new ExchangeRateCache(store);
    await book.ensure([PAIR]);
    await published('2026-03-06', '1.2');
    const later = await published('2026-03-07', '1.3');
    book.take(later);
    expect(known(book)).toEqual([0, '1.1']);
    await book.ensure([PAIR]);
    expect(known(book)).toEqual([2, '1.3']);
    book.take(later);
    expect(known(book)).toEqual([2, '1.3']);
  });
});
