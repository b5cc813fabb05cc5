/**
 * A plan: the versions of its document and the life of each. One person drafts a version, another approves it and
 * publishes it with the day on which it takes effect. A later version supersedes it, or the plan ends.
 *
 * The terms of a closed period are final: once a version was in force in a closed period, anything that would replace
 * it there is refused (docs/adr/0006).
 */
import { compilePlan } from '@tantieme/commission-engine/plan/compile';
import { successionProblems } from '@tantieme/commission-engine/plan/history';
import type { Finding } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import type { PlanDocument } from '@tantieme/commission-engine/plan/document';
import type { PlanVersion } from '@tantieme/commission-engine/plan/history';
import { addDays } from '@tantieme/time/day';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { PLAN_VERSIONS_MAX } from '../limits.js';

export const PLAN = 'plan';

export function planStream(plan: string): string {
  return `${PLAN}-${plan}`;
}

/** The plan's id, from the name of its stream. */
export function planOfStream(stream: string): string {
  return stream.slice(PLAN.length + 1);
}

/** How credits and earnings name a version: `resellers@2`. */
export function planVersion(plan: string, number: number): string {
  return `${plan}@${number}`;
}

export type PlanCommand =
  | {
      readonly type: 'draft';
      readonly document: PlanDocument;
      /** SHA-256, hex, of the document's canonical JSON. */
      readonly hash: string;
      /** Warnings of the linter; a document with errors is never drafted. */
      readonly findings: readonly Finding[];
      readonly by: string;
      readonly at: string;
    }
  | { readonly type: 'approve'; readonly number: number; readonly by: string; readonly at: string }
  | {
      readonly type: 'publish';
      readonly number: number;
      /** Day in the plan's time zone; it takes effect with the first measurement window that starts on or after it. */
      readonly effectiveFrom: string;
      readonly by: string;
      /** First day of the plan's calendar outside all closed and closing periods; null before the first closing. */
      readonly openFrom: string | null;
      readonly at: string;
    }
  | {
      readonly type: 'end';
      /** Day in the plan's time zone; later events are not credited. */
      readonly lastDay: string;
      readonly by: string;
      readonly openFrom: string | null;
      readonly at: string;
    };

export type PlanEvent =
  | {
      readonly type: 'PlanDrafted';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        /** Number of the version, from 1. */
        readonly number: number;
        readonly document: PlanDocument;
        readonly hash: string;
        readonly findings: readonly Finding[];
        readonly by: string;
      };
    }
  | {
      readonly type: 'PlanApproved';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly number: number; readonly by: string };
    }
  | {
      readonly type: 'PlanPublished';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly number: number;
        readonly effectiveFrom: string;
        readonly by: string;
        readonly input: { readonly openFrom: string | null };
      };
    }
  | {
      readonly type: 'PlanEnded';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly lastDay: string;
        readonly by: string;
        readonly input: { readonly openFrom: string | null };
      };
    };

/** Who did something, and when. */
export interface Attribution {
  readonly by: string;
  readonly at: string;
}

export interface DraftedVersion {
  readonly number: number;
  readonly document: PlanDocument;
  readonly hash: string;
  readonly findings: readonly Finding[];
  readonly drafted: Attribution;
  readonly approved?: Attribution;
}

export interface PublishedVersion extends PlanVersion {
  readonly number: number;
  readonly published: Attribution;
}

export interface PlanState {
  /** In order of number. */
  readonly versions: readonly DraftedVersion[];
  /**
   * In order of publication: of two versions that take effect on the same day, the later one counts. Every change makes
   * a new list, because the engine caches results per list.
   */
  readonly published: readonly PublishedVersion[];
  readonly ended?: Attribution & { readonly lastDay: string };
}

/** A plan with at least one published version, as deals are credited under it. */
export interface PublishedPlan {
  readonly id: string;
  /** Revision of the newest event that changed its terms. */
  readonly revision: number;
  readonly versions: readonly PublishedVersion[];
}

/** True for events that change the terms under which deals are credited; drafts and approvals do not. */
export function changesTerms(type: string): boolean {
  return type === 'PlanPublished' || type === 'PlanEnded';
}

export const PLAN_EVENTS: EventTypes<PlanEvent> = {
  PlanDrafted: { version: 1 },
  PlanApproved: { version: 1 },
  PlanPublished: { version: 1 },
  PlanEnded: { version: 1 },
};

export const planDecider: Decider<PlanState, PlanCommand, PlanEvent> = {
  category: PLAN,
  events: PLAN_EVENTS,
  initialState: () => ({ versions: [], published: [] }),
  decide(command, state) {
    switch (command.type) {
      case 'draft':
        return decideDraft(command, state);
      case 'approve':
        return decideApprove(command, state);
      case 'publish':
        return decidePublish(command, state);
      case 'end':
        return decideEnd(command, state);
      default:
        return command satisfies never;
    }
  },
  evolve,
  commandOf(event) {
    const { occurredAt: at } = event;
    switch (event.type) {
      case 'PlanDrafted': {
        const { number: _, ...drafted } = event.data;
        return { type: 'draft', ...drafted, at };
      }
      case 'PlanApproved':
        return { type: 'approve', ...event.data, at };
      case 'PlanPublished': {
        const { input, ...published } = event.data;
        return { type: 'publish', ...published, ...input, at };
      }
      case 'PlanEnded': {
        const { input, ...ended } = event.data;
        return { type: 'end', ...ended, ...input, at };
      }
      default:
        return event satisfies never;
    }
  },
};

function evolve(state: PlanState, event: PlanEvent): PlanState {
  const { by } = event.data;
  const attribution = { by, at: event.occurredAt };
  switch (event.type) {
    case 'PlanDrafted': {
      const { number, document, hash, findings } = event.data;
      return { ...state, versions: [...state.versions, { number, document, hash, findings, drafted: attribution }] };
    }
    case 'PlanApproved': {
      const { number } = event.data;
      const versions = state.versions.map((one) => (one.number === number ? { ...one, approved: attribution } : one));
      return { ...state, versions };
    }
    case 'PlanPublished': {
      const { number, effectiveFrom } = event.data;
      const { document } = versionOf(state, number);
      const published = omitUndefined({
        number,
        effectiveFrom,
        lastDay: state.ended?.lastDay,
        plan: compilePlan(document, planVersion(document.plan, number)),
        published: attribution,
      });
      return { ...state, published: [...state.published.filter((one) => one.number !== number), published] };
    }
    case 'PlanEnded': {
      const { lastDay } = event.data;
      const published = state.published.map((one) => ({ ...one, lastDay }));
      return { ...state, published, ended: { ...attribution, lastDay } };
    }
    default:
      return event satisfies never;
  }
}

type Draft = Extract<PlanCommand, { readonly type: 'draft' }>;
type Approve = Extract<PlanCommand, { readonly type: 'approve' }>;
type Publish = Extract<PlanCommand, { readonly type: 'publish' }>;
type End = Extract<PlanCommand, { readonly type: 'end' }>;

/**
 * No event where the newest version has this document already.
 * @throws {DomainError} `PlanVersionRefused`, `PlanVersionsTooMany`
 */
function decideDraft(
  { document, hash, findings, by, at }: Draft,
  { versions, published }: PlanState,
): readonly PlanEvent[] {
  if (versions.at(-1)?.hash === hash) return [];
  const number = versions.length + 1;
  refuseBreaks(published, compilePlan(document, planVersion(document.plan, number)));
  if (versions.length >= PLAN_VERSIONS_MAX)
    throw new DomainError(
      'PlanVersionsTooMany',
      `the plan ${document.plan} has ${versions.length} versions, the most a plan can have; start a new plan`,
      'conflict',
    );
  const data = { number, document, hash, findings, by };
  return [{ type: 'PlanDrafted', version: 1, occurredAt: at, data }];
}

/** @throws {DomainError} `PlanVersionUnknown`, `SecondPersonNeeded` */
function decideApprove({ number, by, at }: Approve, state: PlanState): readonly PlanEvent[] {
  const version = versionOf(state, number);
  refuseDrafter(version, by, 'approved');
  if (version.approved !== undefined) return [];
  return [{ type: 'PlanApproved', version: 1, occurredAt: at, data: { number, by } }];
}

/**
 * Publishing a published version again moves it to the new day.
 * @throws {DomainError} `PlanVersionUnknown`, `SecondPersonNeeded`, `PlanVersionNotApproved`, `PlanVersionRefused`,
 * `PlanPeriodClosed`, `PlanOver`
 */
function decidePublish({ number, effectiveFrom, by, openFrom, at }: Publish, state: PlanState): readonly PlanEvent[] {
  const version = versionOf(state, number);
  refuseDrafter(version, by, 'published');
  if (version.approved === undefined)
    throw new DomainError(
      'PlanVersionNotApproved',
      `version ${number} is not approved yet; somebody other than its author has to approve it first`,
      'conflict',
    );
  const before = state.published.find((one) => one.number === number)?.effectiveFrom;
  if (before === effectiveFrom) return [];
  const others = state.published.filter((one) => one.number !== number);
  refuseBreaks(others, compilePlan(version.document, planVersion(version.document.plan, number)));
  const days = before === undefined ? [effectiveFrom] : [before, effectiveFrom];
  refuseClosed(state, openFrom, 'effectiveFrom', (open) => days.some((day) => day < open));
  if (state.ended !== undefined && effectiveFrom > state.ended.lastDay)
    throw new DomainError('PlanOver', `the plan ends on ${state.ended.lastDay}`, 'conflict', [
      { field: 'effectiveFrom', reason: `is after the plan's last day, ${state.ended.lastDay}` },
    ]);
  const data = { number, effectiveFrom, by, input: { openFrom } };
  return [{ type: 'PlanPublished', version: 1, occurredAt: at, data }];
}

/** Ending an ended plan again moves its last day. @throws {DomainError} `PlanNotPublished`, `PlanPeriodClosed` */
function decideEnd({ lastDay, by, openFrom, at }: End, state: PlanState): readonly PlanEvent[] {
  if (state.published.length === 0)
    throw new DomainError(
      'PlanNotPublished',
      'the plan has no published version, so there is nothing to end',
      'conflict',
    );
  const before = state.ended?.lastDay;
  if (before === lastDay) return [];
  const days = before === undefined ? [lastDay] : [before, lastDay];
  refuseClosed(state, openFrom, 'lastDay', (open) => days.some((day) => day < addDays(open, -1)));
  return [{ type: 'PlanEnded', version: 1, occurredAt: at, data: { lastDay, by, input: { openFrom } } }];
}

/** @throws {DomainError} `PlanVersionUnknown` */
export function versionOf({ versions }: PlanState, number: number): DraftedVersion {
  const version = versions[number - 1];
  if (version === undefined)
    throw new DomainError(
      'PlanVersionUnknown',
      versions.length === 0
        ? 'the plan does not exist'
        : `the plan has versions 1 to ${versions.length}, not ${number}`,
      'not-found',
    );
  return version;
}

/**
 * Money needs two people: the author of a version cannot approve or publish it.
 * @throws {DomainError} `SecondPersonNeeded`
 */
function refuseDrafter({ number, drafted }: DraftedVersion, by: string, action: string): void {
  if (drafted.by === by)
    throw new DomainError(
      'SecondPersonNeeded',
      `${by} drafted version ${number}; it has to be ${action} by somebody else`,
      'forbidden',
    );
}

/**
 * Refuses a change to the terms of a closed period. A plan without a version in force in closed periods may still start
 * in one: what it pays there is posted in the open period, as for any late fact.
 * @param touches whether the change affects days before the given first open day.
 * @throws {DomainError} `PlanPeriodClosed`
 */
function refuseClosed(
  { published }: PlanState,
  openFrom: string | null,
  field: string,
  touches: (openFrom: string) => boolean,
): void {
  if (openFrom === null || !published.some(({ effectiveFrom }) => effectiveFrom < openFrom) || !touches(openFrom))
    return;
  const reason = `changes terms of closed periods; the first day that can still change is ${openFrom}`;
  throw new DomainError('PlanPeriodClosed', reason, 'conflict', [{ field, reason }]);
}

/** @throws {DomainError} `PlanVersionRefused` where lines of both versions could not be in one ledger */
function refuseBreaks(published: readonly PublishedVersion[], next: CompiledPlan): void {
  for (const { plan } of published) {
    const problems = successionProblems(plan, next);
    if (problems.length === 0) continue;
    throw new DomainError(
      'PlanVersionRefused',
      `the document cannot be a new version of the plan ${plan.id}: ${problems.map(({ message }) => message).join('; ')}`,
      'conflict',
      problems.map(({ code, message }) => ({ field: FIELDS[code] ?? 'document', reason: message })),
    );
  }
}

const FIELDS: Readonly<Record<string, string>> = {
  CurrencyChanged: 'document/currency',
  CalendarChanged: 'document/calendar',
  TriggerChanged: 'document/components',
};

// ── The state of a version ──────────────────────────────────────────────────────────────────────────────────────────

/**
 * A version is `published` also before the day on which it takes effect, `superseded` once a later version has taken
 * effect, and `ended` after the plan's last day.
 */
export const VERSION_STATES = ['draft', 'approved', 'published', 'superseded', 'ended'] as const;
export type VersionState = (typeof VERSION_STATES)[number];

/** The state of a version on a day in the plan's time zone. */
export function stateOfVersion({ versions, published, ended }: PlanState, number: number, today: string): VersionState {
  const index = published.findIndex((one) => one.number === number);
  const own = published[index];
  if (own === undefined) return versions[number - 1]?.approved === undefined ? 'draft' : 'approved';
  const isSuperseded = published.some(
    ({ effectiveFrom }, otherIndex) =>
      effectiveFrom <= today &&
      (effectiveFrom > own.effectiveFrom || (effectiveFrom === own.effectiveFrom && otherIndex > index)),
  );
  if (isSuperseded) return 'superseded';
  return ended !== undefined && ended.lastDay < today ? 'ended' : 'published';
}
