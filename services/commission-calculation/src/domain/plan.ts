/** A plan: the versions of its document, each with the day from which it takes effect. */
import { compilePlan, successionProblems } from '@tantieme/commission-engine/plan';
import type { CompiledPlan } from '@tantieme/commission-engine/plan';
import type { PlanDocument } from '@tantieme/commission-engine/plan-document';
import type { PlanVersion } from '@tantieme/commission-engine/plan-history';
import { DomainError } from '@tantieme/event-sourcing/decider';
import type { Decider } from '@tantieme/event-sourcing/decider';

export const PLAN = 'plan';

export function planStream(plan: string): string {
  return `${PLAN}-${plan}`;
}

/** Versions of one plan at the most: all of them are in memory wherever deals are credited. */
export const PLAN_VERSIONS_MAX = 500;

export interface PublishPlan {
  readonly document: PlanDocument;
  /** SHA-256, hex, of the document's canonical JSON: by it credits name the version that they were made under. */
  readonly hash: string;
  /** Day in the plan's time zone; it takes effect with the first measurement window that starts on or after it. */
  readonly effectiveFrom: string;
  /** When it was published. */
  readonly at: string;
}

export interface PlanPublished {
  readonly type: 'PlanPublished';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: Omit<PublishPlan, 'at'> & {
    /** From 1. Of two versions from one day, the higher number counts. */
    readonly number: number;
  };
}

/** In order of publication. */
export type PlanState = readonly (PlanVersion & { readonly document: PlanDocument })[];

export const planDecider: Decider<PlanState, PublishPlan, PlanPublished> = {
  category: PLAN,
  initialState: () => [],
  decide({ document, hash, effectiveFrom, at }, state) {
    const sameDay = state.findLast((version) => version.effectiveFrom === effectiveFrom);
    if (sameDay?.plan.hash === hash) return [];
    const newest = state.at(-1);
    if (newest !== undefined) refuseBreaks(newest.plan, compilePlan(document, hash));
    if (state.length >= PLAN_VERSIONS_MAX)
      throw new DomainError(
        'PlanVersionsTooMany',
        `the plan ${document.plan} has ${state.length} versions; begin a new plan`,
        'conflict',
      );
    const data = { document, hash, effectiveFrom, number: state.length + 1 };
    return [{ type: 'PlanPublished', version: 1, occurredAt: at, data }];
  },
  evolve: (state, { data: { document, hash, effectiveFrom } }) => [
    ...state,
    { effectiveFrom, document, plan: compilePlan(document, hash) },
  ],
  commandOf: ({ occurredAt, data: { document, hash, effectiveFrom } }) => ({
    document,
    hash,
    effectiveFrom,
    at: occurredAt,
  }),
};

/** @throws {DomainError} `PlanVersionRefused`, where lines of both versions could not stand side by side */
function refuseBreaks(before: CompiledPlan, next: CompiledPlan): void {
  const problems = successionProblems(before, next);
  if (problems.length === 0) return;
  throw new DomainError(
    'PlanVersionRefused',
    `this is no new version of the plan ${before.id}: ${problems.map(({ message }) => message).join('; ')}`,
    'conflict',
    problems.map(({ code, message }) => ({ field: FIELDS[code] ?? 'document', reason: message })),
  );
}

const FIELDS: Readonly<Record<string, string>> = {
  CurrencyChanged: 'document/currency',
  CalendarChanged: 'document/calendar',
  TriggerChanged: 'document/components',
};
