/**
 * Partners in memory, as the reference streams hold them: crediting in the steady state reads nothing. What is in here may
 * be behind the streams (another process may have written to them): the follower of the log then credits the deals again.
 */
import type { PartnerAsOf } from '@tantieme/commission-engine/credit/partner';
import type { Partner } from '@tantieme/contracts/partner';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { PartnerView } from '../credit/credit.js';
import {
  partnerAsOf,
  partnerOfStream,
  plansOfPartner,
  referenceDecider,
  referenceStream,
  turningDays,
  uplinesOfPartner,
} from './reference.js';
import type { PartnerSnapshotReceived } from './reference.js';

/** Partners kept, some 2 kB each. */
const PARTNERS_MAX = 50_000;

export class PartnerCache {
  /** Undefined for one that has no stream yet. In order of their arrival here. */
  private readonly partners = new Map<string, KnownPartner | undefined>();

  constructor(private readonly store: EventStore) {}

  /** Brings the partners and all that stand above them into memory, a reading a level for those that are not there. */
  async ensure(ids: Iterable<string>): Promise<void> {
    this.forgetOldest();
    const reached = new Set(ids);
    for (let level = [...reached]; level.length > 0;) {
      await this.read(level.filter((id) => !this.partners.has(id)));
      const above: string[] = [];
      for (const id of level)
        for (const upline of this.partners.get(id)?.uplines ?? [])
          if (!reached.has(upline)) {
            reached.add(upline);
            above.push(upline);
          }
      level = above;
    }
  }

  /** What is asked for is read again. */
  forget(): void {
    this.partners.clear();
  }

  /** Takes events of reference streams; those older than what is known are passed over. */
  take(events: readonly StoredEvent[]): void {
    for (const stored of events) {
      if (stored.type !== 'PartnerTaken') continue;
      const id = partnerOfStream(stored.stream);
      if ((this.partners.get(id)?.revision ?? -1) >= stored.revision) continue;
      const { data } = domainEventOf<PartnerSnapshotReceived>(stored, referenceDecider);
      this.partners.set(id, new KnownPartner(stored.revision, data.partner));
    }
  }

  /** A partner that `ensure` has brought in, undefined where none is known. */
  find(id: string): KnownPartner | undefined {
    return this.partners.get(id);
  }

  private async read(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const streams = await this.store.readStreams(ids.map(referenceStream));
    for (const id of ids) {
      const newest = streams.get(referenceStream(id))?.at(-1);
      // Something newer may have been taken while this was read.
      if (newest !== undefined) this.take([newest]);
      else if (!this.partners.has(id)) this.partners.set(id, undefined);
    }
  }

  private forgetOldest(): void {
    let over = this.partners.size - PARTNERS_MAX;
    for (const id of this.partners.keys()) {
      if (over-- <= 0) return;
      this.partners.delete(id);
    }
  }
}

export class KnownPartner implements PartnerView {
  readonly plans: readonly string[];
  readonly uplines: readonly string[];
  private readonly turningDays: readonly string[];
  /** By how many of the turning days lie behind. */
  private readonly known: PartnerAsOf[] = [];

  constructor(
    readonly revision: number,
    private readonly partner: Partner,
  ) {
    this.plans = plansOfPartner(partner);
    this.uplines = uplinesOfPartner(partner);
    this.turningDays = turningDays(partner);
  }

  asOf(day: string): PartnerAsOf {
    // Most partners have few of them.
    const next = this.turningDays.findIndex((turning) => turning > day);
    return (this.known[next === -1 ? this.turningDays.length : next] ??= partnerAsOf(this.partner, day));
  }
}
