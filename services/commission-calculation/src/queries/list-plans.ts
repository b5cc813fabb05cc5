import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { PlanDocument } from '@tantieme/commission-engine/plan-document';
import { DomainError } from '@tantieme/event-sourcing/decider';
import { decodeCursor, pageOf } from '@tantieme/service-kit/cursor';
import type { Page } from '@tantieme/service-kit/cursor';
import type { KnownPlan } from '../plan-book.js';
import { Runtimes } from '../runtimes.js';

export interface PlanListed {
  readonly plan: string;
  readonly title: string;
  readonly currency: string;
  /** `monthly@Europe/Paris` */
  readonly calendar: string;
  /** In order of publication; of two from one day the later counts. */
  readonly versions: readonly { readonly hash: string; readonly effectiveFrom: string }[];
}

export interface PlanRead extends Omit<PlanListed, 'versions'> {
  readonly versions: readonly {
    readonly hash: string;
    readonly effectiveFrom: string;
    readonly document: PlanDocument;
  }[];
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
    const [after] = decodeCursor(cursor, 1) ?? [];
    const plans = this.runtimes.planBook.all().filter(({ id }) => after === undefined || id > String(after));
    const page = pageOf(plans.slice(0, limit + 1), limit, ({ id }) => [id]);
    return {
      ...page,
      items: page.items.map((plan) => ({
        ...headOf(plan),
        versions: plan.versions.map(({ effectiveFrom, plan: { hash } }) => ({ hash, effectiveFrom })),
      })),
    };
  }
}

export class ReadPlan {
  constructor(readonly id: string) {}
}

@QueryHandler(ReadPlan)
export class ReadPlanHandler implements IQueryHandler<ReadPlan, PlanRead> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `PlanUnknown` */
  async execute({ id }: ReadPlan): Promise<PlanRead> {
    const plan = this.runtimes.planBook.find(id);
    if (plan === undefined) throw new DomainError('PlanUnknown', `there is no plan ${id}`, 'not-found');
    return {
      ...headOf(plan),
      versions: plan.versions.map(({ effectiveFrom, document, plan: { hash } }) => ({ hash, effectiveFrom, document })),
    };
  }
}

function headOf({ id, versions }: KnownPlan): Omit<PlanListed, 'versions'> {
  const newest = versions.at(-1)?.plan;
  return {
    plan: id,
    title: newest?.title ?? id,
    currency: newest?.currency ?? '',
    calendar: newest?.calendarKey ?? '',
  };
}
