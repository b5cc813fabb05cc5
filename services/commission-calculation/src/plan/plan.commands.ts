/** The life of a plan's versions: drafted, approved, published, ended. */
import { calendarKey } from '@tantieme/time/calendar/key';
import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { parsePlan } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { Finding } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { PlanDocument } from '@tantieme/commission-engine/plan/document';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { sha256 } from '@tantieme/event-store/sha256';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { calendarStream, firstUntouchedDay } from '../period/calendar.js';
import { planStream, versionOf } from './plan.js';
import type { PlanCommand } from './plan.js';
import { Runtimes } from '../runtimes.service.js';

export interface PlanDraft {
  readonly plan: string;
  readonly version: number;
  /** False where this is the plan's newest version already. */
  readonly isNew: boolean;
}

/** A new version of a plan, from its text (YAML or JSON). */
@CommandRoles('plan-designer')
export class DraftPlan {
  constructor(
    readonly text: string,
    readonly context: CommandContext,
  ) {}
}

@CommandHandler(DraftPlan)
export class DraftPlanHandler implements ICommandHandler<DraftPlan, PlanDraft> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `PlanInvalid`, `PlanVersionRefused`, `PlanVersionsTooMany` */
  async execute({ text, context }: DraftPlan): Promise<PlanDraft> {
    const { document, findings } = parsePlan(text);
    if (document === undefined) throw invalidPlan(findings);
    const by = context.actor;
    const at = new Date().toISOString();
    await this.runtimes.planBook.fill();
    const { stored, state } = await this.runtimes.plans.handle(
      planStream(document.plan),
      { type: 'draft', document, hash: hashOfPlan(document), findings, by, at },
      context,
    );
    const version = state.versions.length;
    this.runtimes.planBook.take(stored);
    return { plan: document.plan, version, isNew: stored.length > 0 };
  }
}

/** By it credits name the version that they were made under. */
export function hashOfPlan(document: PlanDocument): string {
  return sha256(canonicalJson(document));
}

function invalidPlan(findings: readonly Finding[]): DomainError {
  const errors = findings.filter(({ severity }) => severity === 'error');
  return new DomainError(
    'PlanInvalid',
    'the plan document is not valid',
    'invalid',
    errors.map(({ path, code, message, line, column }) => ({
      field: `document${path}`,
      reason: `${message} (${code}, line ${line}, column ${column})`,
      line,
      column,
    })),
  );
}

/** By somebody else than who drafted the version. */
@CommandRoles('approver')
export class ApprovePlan {
  constructor(
    readonly plan: string,
    readonly version: number,
    readonly context: CommandContext,
  ) {}
}

@CommandHandler(ApprovePlan)
export class ApprovePlanHandler implements ICommandHandler<ApprovePlan, void> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `PlanVersionUnknown`, `SecondPersonNeeded` */
  async execute({ plan, version, context }: ApprovePlan): Promise<void> {
    await tell(this.runtimes, plan, { type: 'approve', number: version }, context);
  }
}

/** Lets an approved version take effect. By somebody else than who drafted it. */
@CommandRoles('approver')
export class PublishPlan {
  constructor(
    readonly plan: string,
    readonly version: number,
    /** Day in the plan's time zone. */
    readonly effectiveFrom: string,
    readonly context: CommandContext,
  ) {}
}

@CommandHandler(PublishPlan)
export class PublishPlanHandler implements ICommandHandler<PublishPlan, void> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `PlanVersionUnknown`, `SecondPersonNeeded`, `PlanVersionNotApproved`, `PlanVersionRefused`, `PlanPeriodClosed`, `PlanOver` */
  async execute({ plan, version, effectiveFrom, context }: PublishPlan): Promise<void> {
    const { state } = await this.runtimes.plans.load(planStream(plan));
    const openFrom = await openDayOf(this.runtimes, calendarKey(versionOf(state, version).document.calendar));
    await tell(this.runtimes, plan, { type: 'publish', number: version, effectiveFrom, openFrom }, context);
  }
}

/** Ends a plan with a last day. */
@CommandRoles('plan-designer')
export class EndPlan {
  constructor(
    readonly plan: string,
    /** In the plan's time zone. */
    readonly lastDay: string,
    readonly context: CommandContext,
  ) {}
}

@CommandHandler(EndPlan)
export class EndPlanHandler implements ICommandHandler<EndPlan, void> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `PlanNotPublished`, `PlanPeriodClosed` */
  async execute({ plan, lastDay, context }: EndPlan): Promise<void> {
    const calendar = (await this.runtimes.plans.load(planStream(plan))).state.published.at(-1)?.plan.calendarKey;
    const openFrom = calendar === undefined ? null : await openDayOf(this.runtimes, calendar);
    await tell(this.runtimes, plan, { type: 'end', lastDay, openFrom }, context);
  }
}

type Told<Command> = Command extends unknown ? Omit<Command, 'by' | 'at'> : never;

async function tell(
  { plans, planBook }: Runtimes,
  plan: string,
  command: Told<Exclude<PlanCommand, { readonly type: 'draft' }>>,
  context: CommandContext,
): Promise<void> {
  const by = context.actor;
  const at = new Date().toISOString();
  // Before the append: what is filled later may end before the new event, and would not take it from here.
  await planBook.fill();
  const { stored } = await plans.handle(planStream(plan), { ...command, by, at }, context);
  planBook.take(stored);
}

/**
 * First day of a calendar for which no closing has begun. One that begins between this look and the append does no harm:
 * the earning streams never post into what they have closed, and what the version changes is posted in the open period.
 */
async function openDayOf({ calendars }: Runtimes, calendar: string): Promise<string | null> {
  return firstUntouchedDay(calendar, (await calendars.load(calendarStream(calendar))).state);
}
