import { Inject, Injectable } from '@nestjs/common';
import type { PlanByVersion } from '@tantieme/commission-engine/earn/component-rules';
import { EngineError } from '@tantieme/commission-engine/engine-error';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { AppendedEvent, EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { changesTerms, PLAN, planDecider, planOfStream, planStream, PLAN_EVENTS } from './plan.js';
import type { PlanEvent, PlanState, PublishedPlan } from './plan.js';
import { MISSING_PLANS_MAX } from '../limits.js';

/** Events per page when the catalog is loaded. */
const PAGE_EVENTS = 200;

/** The events of all plans, a page at a time. */
export async function* planEvents(store: EventStore): AsyncIterable<readonly StoredEvent[]> {
  for (let after = 0n, end = false; !end;) {
    const page = await store.readAll({ after, filter: { categories: [PLAN] }, limit: PAGE_EVENTS });
    yield page.events;
    after = page.through;
    end = page.end;
  }
}

/** A plan as of `revision` of its stream. */
interface Entry {
  readonly revision: number;
  readonly state: PlanState;
  readonly published: PublishedPlan | undefined;
}

/**
 * All plans in memory, published versions compiled: there are few of them, and every deal needs them. Loaded from the
 * plan streams on first use; kept current by whoever sees a new event first, the command that appends it or the log's
 * follower.
 */
@Injectable()
export class PlanCatalog implements PlanByVersion {
  private readonly plans = new Map<string, Entry>();
  private readonly byVersion = new Map<string, CompiledPlan>();
  private readonly missing = new Set<string>();
  private loading: Promise<void> | undefined;

  constructor(@Inject(EVENT_STORE) private readonly store: EventStore) {}

  /** Reads all plans, once. After a failure, the next call tries again. */
  load(): Promise<void> {
    this.loading ??= this.readAll().catch((error: unknown) => {
      this.loading = undefined;
      throw error;
    });
    return this.loading;
  }

  /** Reads all plans again. */
  reload(): Promise<void> {
    this.loading = undefined;
    return this.load();
  }

  private async readAll(): Promise<void> {
    for await (const events of planEvents(this.store)) this.record(events);
  }

  /** Brings these plans into memory, if they exist. */
  async ensure(ids: Iterable<string>): Promise<void> {
    await this.load();
    const unknown = [...new Set(ids)].filter((id) => !this.plans.has(id) && !this.missing.has(id));
    if (unknown.length > 0) await this.refresh(unknown);
  }

  /** Reads these plans again: another process may have published a version. */
  async refresh(ids: readonly string[]): Promise<void> {
    await this.load();
    const streams = await this.store.readStreams(ids.map(planStream));
    for (const id of ids) {
      const events = streams.get(planStream(id));
      if (events !== undefined) this.record(events);
      else if (!this.plans.has(id)) {
        if (this.missing.size >= MISSING_PLANS_MAX) this.missing.clear();
        this.missing.add(id);
      }
    }
  }

  /** Applies events of plan streams, in order within each stream; events that were applied before are skipped. */
  record(events: readonly AppendedEvent[]): void {
    for (const stored of events) {
      if (categoryOf(stored.stream) !== PLAN) continue;
      const id = planOfStream(stored.stream);
      const before = this.plans.get(id);
      const { revision } = stored;
      if (revision !== (before?.revision ?? -1) + 1) continue;
      const event = domainEventOf<PlanEvent>(stored, PLAN_EVENTS);
      const state = planDecider.evolve(before?.state ?? planDecider.initialState(), event);
      const published = changesTerms(event.type) ? { id, revision, versions: state.published } : before?.published;
      this.plans.set(id, { revision, state, published });
      this.missing.delete(id);
      if (event.type === 'PlanPublished')
        for (const { plan } of state.published) this.byVersion.set(plan.version, plan);
    }
  }

  /** Undefined for a plan without a published version. */
  find(id: string): PublishedPlan | undefined {
    return this.plans.get(id)?.published;
  }

  /** Ids of all plans, also of drafts, in text order. */
  ids(): readonly string[] {
    return [...this.plans.keys()].sort();
  }

  /** Plans with a published version in this calendar, in text order. */
  ofCalendar(calendar: string): readonly PublishedPlan[] {
    return this.ids()
      .flatMap((id) => this.find(id) ?? [])
      .filter(({ versions }) => versions[0]?.plan.calendarKey === calendar);
  }

  /** A plan with all its versions, also drafts. */
  state(id: string): PlanState | undefined {
    return this.plans.get(id)?.state;
  }

  /** Components of all versions of a plan, also of drafts; undefined where there is no such plan. */
  componentsOf(id: string): readonly string[] | undefined {
    const versions = this.plans.get(id)?.state.versions;
    return versions && [...new Set(versions.flatMap(({ document }) => document.components.map(({ id }) => id)))];
  }

  /** @param version `resellers@2` */
  has(version: string): boolean {
    return this.byVersion.has(version);
  }

  /** @throws {EngineError} `PlanUnknown` */
  plan(version: string): CompiledPlan {
    const plan = this.byVersion.get(version);
    if (plan === undefined) throw new EngineError('PlanUnknown', `there is no published version ${version} of a plan`);
    return plan;
  }

  /** The version published last. @throws {Error} for a plan without a published version */
  newest(id: string): CompiledPlan {
    const newest = this.find(id)?.versions.at(-1);
    if (newest === undefined) throw new Error(`the plan ${id} has no published version`);
    return newest.plan;
  }
}
