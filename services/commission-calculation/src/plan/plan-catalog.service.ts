/**
 * All plans in memory, those that are published compiled: there are few, and every deal asks for them. Filled from the plan
 * streams when it is first asked for them, and kept up to date by whoever sees a new event first: the command that appends it, or the follower of the log.
 */
import type { PlanByHash } from '@tantieme/commission-engine/earn/component-rules';
import { EngineError } from '@tantieme/commission-engine/engine-error';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { PlanView } from '../credit/credit.js';
import { PLAN, planDecider, planOfStream, planStream } from './plan.js';
import type { PlanEvent, PlanState, PublishedVersion } from './plan.js';

/** Events a page when the book is filled. */
const PAGE_EVENTS = 200;

/** Names without a plan that are remembered, so that an agreement to a plan that is not there yet costs no reading. */
const MISSING_MAX = 10_000;

/** True for what changes the terms on which deals are credited; drafts and approvals do not. */
export function changesTerms(type: string): boolean {
  return type === 'PlanPublished' || type === 'PlanEnded';
}

/** The events of all plans, a page at a time. */
export async function* planEvents(store: EventStore): AsyncIterable<readonly StoredEvent[]> {
  for (let after = 0n, end = false; !end;) {
    const page = await store.readAll({ after, filter: { categories: [PLAN] }, limit: PAGE_EVENTS });
    yield page.events;
    after = page.through;
    end = page.end;
  }
}

/** A plan with a published version. */
export interface KnownPlan extends PlanView {
  readonly id: string;
  /** Of the newest event that changed its terms. */
  readonly revision: number;
  readonly versions: readonly PublishedVersion[];
}

/** What the stream of a plan says up to `revision`. */
interface Read {
  readonly revision: number;
  readonly state: PlanState;
  readonly known: KnownPlan | undefined;
}

export class PlanCatalog implements PlanByHash {
  private readonly plans = new Map<string, Read>();
  private readonly byHash = new Map<string, CompiledPlan>();
  private readonly missing = new Set<string>();
  private filling: Promise<void> | undefined;

  constructor(private readonly store: EventStore) {}

  /** Reads every plan of the store, once. Where that fails, the next who asks for it tries again. */
  fill(): Promise<void> {
    this.filling ??= this.readAll().catch((error: unknown) => {
      this.filling = undefined;
      throw error;
    });
    return this.filling;
  }

  /** Reads every plan of the store again. */
  refill(): Promise<void> {
    this.filling = undefined;
    return this.fill();
  }

  private async readAll(): Promise<void> {
    for await (const events of planEvents(this.store)) this.take(events);
  }

  /** Afterwards these plans are in memory, as are all that were there when the book was filled. */
  async ensure(ids: Iterable<string>): Promise<void> {
    await this.fill();
    const unknown = [...new Set(ids)].filter((id) => !this.plans.has(id) && !this.missing.has(id));
    if (unknown.length > 0) await this.reload(unknown);
  }

  /** Reads plans again: another process may have published a version. */
  async reload(ids: readonly string[]): Promise<void> {
    await this.fill();
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
      if (categoryOf(stored.stream) !== PLAN) continue;
      const id = planOfStream(stored.stream);
      const before = this.plans.get(id);
      const { revision } = stored;
      if (revision !== (before?.revision ?? -1) + 1) continue;
      const event = domainEventOf<PlanEvent>(stored, planDecider);
      const state = planDecider.evolve(before?.state ?? planDecider.initialState(), event);
      const known = changesTerms(event.type) ? { id, revision, versions: state.published } : before?.known;
      this.plans.set(id, { revision, state, known });
      this.missing.delete(id);
      if (event.type === 'PlanPublished') for (const { plan } of state.published) this.byHash.set(plan.hash, plan);
    }
  }

  /** The plan as deals are credited under it; undefined while none of its versions is published. */
  find(id: string): KnownPlan | undefined {
    return this.plans.get(id)?.known;
  }

  /** Ids of all plans, drafts as well, in order of text. */
  ids(): readonly string[] {
    return [...this.plans.keys()].sort();
  }

  /** The life of a plan: all of its versions. */
  life(id: string): PlanState | undefined {
    return this.plans.get(id)?.state;
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
