import { Inject, Injectable } from '@nestjs/common';
import type { ExchangeRateFact } from '@tantieme/contracts/reference';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { AppendedEvent, EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { averageOf, identityOfRate, nextDate, rateOn, ratesInForce } from '../facts/exchange-rate.js';
import type { ExchangeRateRecorded, FoundRate, PublishedRate } from '../facts/exchange-rate.js';
import { exchangeRateStream } from '../stream/reference-keys.js';
import type { CurrencyPair } from '../stream/reference-keys.js';
import { REFERENCE_EVENTS } from '../stream/reference.js';

/**
 * Exchange rates in memory, whole pairs, for the pairs that deals need. The cache may be behind the reference streams
 * (another process may have written to them): the follower of the log then credits the deals again.
 */
@Injectable()
export class ExchangeRateCache {
  /** By stream. */
  private readonly pairs = new Map<string, CachedPair>();

  constructor(@Inject(EVENT_STORE) private readonly store: EventStore) {}

  /** These pairs, with one read for those that are not cached or have missed an event. The caller keeps them. */
  async load(pairs: Iterable<CurrencyPair>): Promise<LoadedRates> {
    const loaded = new Map<string, CachedPair>();
    for (const { base, quote } of pairs) {
      const stream = exchangeRateStream(base, quote);
      const cached = this.pairs.get(stream) ?? new CachedPair();
      this.pairs.set(stream, cached);
      loaded.set(stream, cached);
    }
    const behind = new Map([...loaded].filter(([, pair]) => pair.isBehind));
    if (behind.size === 0) return new LoadedRates(loaded);
    for (const [stream, events] of await this.store.readStreams([...behind.keys()]))
      for (const event of events) behind.get(stream)?.record(event);
    for (const pair of behind.values()) pair.markRead();
    return new LoadedRates(loaded);
  }

  /** Pairs are read again when they are needed next. */
  clear(): void {
    this.pairs.clear();
  }

  /** Applies events of reference streams, in order within each stream; pairs that are not cached are skipped. */
  record(events: readonly AppendedEvent[]): void {
    for (const stored of events)
      if (stored.type === 'ExchangeRateRecorded') this.pairs.get(stored.stream)?.record(stored);
  }
}

export class LoadedRates {
  constructor(private readonly pairs: ReadonlyMap<string, CachedPair>) {}

  /** A pair that was not loaded has no rates and no revision. */
  find(base: string, quote: string): PairRates {
    return (this.pairs.get(exchangeRateStream(base, quote)) ?? NO_RATES).rates(base, quote);
  }
}

/** Rates of a pair in one direction. */
export interface PairRates {
  /** Of the pair's reference stream; undefined before its first event. */
  readonly revision: number | undefined;
  rateOn(day: string, maxAgeDays: number): FoundRate | undefined;
  averageOf(from: string, until: string): FoundRate | undefined;
  /** Date of the first rate that is published after the day. */
  nextDate(day: string): string | undefined;
}

/** A pair in both directions. */
class CachedPair {
  private readonly facts = new Map<string, ExchangeRateFact>();
  private readonly inForce = new Map<string, readonly PublishedRate[]>();
  private revision: number | undefined;
  /** The newest revision that was offered, also where events before it are missing. */
  private newestOffered = -1;
  private isRead = false;

  get isBehind(): boolean {
    return !this.isRead || this.newestOffered > (this.revision ?? -1);
  }

  markRead(): void {
    this.isRead = true;
  }

  record(stored: AppendedEvent): void {
    this.newestOffered = Math.max(this.newestOffered, stored.revision);
    if (stored.revision !== (this.revision ?? -1) + 1) return;
    const { exchangeRate } = domainEventOf<ExchangeRateRecorded>(stored, REFERENCE_EVENTS).data;
    this.facts.set(identityOfRate(exchangeRate), exchangeRate);
    this.inForce.clear();
    this.revision = stored.revision;
  }

  rates(base: string, quote: string): PairRates {
    return {
      revision: this.revision,
      rateOn: (day, maxAgeDays) => rateOn(this.inForceFor(base, quote), day, maxAgeDays),
      averageOf: (from, until) => averageOf(this.inForceFor(base, quote), from, until),
      nextDate: (day) => nextDate(this.inForceFor(base, quote), day),
    };
  }

  private inForceFor(base: string, quote: string): readonly PublishedRate[] {
    let rates = this.inForce.get(base);
    if (rates === undefined) {
      rates = ratesInForce(this.facts.values(), base, quote);
      this.inForce.set(base, rates);
    }
    return rates;
  }
}

const NO_RATES = new CachedPair();
