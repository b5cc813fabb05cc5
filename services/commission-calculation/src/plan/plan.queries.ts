import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { calendarKey } from '@tantieme/time/calendar/key';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { suggest } from '@tantieme/contracts/suggest';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { lateStarts } from './late-start.js';
import { stateOfVersion, versionOf } from './plan.js';
import type { DraftedVersion, PlanState, VersionState } from './plan.js';
import type { PlanSummary, PlanVersionDetail, PlanVersionSummary } from './plan.dto.js';
import { PlanCatalog } from './plan-catalog.service.js';
import { Plans } from './plans.service.js';

/** Plans in order of id. */
export class ListPlans {
  constructor(
    readonly filter: { readonly state?: VersionState | undefined; readonly text?: string | undefined },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListPlans)
export class ListPlansHandler implements IQueryHandler<ListPlans, Page<PlanSummary>> {
  constructor(@Inject(PlanCatalog) private readonly catalog: PlanCatalog) {}

  async execute({ filter, limit, cursor }: ListPlans): Promise<Page<PlanSummary>> {
    const after = decodeCursor(cursor, 1)?.[0] ?? '';
    const text = filter.text?.toLowerCase() ?? '';
    await this.catalog.load();
    const found: PlanSummary[] = [];
    for (const id of this.catalog.ids()) {
      if (id <= after) continue;
      const plan = summaryOf(id, this.catalog.state(id));
      if (plan === undefined || !`${id}\n${plan.title}`.toLowerCase().includes(text)) continue;
      if (filter.state !== undefined && !plan.versions.some(({ state }) => state === filter.state)) continue;
      found.push(plan);
      if (found.length > limit) break;
    }
    return pageOf(found, limit, ({ plan }) => [plan]);
  }
}

export class ReadPlan {
  constructor(readonly plan: string) {}
}

@QueryHandler(ReadPlan)
export class ReadPlanHandler implements IQueryHandler<ReadPlan, PlanSummary> {
  constructor(
    @Inject(Plans) private readonly plans: Plans,
    @Inject(PlanCatalog) private readonly catalog: PlanCatalog,
  ) {}

  /** @throws {DomainError} `PlanUnknown` */
  async execute({ plan }: ReadPlan): Promise<PlanSummary> {
    const found = summaryOf(plan, await this.plans.state(plan));
    if (found !== undefined) return found;
    await this.catalog.load();
    const nearest = suggest(plan, this.catalog.ids());
    const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
    throw new DomainError('PlanUnknown', `there is no plan ${plan}${hint}`, 'not-found');
  }
}

export class ReadPlanVersion {
  constructor(
    readonly plan: string,
    readonly version: number,
  ) {}
}

@QueryHandler(ReadPlanVersion)
export class ReadPlanVersionHandler implements IQueryHandler<ReadPlanVersion, PlanVersionDetail> {
  constructor(@Inject(Plans) private readonly plans: Plans) {}

  /** @throws {DomainError} `PlanVersionUnknown` */
  async execute({ plan, version }: ReadPlanVersion): Promise<PlanVersionDetail> {
    const state = await this.plans.state(plan);
    const found = versionOf(state, version);
    const notices = lateStarts(state.published);
    return {
      plan,
      ...versionSummaryOf(state, found),
      document: found.document,
      ...(notices.length === 0 ? {} : { notices }),
    };
  }
}

/** Undefined for a plan that does not exist. */
function summaryOf(plan: string, state: PlanState | undefined): PlanSummary | undefined {
  const newest = state?.versions.at(-1);
  if (state === undefined || newest === undefined) return undefined;
  const { title, currency, calendar } = newest.document;
  return omitUndefined({
    plan,
    title,
    currency,
    calendar: calendarKey(calendar),
    ended: state.ended,
    versions: state.versions.map((version) => versionSummaryOf(state, version)),
  });
}

function versionSummaryOf(state: PlanState, version: DraftedVersion): PlanVersionSummary {
  const { number, document, hash, findings, drafted, approved } = version;
  const today = Temporal.Now.plainDateISO(document.calendar.timeZone).toString();
  const publication = state.published.find((one) => one.number === number);
  return omitUndefined({
    version: number,
    state: stateOfVersion(state, number, today),
    hash,
    drafted,
    approved,
    published: publication && { ...publication.published, effectiveFrom: publication.effectiveFrom },
    findings,
  });
}
