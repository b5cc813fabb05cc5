/** The closing of one period: the stages that it has passed, and the manifest of its lines. */
import type { ManifestEntry, PeriodManifest } from '@tantieme/contracts/ledger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { MANIFEST_ENTRIES_MAX } from '../limits.js';

export const PERIOD = 'period';

export function periodStream(calendar: string, period: string): string {
  return `${PERIOD}-${calendar}:${period}`;
}

/**
 * In order: facts from before the closing are credited; credits are earned; nothing more is posted; all streams are
 * closed.
 */
export const STAGES = ['facts-credited', 'credits-earned', 'sealed', 'streams-closed'] as const;
export type Stage = (typeof STAGES)[number];

export type PeriodCommand =
  | { readonly type: 'reach-stage'; readonly stage: Stage; readonly at: string }
  | { readonly type: 'add-page'; readonly page: PeriodManifest; readonly at: string }
  | { readonly type: 'close'; readonly at: string };

export type PeriodEvent =
  | {
      readonly type: 'StageReached';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly stage: Stage };
    }
  | {
      readonly type: 'ManifestPage';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: PeriodManifest;
    }
  | {
      readonly type: 'PeriodClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly pages: number; readonly streams: number; readonly lines: number };
    };

export interface PeriodState {
  readonly stages: readonly Stage[];
  /** Pages so far, and the total number of pages; 0 before the first. */
  readonly pages: number;
  readonly pagesTotal: number;
  readonly streams: number;
  readonly lines: number;
  readonly closed: boolean;
}

export const PERIOD_EVENTS: EventTypes<PeriodEvent> = {
  StageReached: { version: 1 },
  ManifestPage: { version: 1 },
  PeriodClosed: { version: 1 },
};

export const periodDecider: Decider<PeriodState, PeriodCommand, PeriodEvent> = {
  category: PERIOD,
  events: PERIOD_EVENTS,
  initialState: () => ({ stages: [], pages: 0, pagesTotal: 0, streams: 0, lines: 0, closed: false }),
  decide(command, state) {
    if (state.closed) return [];
    const { at } = command;
    switch (command.type) {
      case 'reach-stage':
        if (state.stages.includes(command.stage)) return [];
        return [{ type: 'StageReached', version: 1, occurredAt: at, data: { stage: command.stage } }];
      case 'add-page':
        // Pages come in order. A page that exists already was made from the same closed streams.
        if (command.page.page <= state.pages) return [];
        return [{ type: 'ManifestPage', version: 1, occurredAt: at, data: command.page }];
      case 'close': {
        const { pages, pagesTotal, streams, lines } = state;
        if (pages === 0 || pages < pagesTotal)
          throw new DomainError('ManifestIncomplete', `the manifest has ${pages} of ${pagesTotal} pages`, 'conflict');
        return [{ type: 'PeriodClosed', version: 1, occurredAt: at, data: { pages, streams, lines } }];
      }
      default:
        return command satisfies never;
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'StageReached':
        return { ...state, stages: [...state.stages, event.data.stage] };
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
      case 'PeriodClosed':
        return { ...state, closed: true };
      default:
        return event satisfies never;
    }
  },
  commandOf(event) {
    const { occurredAt: at } = event;
    switch (event.type) {
      case 'StageReached':
        return { type: 'reach-stage', stage: event.data.stage, at };
      case 'ManifestPage':
        return { type: 'add-page', page: event.data, at };
      case 'PeriodClosed':
        return { type: 'close', at };
      default:
        return event satisfies never;
    }
  },
};

/** The pages of a manifest; an empty manifest has one empty page. */
export function pagesOf(
  calendar: string,
  period: string,
  entries: readonly ManifestEntry[],
): readonly PeriodManifest[] {
  const pages = Math.max(1, Math.ceil(entries.length / MANIFEST_ENTRIES_MAX));
  return Array.from({ length: pages }, (_, index) => ({
    calendar,
    period,
    page: index + 1,
    pages,
    entries: entries.slice(index * MANIFEST_ENTRIES_MAX, (index + 1) * MANIFEST_ENTRIES_MAX),
  }));
}
