/** The life of a plan's versions: draft, approve, publish, end. */
import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { calendarKey } from '@tantieme/time/calendar/key';
import { parsePlan } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { Finding } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { PlanDocument } from '@tantieme/commission-engine/plan/document';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { sha256 } from '@tantieme/event-store/sha256';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { firstUntouchedDay } from '../calendar/calendar.js';
import { Calendars } from '../calendar/calendars.service.js';
import { versionOf } from './plan.js';
import { Plans } from './plans.service.js';

export interface PlanDraft {
  readonly plan: string;
  readonly version: number;
  /** False where the newest version has this document already. */
  readonly isNew: boolean;
}

/** Drafts a version of a plan from its text (YAML or JSON). */
@CommandRoles('plan-designer')
export class DraftPlan {
  constructor(
    readonly text: string,
    readonly context: RequestContext,
  ) {}
}

@CommandHandler(DraftPlan)
export class DraftPlanHandler implements ICommandHandler<DraftPlan, PlanDraft> {
  constructor(@Inject(Plans) private readonly plans: Plans) {}

  /** @throws {DomainError} `PlanInvalid`, `PlanVersionRefused`, `PlanVersionsTooMany` */
  async execute({ text, context }: DraftPlan): Promise<PlanDraft> {
    const { document, findings } = parsePlan(text);
    if (document === undefined) throw invalidPlan(findings);
    const { stored, state } = await this.plans.handle(
      document.plan,
      {
        type: 'draft',
        document,
        hash: hashOfPlan(document),
        findings,
        by: context.actor,
        at: new Date().toISOString(),
      },
      context,
    );
    return { plan: document.plan, version: state.versions.length, isNew: stored.length > 0 };
  }
}

/** SHA-256 of the canonical JSON. */
export function hashOfPlan(document: PlanDocument): string {
  return sha256(canonicalJson(document));
}

function invalidPlan(findings: readonly Finding[]): DomainError {
  const errors = findings.filter(({ severity }) => severity === 'error');
  return new DomainError(
    'PlanInvalid',
    'the plan document is not valid; POST /plans/lint lists errors and warnings without drafting',
    'invalid',
    errors.map(({ path, code, message, line, column }) => ({
      field: `document${path}`,
      reason: `${message} (${code}, line ${line}, column ${column})`,
      line,
      column,
    })),
  );
}

/** Only a person other than the version's author can approve it. */
@CommandRoles('approver')
export class ApprovePlan {
  constructor(
    readonly plan: string,
    readonly version: number,
    readonly context: RequestContext,
  ) {}
}

@CommandHandler(ApprovePlan)
export class ApprovePlanHandler implements ICommandHandler<ApprovePlan, void> {
  constructor(@Inject(Plans) private readonly plans: Plans) {}

  /** @throws {DomainError} `PlanVersionUnknown`, `SecondPersonNeeded` */
  async execute({ plan, version, context }: ApprovePlan): Promise<void> {
    await this.plans.handle(plan, { type: 'approve', number: version, ...attributionOf(context) }, context);
  }
}

/** Puts an approved version into effect. Only a person other than the version's author can do so. */
@CommandRoles('approver')
export class PublishPlan {
  constructor(
    readonly plan: string,
    readonly version: number,
    /** Day in the plan's time zone. */
    readonly effectiveFrom: string,
    readonly context: RequestContext,
  ) {}
}

@CommandHandler(PublishPlan)
export class PublishPlanHandler implements ICommandHandler<PublishPlan, void> {
  constructor(
    @Inject(Plans) private readonly plans: Plans,
    @Inject(Calendars) private readonly calendars: Calendars,
  ) {}

  /**
   * @throws {DomainError} `PlanVersionUnknown`, `SecondPersonNeeded`, `PlanVersionNotApproved`, `PlanVersionRefused`,
   * `PlanPeriodClosed`, `PlanOver`
   */
  async execute({ plan, version, effectiveFrom, context }: PublishPlan): Promise<void> {
    const { document } = versionOf(await this.plans.state(plan), version);
    const openFrom = await firstOpenDay(this.calendars, calendarKey(document.calendar));
    await this.plans.handle(
      plan,
      { type: 'publish', number: version, effectiveFrom, openFrom, ...attributionOf(context) },
      context,
    );
  }
}

/** Ends a plan with a last day. */
@CommandRoles('plan-designer')
export class EndPlan {
  constructor(
    readonly plan: string,
    /** In the plan's time zone. */
    readonly lastDay: string,
    readonly context: RequestContext,
  ) {}
}

@CommandHandler(EndPlan)
export class EndPlanHandler implements ICommandHandler<EndPlan, void> {
  constructor(
    @Inject(Plans) private readonly plans: Plans,
    @Inject(Calendars) private readonly calendars: Calendars,
  ) {}

  /** @throws {DomainError} `PlanNotPublished`, `PlanPeriodClosed` */
  async execute({ plan, lastDay, context }: EndPlan): Promise<void> {
    const calendar = (await this.plans.state(plan)).published.at(-1)?.plan.calendarKey;
    const openFrom = calendar === undefined ? null : await firstOpenDay(this.calendars, calendar);
    await this.plans.handle(plan, { type: 'end', lastDay, openFrom, ...attributionOf(context) }, context);
  }
}

function attributionOf({ actor }: RequestContext): { readonly by: string; readonly at: string } {
  return { by: actor, at: new Date().toISOString() };
}

/**
 * First day of a calendar outside all closed and closing periods; null before the first closing. A closing that starts
 * between this look-up and the append does no harm: earning streams never post into a period that they have closed, and
 * what the new version changes there is posted in the open period.
 */
async function firstOpenDay(calendars: Calendars, calendar: string): Promise<string | null> {
  return firstUntouchedDay(calendar, await calendars.state(calendar));
}
