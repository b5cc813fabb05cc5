import { calendarKey } from '@tantieme/time/calendar/key';
import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { Finding } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { PlanDocument } from '@tantieme/commission-engine/plan/document';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { planStream, stateOfVersion, versionOf } from './plan.js';
import type { Deed, DraftedVersion, PlanState, VersionState } from './plan.js';
import { Runtimes } from '../runtimes.service.js';

export interface VersionListed {
  readonly version: number;
  /** As of today in the plan's time zone. */
  readonly state: VersionState;
  /** SHA-256 of the document's canonical JSON. */
  readonly hash: string;
  readonly drafted: Deed;
  readonly approved?: Deed;
  readonly published?: Deed & { readonly effectiveFrom: string };
  /** What the linter said when it was drafted. Lines and columns are those of the text that was sent. */
  readonly findings: readonly Finding[];
}

export interface PlanListed {
  readonly plan: string;
  readonly title: string;
  readonly currency: string;
  /** `monthly@Europe/Paris` */
  readonly calendar: string;
  /** There where the plan ends, or has ended. */
  readonly ended?: Deed & { readonly lastDay: string };
  /** In order of drafting. */
  readonly versions: readonly VersionListed[];
}

export interface VersionRead extends VersionListed {
  readonly plan: string;
  readonly document: PlanDocument;
}

export class ListPlans {
  constructor(
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListPlans)
export class ListPlansHandler implements IQueryHandler<ListPlans, Page<PlanListed>> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  async execute({ limit, cursor }: ListPlans): Promise<Page<PlanListed>> {
    const after = decodeCursor(cursor, 1)?.[0] ?? '';
    const { planBook } = this.runtimes;
    await planBook.fill();
    const ids = planBook.ids().filter((id) => id > after);
    const page = pageOf(ids.slice(0, limit + 1), limit, (id) => [id]);
    return { ...page, items: page.items.flatMap((id) => listed(id, planBook.life(id)) ?? []) };
  }
}

export class ReadPlan {
  constructor(readonly plan: string) {}
}

@QueryHandler(ReadPlan)
export class ReadPlanHandler implements IQueryHandler<ReadPlan, PlanListed> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `PlanUnknown` */
  async execute({ plan }: ReadPlan): Promise<PlanListed> {
    const found = listed(plan, (await this.runtimes.plans.load(planStream(plan))).state);
    if (found === undefined) throw new DomainError('PlanUnknown', `there is no plan ${plan}`, 'not-found');
    return found;
  }
}

export class ReadPlanVersion {
  constructor(
    readonly plan: string,
    readonly version: number,
  ) {}
}

@QueryHandler(ReadPlanVersion)
export class ReadPlanVersionHandler implements IQueryHandler<ReadPlanVersion, VersionRead> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `PlanVersionUnknown` */
  async execute({ plan, version }: ReadPlanVersion): Promise<VersionRead> {
    const { state } = await this.runtimes.plans.load(planStream(plan));
    const found = versionOf(state, version);
    return { plan, ...listedVersion(state, found), document: found.document };
  }
}

function listed(plan: string, state: PlanState | undefined): PlanListed | undefined {
  const newest = state?.versions.at(-1);
  if (state === undefined || newest === undefined) return undefined;
  const { title, currency, calendar } = newest.document;
  return {
    plan,
    title,
    currency,
    calendar: calendarKey(calendar),
    ...(state.ended === undefined ? {} : { ended: state.ended }),
    versions: state.versions.map((version) => listedVersion(state, version)),
  };
}

function listedVersion(state: PlanState, version: DraftedVersion): VersionListed {
  const { number, document, hash, findings, drafted, approved } = version;
  const today = Temporal.Now.plainDateISO(document.calendar.timeZone).toString();
  const own = state.published.find((one) => one.number === number);
  return {
    version: number,
    state: stateOfVersion(state, number, today),
    hash,
    drafted,
    ...(approved === undefined ? {} : { approved }),
    ...(own === undefined ? {} : { published: { ...own.published, effectiveFrom: own.effectiveFrom } }),
    findings,
  };
}
