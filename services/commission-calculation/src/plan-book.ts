/**
 * All plans in memory, compiled: there are few, and every deal asks for them. Filled from the plan streams, kept up to date
 * by whoever sees a new version first: the command that publishes it, or the follower of the log.
 */
import type { PlanVersion } from '@tantieme/commission-engine/plan-history';
import type { PlanByHash } from '@tantieme/commission-engine/earn';
import { EngineError } from '@tantieme/commission-engine/engine-error';
import type { CompiledPlan } from '@tantieme/commission-engine/plan';
import type { PlanDocument } from '@tantieme/commission-engine/plan-document';
import { domainEventOf } from '@tantieme/event-sourcing/runtime';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { PlanView } from './domain/credit.js';
import { PLAN, planDecider, planStream } from './domain/plan.js';
import type { PlanPublished, PlanState } from './domain/plan.js';

/** Events a page when the book is filled. */
const PAGE_EVENTS = 200;

/** Names without a plan that are remembered, so that an agreement to a plan that is not there yet costs no reading. */
const MISSING_MAX = 10_000;

export interface KnownPlan extends PlanView {
  readonly id: string;
  readonly versions: readonly (PlanVersion & { readonly document: PlanDocument })[];
}

export class PlanBook implements PlanByHash {
  private readonly plans = new Map<string, KnownPlan>();
  private readonly byHash = new Map<string, CompiledPlan>();
  private readonly missing = new Set<string>();

  constructor(private readonly store: EventStore) {}

  /** Reads every plan of the store. */
  async fill(): Promise<void> {
    for (let after = 0n, end = false; !end;) {
      const page = await this.store.readAll({ after, filter: { categories: [PLAN] }, limit: PAGE_EVENTS });
      this.take(page.events);
      after = page.through;
      end = page.end;
    }
  }

  /** Reads those of the plans that are not in memory, in one call. */
  async ensure(ids: Iterable<string>): Promise<void> {
    const unknown = [...new Set(ids)].filter((id) => !this.plans.has(id) && !this.missing.has(id));
    if (unknown.length > 0) await this.reload(unknown);
  }

  /** Reads plans again: another process may have published a version. */
  async reload(ids: readonly string[]): Promise<void> {
    const streams = await this.store.readStreams(ids.map(planStream));
    for (const id of ids) {
      const events = streams.get(planStream(id));
      if (events !== undefined) this.take(events);
      else if (!this.plans.has(id)) {
        if (this.missing.size >= MISSING_MAX) this.missing.clear();
        this.missing.add(id);
      }
    }
  }

  /** Takes events of plan streams, those of one stream in order; what is known already is passed over. */
  take(events: readonly StoredEvent[]): void {
    for (const stored of events) {
      if (stored.type !== 'PlanPublished') continue;
      const event = domainEventOf<PlanPublished>(stored, planDecider);
      const id = event.data.document.plan;
      const known = this.plans.get(id);
      if (stored.revision !== (known?.revision ?? -1) + 1) continue;
      const versions: PlanState = planDecider.evolve(known?.versions ?? [], event);
      this.plans.set(id, { id, revision: stored.revision, versions });
      this.missing.delete(id);
      const newest = versions.at(-1);
      if (newest !== undefined) this.byHash.set(newest.plan.hash, newest.plan);
    }
  }

  find(id: string): KnownPlan | undefined {
    return this.plans.get(id);
  }

  /** In order of id. */
  all(): readonly KnownPlan[] {
    return [...this.plans.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
  }

  has(hash: string): boolean {
    return this.byHash.has(hash);
  }

  /** @throws {EngineError} `PlanUnknown` */
  plan(hash: string): CompiledPlan {
    const plan = this.byHash.get(hash);
    if (plan === undefined) throw new EngineError('PlanUnknown', `there is no plan document with the hash ${hash}`);
    return plan;
  }
}
