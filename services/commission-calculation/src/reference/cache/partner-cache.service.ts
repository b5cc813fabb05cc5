import { Inject, Injectable } from '@nestjs/common';
import type { PartnerAsOf } from '@tantieme/commission-engine/credit/partner';
import type { Partner } from '@tantieme/contracts/partner';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { AppendedEvent, EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { PARTNERS_MAX } from '../../limits.js';
import { changeDays, partnerAsOf, plansOfPartner, uplinesOfPartner } from '../facts/partner.js';
import { partnerOfStream, partnerStream } from '../stream/reference-keys.js';
import { REFERENCE_EVENTS } from '../stream/reference.js';
import type { PartnerSnapshotReceived } from '../stream/reference.js';

/**
 * Partners in memory, so that crediting reads nothing in normal running. The cache may be behind the reference streams
 * (another process may have written to them): the follower of the log then credits the deals again.
 */
@Injectable()
export class PartnerCache {
  /** Undefined for a partner without a stream. Oldest entries first. */
  private readonly partners = new Map<string, CachedPartner | undefined>();

  constructor(@Inject(EVENT_STORE) private readonly store: EventStore) {}

  /**
   * These partners and their uplines of all levels, with one read per level for those that are not cached. The caller
   * keeps them: the cache may drop them for others meanwhile.
   */
  async load(ids: Iterable<string>): Promise<LoadedPartners> {
    this.evictOldest();
    const loaded = new Map<string, CachedPartner | undefined>();
    for (let level = new Set(ids); level.size > 0;) {
      const missing: string[] = [];
      for (const id of level)
        if (this.partners.has(id)) loaded.set(id, this.partners.get(id));
        else missing.push(id);
      await this.read(missing, loaded);
      const above = [...level].flatMap((id) => loaded.get(id)?.uplines ?? []);
      level = new Set(above.filter((id) => !loaded.has(id)));
    }
    return new LoadedPartners(loaded);
  }

  /** Partners are read again when they are needed next. */
  clear(): void {
    this.partners.clear();
  }

  /** Applies events of reference streams; older snapshots than the cached one are skipped. */
  record(events: readonly AppendedEvent[]): void {
    for (const stored of events) {
      if (stored.type !== 'PartnerSnapshotReceived') continue;
      const id = partnerOfStream(stored.stream);
      if ((this.partners.get(id)?.revision ?? -1) >= stored.revision) continue;
      const { data } = domainEventOf<PartnerSnapshotReceived>(stored, REFERENCE_EVENTS);
      this.partners.set(id, new CachedPartner(stored.revision, data.partner));
    }
  }

  private async read(ids: readonly string[], loaded: Map<string, CachedPartner | undefined>): Promise<void> {
    if (ids.length === 0) return;
    const streams = await this.store.readStreams(ids.map(partnerStream));
    for (const id of ids) {
      const newest = streams.get(partnerStream(id))?.at(-1);
      // A newer snapshot may have been recorded during the read.
      if (newest !== undefined) this.record([newest]);
      else if (!this.partners.has(id)) this.partners.set(id, undefined);
      loaded.set(id, this.partners.get(id));
    }
  }

  private evictOldest(): void {
    let excess = this.partners.size - PARTNERS_MAX;
    for (const id of this.partners.keys()) {
      if (excess-- <= 0) return;
      this.partners.delete(id);
    }
  }
}

/** Partners as they were when they were loaded. */
export class LoadedPartners {
  constructor(private readonly partners: ReadonlyMap<string, CachedPartner | undefined>) {}

  /**
   * @returns undefined where there is no such partner
   * @throws if the partner was not loaded: the deal has got others since
   */
  find(id: string): CachedPartner | undefined {
    if (!this.partners.has(id)) throw new Error(`the partner ${id} was not loaded`);
    return this.partners.get(id);
  }
}

export class CachedPartner {
  /** Every plan that the partner ever agreed to, in text order. */
  readonly plans: readonly string[];
  readonly uplines: readonly string[];
  private readonly changeDays: readonly string[];
  /** By the number of change days on or before the day. */
  private readonly byChanges: PartnerAsOf[] = [];

  /** @param revision of the reference stream */
  constructor(
    readonly revision: number,
    private readonly partner: Partner,
  ) {
    this.plans = plansOfPartner(partner);
    this.uplines = uplinesOfPartner(partner);
    this.changeDays = changeDays(partner);
  }

  asOf(day: string): PartnerAsOf {
    // A linear search: most partners have few change days.
    const next = this.changeDays.findIndex((change) => change > day);
    return (this.byChanges[next === -1 ? this.changeDays.length : next] ??= partnerAsOf(this.partner, day));
  }
}
