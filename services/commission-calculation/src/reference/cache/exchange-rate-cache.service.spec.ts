import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { AppendedEvent, EventStore } from '@tantieme/event-store/event-store';
import { exchangeRateStream } from '../stream/reference-keys.js';
import { referenceDecider } from '../stream/reference.js';
import { ExchangeRateCache } from './exchange-rate-cache.service.js';
import type { LoadedRates } from './exchange-rate-cache.service.js';

const PAIR = { base: 'USD', quote: 'EUR' };
let store: EventStore;
beforeEach(() => {
  store = openSqliteEventStore(':memory:');
});
afterEach(() => store.close());

/** Another process records a rate. */
async function published(date: string, rate: string): Promise<readonly AppendedEvent[]> {
  const exchangeRate = { base: 'EUR', quote: 'USD', date, rate, source: 'ecb' };
  const command = { exchangeRate, at: '2026-03-10T00:00:00Z' };
  const context = { actor: 'a', correlationId: 'c', cause: `${date} ${rate}` };
  const runtime = createRuntime({ store, decider: referenceDecider });
  return (await runtime.handle(exchangeRateStream('EUR', 'USD'), command, context)).stored;
}

const rateIn = (loaded: LoadedRates): readonly unknown[] => {
  const found = loaded.find('EUR', 'USD');
  return [found.revision, found.rateOn('2026-03-09', 100)?.rate];
};

describe('cached exchange rates', () => {
  it('are empty for a pair without a stream, and filled from the log', async () => {
    const cache = new ExchangeRateCache(store);
    const loaded = await cache.load([PAIR]);
    expect(rateIn(loaded)).toEqual([undefined, undefined]);
    cache.record(await published('2026-03-05', '1.1'));
    expect(rateIn(loaded)).toEqual([0, '1.1']);
  });

  it('are read as a whole pair on first use', async () => {
    await published('2026-03-06', '1.2');
    await published('2026-03-05', '1.1');
    const cache = new ExchangeRateCache(store);
    expect(rateIn(await cache.load([PAIR]))).toEqual([1, '1.2']);
  });

  it('are read again after an event whose predecessor is missing', async () => {
    await published('2026-03-05', '1.1');
    const cache = new ExchangeRateCache(store);
    const loaded = await cache.load([PAIR]);
    await published('2026-03-06', '1.2');
    const later = await published('2026-03-07', '1.3');
    cache.record(later);
    expect(rateIn(loaded)).toEqual([0, '1.1']);
    expect(rateIn(await cache.load([PAIR]))).toEqual([2, '1.3']);
    cache.record(later);
    expect(rateIn(loaded)).toEqual([2, '1.3']);
  });

  it('stay with the caller who loaded them', async () => {
    await published('2026-03-05', '1.1');
    const cache = new ExchangeRateCache(store);
    await cache.load([PAIR]);
    const loading = cache.load([PAIR]);
    cache.clear();
    expect(rateIn(await loading)).toEqual([0, '1.1']);
  });
});
