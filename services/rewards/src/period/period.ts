/**
 * The closing of a period in rewards. It follows the closing in commission-calculation: once that has published its
 * manifest, no earnings of the period can follow. The stream `rewardscalendar-…` records which period is closing; every
 * decision on a bonus reads it first. The stream `rewardsperiod-…` records the closing itself: the manifest pages
 * received, the pages of the own manifest, and the end.
 */
import { calendarOf } from '@tantieme/time/calendar/key';
import { nextPeriod } from '@tantieme/time/calendar/periods';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';

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
  /** From here on, nothing is posted in this period or an earlier one. */
  readonly type: 'RewardsPeriodClosing';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: { readonly calendar: string; readonly period: string };
}

export interface CalendarState {
  /** The newest closing or closed period; null for none. */
  readonly closing: string | null;
}

export const REWARDS_CALENDAR_EVENTS: EventTypes<CalendarEvent> = { RewardsPeriodClosing: { version: 1 } };

export const rewardsCalendar: Decider<CalendarState, CalendarCommand, CalendarEvent> = {
  category: REWARDS_CALENDAR,
  events: REWARDS_CALENDAR_EVENTS,
  initialState: () => ({ closing: null }),
  decide({ at, calendar, period }, { closing }) {
    if (closing !== null && period <= closing) return [];
    return [{ type: 'RewardsPeriodClosing', version: 1, occurredAt: at, data: { calendar, period } }];
  },
  evolve: (_, { data }) => ({ closing: data.period }),
  commandOf: ({ occurredAt, data }) => ({ type: 'begin-closing', at: occurredAt, ...data }),
};

/** The first open period once `closing` is closing. @param calendar its key */
export function openAfter(calendar: string, closing: string): string {
  return nextPeriod(calendarOf(calendar), closing);
}

interface PeriodName {
  readonly calendar: string;
  readonly period: string;
}

export type PeriodCommand =
  | ({
      /** A page of the manifest of commission-calculation. Its entries do not concern rewards. */
      readonly type: 'receive-manifest-page';
      readonly at: string;
      readonly page: number;
      readonly pages: number;
    } & PeriodName)
  | ({
      readonly type: 'write-manifest-page';
      readonly page: number;
      readonly pages: number;
      readonly entries: readonly ManifestEntry[];
    } & PeriodName)
  | { readonly type: 'close' };

export type PeriodEvent =
  | {
      readonly type: 'ManifestPageReceived';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly page: number; readonly pages: number } & PeriodName;
    }
  | {
      readonly type: 'ManifestPageWritten';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly page: number;
        readonly pages: number;
        readonly entries: readonly ManifestEntry[];
      } & PeriodName;
    }
  | {
      readonly type: 'RewardsPeriodClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly pages: number; readonly entries: number } & PeriodName;
    };

export interface PeriodState {
  readonly name?: PeriodName;
  /** Pages received of the manifest of commission-calculation, by number. */
  readonly received: ReadonlySet<number>;
  /** Pages of that whole manifest; 0 while unknown. */
  readonly receivedPages: number;
  /** The latest instant at which a page was published: the same for every order of arrival. */
  readonly publishedAt: string;
  /** Pages written of the own manifest, as canonical JSON, by number. */
  readonly written: ReadonlyMap<number, { readonly text: string; readonly entries: number }>;
  readonly writtenPages: number;
  readonly closed: boolean;
}

export const REWARDS_PERIOD_EVENTS: EventTypes<PeriodEvent> = {
  ManifestPageReceived: { version: 1 },
  ManifestPageWritten: { version: 1 },
  RewardsPeriodClosed: { version: 1 },
};

export const rewardsPeriod: Decider<PeriodState, PeriodCommand, PeriodEvent> = {
  category: REWARDS_PERIOD,
  events: REWARDS_PERIOD_EVENTS,
  initialState: () => ({
    received: new Set(),
    receivedPages: 0,
    publishedAt: '',
    written: new Map(),
    writtenPages: 0,
    closed: false,
  }),
  decide(command, state) {
    switch (command.type) {
      case 'receive-manifest-page':
        return receivePage(command, state);
      case 'write-manifest-page':
        return writePage(command, state);
      case 'close':
        return close(state);
      default:
        return command satisfies never;
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'ManifestPageReceived': {
        const { calendar, period, page, pages } = event.data;
        return {
          ...state,
          name: { calendar, period },
          received: new Set(state.received).add(page),
          receivedPages: pages,
          publishedAt: event.occurredAt > state.publishedAt ? event.occurredAt : state.publishedAt,
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
      case 'ManifestPageReceived':
        return { type: 'receive-manifest-page', at: event.occurredAt, ...event.data };
      case 'ManifestPageWritten':
        return { type: 'write-manifest-page', ...event.data };
      case 'RewardsPeriodClosed':
        return { type: 'close' };
      default:
        return event satisfies never;
    }
  },
};

/** @throws {DomainError} `ManifestConflict` */
function receivePage(
  { at, calendar, period, page, pages }: Extract<PeriodCommand, { readonly type: 'receive-manifest-page' }>,
  state: PeriodState,
): PeriodEvent[] {
  if (page > pages || (state.receivedPages !== 0 && state.receivedPages !== pages))
    throw new DomainError(
      'ManifestConflict',
      `page ${page} of ${pages} of the manifest for ${period} in ${calendar} contradicts the pages received before`,
      'conflict',
    );
  if (state.received.has(page)) return [];
  return [{ type: 'ManifestPageReceived', version: 1, occurredAt: at, data: { calendar, period, page, pages } }];
}

/** @throws {DomainError} `ManifestAwaited`, `ManifestConflict` */
function writePage(
  { calendar, period, page, pages, entries }: Extract<PeriodCommand, { readonly type: 'write-manifest-page' }>,
  state: PeriodState,
): PeriodEvent[] {
  if (!isManifestComplete(state))
    throw new DomainError(
      'ManifestAwaited',
      `the manifest of commission-calculation for ${period} in ${calendar} is not complete`,
      'conflict',
    );
  const before = state.written.get(page);
  if (before !== undefined && state.writtenPages === pages && before.text === canonicalJson(entries)) return [];
  if (before !== undefined || (state.writtenPages !== 0 && state.writtenPages !== pages) || state.closed)
    throw new DomainError(
      'ManifestConflict',
      `page ${page} of the manifest for ${period} in ${calendar} was already written with other entries`,
      'conflict',
    );
  const data = { calendar, period, page, pages, entries };
  return [{ type: 'ManifestPageWritten', version: 1, occurredAt: state.publishedAt, data }];
}

/** @throws {DomainError} `ManifestAwaited` */
function close(state: PeriodState): PeriodEvent[] {
  if (state.closed) return [];
  if (state.name === undefined || state.writtenPages === 0 || state.written.size !== state.writtenPages)
    throw new DomainError('ManifestAwaited', 'the manifest of rewards is not complete', 'conflict');
  let entries = 0;
  for (const page of state.written.values()) entries += page.entries;
  const data = { ...state.name, pages: state.writtenPages, entries };
  return [{ type: 'RewardsPeriodClosed', version: 1, occurredAt: state.publishedAt, data }];
}

/** True if all pages of the manifest of commission-calculation were received. */
export function isManifestComplete(state: PeriodState): boolean {
  return state.receivedPages > 0 && state.received.size === state.receivedPages;
}
