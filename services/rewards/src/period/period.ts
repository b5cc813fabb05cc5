/**
 * The closing of a period in rewards. It follows that of commission-calculation, whose manifest says that no earning of
 * the period is still to come. `rewardscalendar-…` holds which period is closing (read before every decision on a bonus),
 * `rewardsperiod-…` the closing itself: the manifest pages heard of, the own manifest, page by page, and its end.
 */
import { calendarOf } from '@tantieme/time/calendar/key';
import { nextPeriod } from '@tantieme/time/calendar/periods';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';

export const REWARDS_CALENDAR = 'rewardscalendar';
export const REWARDS_PERIOD = 'rewardsperiod';

export function calendarStream(calendar: string): string {
  return `${REWARDS_CALENDAR}-${calendar}`;
}

export function periodStream(calendar: string, period: string): string {
  return `${REWARDS_PERIOD}-${calendar}:${period}`;
}

export interface CalendarCommand {
  readonly type: 'begin-closing';
  readonly at: string;
  readonly calendar: string;
  readonly period: string;
}

export interface CalendarEvent {
  /** From here on nothing new is posted in this period or an earlier one. */
  readonly type: 'RewardsPeriodClosing';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: { readonly calendar: string; readonly period: string };
}

export interface CalendarState {
  /** The newest period that is closing or closed; null for none. */
  readonly closing: string | null;
}

export const rewardsCalendar: Decider<CalendarState, CalendarCommand, CalendarEvent> = {
  category: REWARDS_CALENDAR,
  initialState: () => ({ closing: null }),
  decide({ at, calendar, period }, { closing }) {
    if (closing !== null && period <= closing) return [];
    return [{ type: 'RewardsPeriodClosing', version: 1, occurredAt: at, data: { calendar, period } }];
  },
  evolve: (_, { data }) => ({ closing: data.period }),
  commandOf: ({ occurredAt, data }) => ({ type: 'begin-closing', at: occurredAt, ...data }),
};

/** The first period of a calendar (its key) that is open after this one is closing. */
export function openAfter(calendar: string, closing: string): string {
  return nextPeriod(calendarOf(calendar), closing);
}

/** Entries a page of the manifest: some 150 KB, far below what one append takes. */
export const MANIFEST_PAGE_ENTRIES = 500;

interface Place {
  readonly calendar: string;
  readonly period: string;
}

export type PeriodCommand =
  | ({
      /** A page of the manifest of commission-calculation was heard; its entries are none of our business. */
      readonly type: 'hear-page';
      readonly at: string;
      readonly page: number;
      readonly pages: number;
    } & Place)
  | ({
      readonly type: 'write-page';
      readonly page: number;
      readonly pages: number;
      readonly entries: readonly ManifestEntry[];
    } & Place)
  | { readonly type: 'close' };

export type PeriodEvent =
  | {
      readonly type: 'ManifestPageHeard';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly page: number; readonly pages: number } & Place;
    }
  | {
      readonly type: 'ManifestPageWritten';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly page: number;
        readonly pages: number;
        readonly entries: readonly ManifestEntry[];
      } & Place;
    }
  | {
      readonly type: 'RewardsPeriodClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly pages: number; readonly entries: number } & Place;
    };

export interface PeriodState {
  readonly place?: Place;
  readonly heard: ReadonlySet<number>;
  /** Pages that the manifest of commission-calculation has; 0 while unknown. */
  readonly heardPages: number;
  /** Latest instant at which a page was said: the same for every order of arrival. */
  readonly saidAt: string;
  /** Own pages written, in canonical text, by number. */
  readonly written: ReadonlyMap<number, { readonly text: string; readonly entries: number }>;
  readonly writtenPages: number;
  readonly closed: boolean;
}

export const rewardsPeriod: Decider<PeriodState, PeriodCommand, PeriodEvent> = {
  category: REWARDS_PERIOD,
  initialState: () => ({
    heard: new Set(),
    heardPages: 0,
    saidAt: '',
    written: new Map(),
    writtenPages: 0,
    closed: false,
  }),
  decide(command, state) {
    switch (command.type) {
      case 'hear-page':
        return hearPage(command, state);
      case 'write-page':
        return writePage(command, state);
      case 'close':
        return close(state);
      default:
        return command satisfies never;
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'ManifestPageHeard': {
        const { calendar, period, page, pages } = event.data;
        return {
          ...state,
          place: { calendar, period },
          heard: new Set(state.heard).add(page),
          heardPages: pages,
          saidAt: event.occurredAt > state.saidAt ? event.occurredAt : state.saidAt,
        };
      }
      case 'ManifestPageWritten': {
        const { page, pages, entries } = event.data;
        const written = new Map(state.written).set(page, { text: canonicalJson(entries), entries: entries.length });
        return { ...state, written, writtenPages: pages };
      }
      case 'RewardsPeriodClosed':
        return { ...state, closed: true };
      default:
        return event satisfies never;
    }
  },
  commandOf(event) {
    switch (event.type) {
      case 'ManifestPageHeard':
        return { type: 'hear-page', at: event.occurredAt, ...event.data };
      case 'ManifestPageWritten':
        return { type: 'write-page', ...event.data };
      case 'RewardsPeriodClosed':
        return { type: 'close' };
      default:
        return event satisfies never;
    }
  },
};

/** @throws {DomainError} `ManifestConflict` */
function hearPage(
  { at, calendar, period, page, pages }: Extract<PeriodCommand, { readonly type: 'hear-page' }>,
  state: PeriodState,
): PeriodEvent[] {
  if (page > pages || (state.heardPages !== 0 && state.heardPages !== pages))
    throw new DomainError(
      'ManifestConflict',
      `page ${page} of ${pages} for ${period} in ${calendar} does not fit the pages heard before`,
      'conflict',
    );
  if (state.heard.has(page)) return [];
  return [{ type: 'ManifestPageHeard', version: 1, occurredAt: at, data: { calendar, period, page, pages } }];
}

/** @throws {DomainError} `ManifestAwaited`, `ManifestConflict` */
function writePage(
  { calendar, period, page, pages, entries }: Extract<PeriodCommand, { readonly type: 'write-page' }>,
  state: PeriodState,
): PeriodEvent[] {
  if (!isHeard(state))
    throw new DomainError('ManifestAwaited', `the manifest of commissions for ${period} is not complete`, 'conflict');
  const before = state.written.get(page);
  if (before !== undefined && state.writtenPages === pages && before.text === canonicalJson(entries)) return [];
  if (before !== undefined || (state.writtenPages !== 0 && state.writtenPages !== pages) || state.closed)
    throw new DomainError('ManifestConflict', `page ${page} for ${period} was written with other entries`, 'conflict');
  const data = { calendar, period, page, pages, entries };
  return [{ type: 'ManifestPageWritten', version: 1, occurredAt: state.saidAt, data }];
}

/** @throws {DomainError} `ManifestAwaited` */
function close(state: PeriodState): PeriodEvent[] {
  if (state.closed) return [];
  if (state.place === undefined || state.writtenPages === 0 || state.written.size !== state.writtenPages)
    throw new DomainError('ManifestAwaited', 'the manifest of rewards is not complete', 'conflict');
  let entries = 0;
  for (const page of state.written.values()) entries += page.entries;
  const data = { ...state.place, pages: state.writtenPages, entries };
  return [{ type: 'RewardsPeriodClosed', version: 1, occurredAt: state.saidAt, data }];
}

/** True where every page of the manifest of commission-calculation was heard. */
export function isHeard(state: PeriodState): boolean {
  return state.heardPages > 0 && state.heard.size === state.heardPages;
}
