/**
 * Exchange rates in memory: the pairs that deals ask for, whole, as their reference streams hold them. What is in here may be
 * behind the streams (another process may have written to them): the follower of the log then credits the deals again.
 */
import type { ExchangeRate } from '@tantieme/contracts/reference';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { ExchangeRateView } from '../credit/credit.js';
import { averageOf, identityOfRate, nextDate, rateOn, ratesInForce } from './exchange-rate.js';
import type { ExchangeRateTaken, PublishedRate } from './exchange-rate.js';
import { exchangeRateStream, referenceDecider } from './reference.js';

export interface Pair {
  readonly base: string;
  readonly quote: string;
}

export class ExchangeRateCache {
  /** By stream. */
  private readonly pairs = new Map<string, KnownPair>();

  constructor(private readonly store: EventStore) {}

  /** Brings the pairs into memory, in one reading of those that are not there or have missed something. */
  async ensure(pairs: Iterable<Pair>): Promise<void> {
    const streams = new Set<string>();
    for (const { base, quote } of pairs) {
      const stream = exchangeRateStream(base, quote);
      const known = this.pairs.get(stream);
      if (known === undefined) this.pairs.set(stream, new KnownPair());
      if (known === undefined || known.isBehind) streams.add(stream);
    }
    if (streams.size === 0) return;
    for (const events of (await this.store.readStreams([...streams])).values()) this.take(events);
    for (const stream of streams) this.pairs.get(stream)?.caughtUp();
  }

  /** What is asked for is read again. */
  forget(): void {
    this.pairs.clear();
  }

  /** Takes events of reference streams, those of one stream in order; pairs that nobody has asked for are passed over. */
  take(events: readonly StoredEvent[]): void {
    for (const stored of events) if (stored.type === 'ExchangeRateTaken') this.pairs.get(stored.stream)?.take(stored);
  }

  /** Of a pair that `ensure` has not brought in, nothing is known. */
  find(base: string, quote: string): KnownRates {
    return (this.pairs.get(exchangeRateStream(base, quote)) ?? UNKNOWN).rates(base, quote);
  }
}

export interface KnownRates extends ExchangeRateView {
  /** Date of the first rate that is published after the day. */
  nextDate(day: string): string | undefined;
}

/** A pair in both directions. */
class KnownPair {
  private readonly facts = new Map<string, ExchangeRate>();
  private readonly inForce = new Map<string, readonly PublishedRate[]>();
  private revision: number | undefined;
  /** The newest revision that was seen, where not everything before it was. */
  private seen = -1;
  private isRead = false;

  get isBehind(): boolean {
    return !this.isRead || this.seen > (this.revision ?? -1);
  }

  caughtUp(): void {
    this.isRead = true;
  }

  take(stored: StoredEvent): void {
    this.seen = Math.max(this.seen, stored.revision);
    if (stored.revision !== (this.revision ?? -1) + 1) return;
    const { exchangeRate } = domainEventOf<ExchangeRateTaken>(stored, referenceDecider).data;
    this.facts.set(identityOfRate(exchangeRate), exchangeRate);
    this.inForce.clear();
    this.revision = stored.revision;
  }

  rates(base: string, quote: string): KnownRates {
    return {
      revision: this.revision,
      rateOn: (day, maxAgeDays) => rateOn(this.of(base, quote), day, maxAgeDays),
      averageOf: (from, until) => averageOf(this.of(base, quote), from, until),
      nextDate: (day) => nextDate(this.of(base, quote), day),
    };
  }

  private of(base: string, quote: string): readonly PublishedRate[] {
    let rates = this.inForce.get(base);
    if (rates === undefined) {
      rates = ratesInForce(this.facts.values(), base, quote);
      this.inForce.set(base, rates);
    }
    return rates;
  }
}

const UNKNOWN = new KnownPair();
