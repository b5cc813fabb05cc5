/**
 * A plan: the versions of its document and the life of each. Somebody drafts a version, somebody else approves it and
 * publishes it with the day from which it takes effect; a later version supersedes it, or the plan ends.
 *
 * A closed period goes on saying what it said: where a version was in force in one, whatever would put another version in
 * its place there is refused (docs/adr/0006).
 */
import { compilePlan } from '@tantieme/commission-engine/plan/compile';
import type { Finding } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import type { PlanDocument } from '@tantieme/commission-engine/plan/document';
import { successionProblems } from '@tantieme/commission-engine/plan/history';
import type { PlanVersion } from '@tantieme/commission-engine/plan/history';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import { addDays } from '@tantieme/time/day';

export const PLAN = 'plan';

export function planStream(plan: string): string {
  return `${PLAN}-${plan}`;
}

/** The plan of a plan stream's name. */
export function planOfStream(stream: string): string {
  return stream.slice(PLAN.length + 1);
}

/** Versions of one plan at the most: all of them are in memory wherever deals are credited. */
export const PLAN_VERSIONS_MAX = 500;

export type PlanCommand =
  | {
      readonly type: 'draft';
      readonly document: PlanDocument;
      /** SHA-256, hex, of the document's canonical JSON: by it credits name the version that they were made under. */
      readonly hash: string;
      /** What the linter said of it; no errors. */
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
      /** First day of the plan's calendar that is in no period that is closed or being closed; null while none was closed. */
      readonly openFrom: string | null;
      readonly at: string;
    }
  | {
      readonly type: 'end';
      /** In the plan's time zone; what happens after it is not credited. */
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
        /** Of the version, from 1. */
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

/** Who did it, and when. */
export interface Deed {
  readonly by: string;
  readonly at: string;
}

export interface DraftedVersion {
  readonly number: number;
  readonly document: PlanDocument;
  readonly hash: string;
  readonly findings: readonly Finding[];
  readonly drafted: Deed;
  readonly approved?: Deed;
}

export interface PublishedVersion extends PlanVersion {
  readonly number: number;
  readonly published: Deed;
}

export interface PlanState {
  /** In order of number. */
  readonly versions: readonly DraftedVersion[];
  /** In order of publication: of two that take effect on one day the later counts. A list of its own after each change. */
  readonly published: readonly PublishedVersion[];
  readonly ended?: Deed & { readonly lastDay: string };
}

export const planDecider: Decider<PlanState, PlanCommand, PlanEvent> = {
  category: PLAN,
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
  const deed = { by, at: event.occurredAt };
  switch (event.type) {
    case 'PlanDrafted': {
      const { number, document, hash, findings } = event.data;
      return { ...state, versions: [...state.versions, { number, document, hash, findings, drafted: deed }] };
    }
    case 'PlanApproved': {
      const { number } = event.data;
      const versions = state.versions.map((one) => (one.number === number ? { ...one, approved: deed } : one));
      return { ...state, versions };
    }
    case 'PlanPublished': {
      const { number, effectiveFrom } = event.data;
      const { document, hash } = versionOf(state, number);
      const published = {
        number,
        effectiveFrom,
        ...(state.ended === undefined ? {} : { lastDay: state.ended.lastDay }),
        plan: compilePlan(document, hash),
        published: deed,
      };
      return { ...state, published: [...state.published.filter((one) => one.number !== number), published] };
    }
    case 'PlanEnded': {
      const { lastDay } = event.data;
      const published = state.published.map((one) => ({ ...one, lastDay }));
      return { ...state, published, ended: { ...deed, lastDay } };
    }
    default:
      return event satisfies never;
  }
}

type Draft = Extract<PlanCommand, { readonly type: 'draft' }>;
type Approve = Extract<PlanCommand, { readonly type: 'approve' }>;
type Publish = Extract<PlanCommand, { readonly type: 'publish' }>;
type End = Extract<PlanCommand, { readonly type: 'end' }>;

/** Nothing where the newest version has this document. @throws {DomainError} `PlanVersionRefused`, `PlanVersionsTooMany` */
function decideDraft(
  { document, hash, findings, by, at }: Draft,
  { versions, published }: PlanState,
): readonly PlanEvent[] {
  if (versions.at(-1)?.hash === hash) return [];
  refuseBreaks(published, compilePlan(document, hash));
  if (versions.length >= PLAN_VERSIONS_MAX)
    throw new DomainError(
      'PlanVersionsTooMany',
      `the plan ${document.plan} has ${versions.length} versions; begin a new plan`,
      'conflict',
    );
  const data = { number: versions.length + 1, document, hash, findings, by };
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
 * A version that is published already moves to the new day.
 * @throws {DomainError} `PlanVersionUnknown`, `SecondPersonNeeded`, `PlanVersionNotApproved`, `PlanVersionRefused`, `PlanPeriodClosed`, `PlanOver`
 */
function decidePublish({ number, effectiveFrom, by, openFrom, at }: Publish, state: PlanState): readonly PlanEvent[] {
  const version = versionOf(state, number);
  refuseDrafter(version, by, 'published');
  if (version.approved === undefined)
    throw new DomainError('PlanVersionNotApproved', `version ${number} was not approved yet`, 'conflict');
  const before = state.published.find((one) => one.number === number)?.effectiveFrom;
  if (before === effectiveFrom) return [];
  const others = state.published.filter((one) => one.number !== number);
  refuseBreaks(others, compilePlan(version.document, version.hash));
  const days = before === undefined ? [effectiveFrom] : [before, effectiveFrom];
  refuseClosed(state, openFrom, 'effectiveFrom', (open) => days.some((day) => day < open));
  if (state.ended !== undefined && effectiveFrom > state.ended.lastDay)
    throw new DomainError('PlanOver', `the plan ends on ${state.ended.lastDay}`, 'conflict', [
      { field: 'effectiveFrom', reason: `lies after the plan's last day ${state.ended.lastDay}` },
    ]);
  const data = { number, effectiveFrom, by, input: { openFrom } };
  return [{ type: 'PlanPublished', version: 1, occurredAt: at, data }];
}

/** A plan that has an end already gets another one. @throws {DomainError} `PlanNotPublished`, `PlanPeriodClosed` */
function decideEnd({ lastDay, by, openFrom, at }: End, state: PlanState): readonly PlanEvent[] {
  if (state.published.length === 0)
    throw new DomainError('PlanNotPublished', 'there is nothing to end: no version was published', 'conflict');
  const before = state.ended?.lastDay;
  if (before === lastDay) return [];
  const days = before === undefined ? [lastDay] : [before, lastDay];
  refuseClosed(state, openFrom, 'lastDay', (open) => days.some((day) => day < addDays(open, -1)));
  return [{ type: 'PlanEnded', version: 1, occurredAt: at, data: { lastDay, by, input: { openFrom } } }];
}

/** @throws {DomainError} `PlanVersionUnknown` */
export function versionOf({ versions }: PlanState, number: number): DraftedVersion {
  const version = versions[number - 1];
  if (version === undefined) throw new DomainError('PlanVersionUnknown', `there is no version ${number}`, 'not-found');
  return version;
}

/** What is paid is never the decision of one person. @throws {DomainError} `SecondPersonNeeded` */
function refuseDrafter({ number, drafted }: DraftedVersion, by: string, what: string): void {
  if (drafted.by === by)
    throw new DomainError(
      'SecondPersonNeeded',
      `version ${number} was drafted by ${by}: it is to be ${what} by somebody else`,
      'forbidden',
    );
}

/**
 * Refuses what would touch the terms by which a closed period was paid. A plan of which no version was in force in a closed
 * period may begin in one: what it pays is then posted in the open period, as of any fact that comes late.
 * @param touches whether days before this one, the first open day, would have other terms.
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
  const reason = `periods before ${openFrom} are closed, and what they were paid by does not change any more`;
  throw new DomainError('PlanPeriodClosed', reason, 'conflict', [{ field, reason }]);
}

/** @throws {DomainError} `PlanVersionRefused`, where lines of both versions could not stand side by side */
function refuseBreaks(published: readonly PublishedVersion[], next: CompiledPlan): void {
  for (const { plan } of published) {
    const problems = successionProblems(plan, next);
    if (problems.length === 0) continue;
    throw new DomainError(
      'PlanVersionRefused',
      `this is no new version of the plan ${plan.id}: ${problems.map(({ message }) => message).join('; ')}`,
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

/** `published` also before its day; `superseded`: a later version has taken its place; `ended`: the plan's last day is over. */
export type VersionState = 'draft' | 'approved' | 'published' | 'superseded' | 'ended';

/** Where a version stands on a day, in the plan's time zone. */
export function stateOfVersion({ versions, published, ended }: PlanState, number: number, today: string): VersionState {
  const index = published.findIndex((one) => one.number === number);
  const own = published[index];
  if (own === undefined) return versions[number - 1]?.approved === undefined ? 'draft' : 'approved';
  const isSuperseded = published.some(
    ({ effectiveFrom }, place) =>
      effectiveFrom <= today &&
      (effectiveFrom > own.effectiveFrom || (effectiveFrom === own.effectiveFrom && place > index)),
  );
  if (isSuperseded) return 'superseded';
  return ended !== undefined && ended.lastDay < today ? 'ended' : 'published';
}
