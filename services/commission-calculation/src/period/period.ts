/** The closings of one period: the steps that the newest one has reached, and the manifest of its lines (ADR 27). */
import { CLOSING_STEPS, REOPENING_STEPS } from '@tantieme/contracts/closing';
import type { ClosingName, ClosingStepName, ReopeningStepName } from '@tantieme/contracts/closing';
import type { ManifestEntry, PeriodManifest } from '@tantieme/contracts/ledger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { MANIFEST_ENTRIES_MAX } from '../limits.js';

export const PERIOD = 'period';

export interface PeriodName {
  readonly calendar: string;
  readonly period: string;
}

export function periodStream(calendar: string, period: string): string {
  return `${PERIOD}-${calendar}:${period}`;
}

/** What a closing or its reopening reaches, and when the approval of its statements begins. */
export type Step = ClosingStepName | ReopeningStepName | 'approval-begun';

export type PeriodCommand =
  | { readonly type: 'reach-step'; readonly closing: number; readonly step: Step; readonly at: string }
  | { readonly type: 'add-page'; readonly page: PeriodManifest; readonly at: string };

export type PeriodEvent =
  | {
      readonly type: 'StepReached';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly calendar: string;
        readonly period: string;
        readonly closing: number;
        readonly step: Step;
      };
    }
  | {
      readonly type: 'ManifestPage';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: PeriodManifest;
    };

export interface PeriodState {
  /** Number of the newest closing; 0 before the first. */
  readonly closing: number;
  /** When each step of it was reached. */
  readonly steps: ReadonlyMap<Step, string>;
  /** Pages so far, and the total number of pages; 0 before the first. */
  readonly pages: number;
  readonly pagesTotal: number;
  readonly streams: number;
  readonly lines: number;
}

export const PERIOD_EVENTS: EventTypes<PeriodEvent> = {
  StepReached: { version: 1 },
  ManifestPage: { version: 1 },
};

function begun(closing: number): PeriodState {
  return { closing, steps: new Map(), pages: 0, pagesTotal: 0, streams: 0, lines: 0 };
}

export const periodDecider: Decider<PeriodState, PeriodCommand & PeriodName, PeriodEvent> = {
  category: PERIOD,
  events: PERIOD_EVENTS,
  initialState: () => begun(0),
  decide(command, state) {
    const { at } = command;
    switch (command.type) {
      case 'reach-step': {
        const { calendar, period, closing, step } = command;
        const isNext = step === 'announced' && closing > state.closing;
        if (!isNext && (closing !== state.closing || state.steps.has(step))) return [];
        const { pages, pagesTotal } = state;
        if (step === 'earnings-closed' && (pages === 0 || pages < pagesTotal))
          throw new DomainError('ManifestIncomplete', `the manifest has ${pages} of ${pagesTotal} pages`, 'conflict');
        return [{ type: 'StepReached', version: 1, occurredAt: at, data: { calendar, period, closing, step } }];
      }
      case 'add-page':
        // Pages come in order. A page that exists already was made from the same closed streams.
        if (command.page.closing !== state.closing || command.page.page <= state.pages) return [];
        return [{ type: 'ManifestPage', version: 1, occurredAt: at, data: command.page }];
      default:
        return command satisfies never;
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'StepReached': {
        const { closing, step } = event.data;
        const now = step === 'announced' ? begun(closing) : state;
        return { ...now, steps: new Map(now.steps).set(step, event.occurredAt) };
      }
      case 'ManifestPage': {
        const { page, pages, entries } = event.data;
        return {
          ...state,
          pages: page,
          pagesTotal: pages,
          streams: state.streams + entries.length,
          lines: entries.reduce((sum, entry) => sum + entry.lines, state.lines),
        };
      }
      default:
        return event satisfies never;
    }
  },
  commandOf(event) {
    const { occurredAt: at } = event;
    switch (event.type) {
      case 'StepReached':
        return { type: 'reach-step', ...event.data, at };
      case 'ManifestPage': {
        const { calendar, period } = event.data;
        return { type: 'add-page', calendar, period, page: event.data, at };
      }
      default:
        return event satisfies never;
    }
  },
};

const WAITS_FOR: Readonly<Record<Step, string | undefined>> = {
  announced: 'facts recorded before it to be credited and earned',
  sealed: 'earnings under way to be posted',
  'inputs-drained': 'every earning stream to close the period',
  'earnings-closed': 'rewards to close the period',
  'rewards-closed': 'payouts to receive both manifests',
  'manifest-published': 'payouts to issue the statements (GET /statement-runs/{calendar}/{period})',
  'statements-issued': 'the calendar to record it',
  closed: undefined,
  'approval-begun': undefined,
  reopening: 'payouts to withdraw the statements (GET /statement-runs/{calendar}/{period})',
  'statements-withdrawn': 'the period to take postings again',
  unsealed: 'every earning stream to reopen the period',
  'earnings-reopened': 'rewards to reopen the period',
  'rewards-reopened': 'the calendar to record it',
  reopened: undefined,
};

/** The steps of the newest closing in order, and what it waits for. */
export function progressOf({ steps }: PeriodState): {
  readonly steps: readonly { readonly step: Step; readonly since: string }[];
  readonly waitsFor?: string | undefined;
} {
  const reached = [...CLOSING_STEPS, 'approval-begun' as const, ...REOPENING_STEPS].flatMap((step) => {
    const since = steps.get(step);
    return since === undefined ? [] : [{ step, since }];
  });
  // Steps of other services may overtake each other: the first one that is missing counts.
  const order = steps.has('reopening') ? REOPENING_STEPS : CLOSING_STEPS;
  const last = order[order.findIndex((step) => !steps.has(step)) - 1];
  return { steps: reached, waitsFor: last && WAITS_FOR[last] };
}

/** The pages of a manifest; an empty manifest has one empty page. */
export function pagesOf(name: ClosingName, entries: readonly ManifestEntry[]): readonly PeriodManifest[] {
  const pages = Math.max(1, Math.ceil(entries.length / MANIFEST_ENTRIES_MAX));
  return Array.from({ length: pages }, (_, index) => ({
    ...name,
    page: index + 1,
    pages,
    entries: entries.slice(index * MANIFEST_ENTRIES_MAX, (index + 1) * MANIFEST_ENTRIES_MAX),
  }));
}
