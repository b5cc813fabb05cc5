/**
 * The closing of a period in rewards. It follows the closing in commission-calculation: once that has published its
 * manifest, no earnings of the period can follow. The stream `rewardscalendar-…` records which period is closing; every
 * decision on a bonus reads it first. The stream `rewardsperiod-…` records the closing itself: the manifest pages
 * received, the pages of the own manifest, and the end; then perhaps its reopening, and the next closing.
 */
import { calendarOf } from '@tantieme/time/calendar/key';
import { nextPeriod, previousPeriod } from '@tantieme/time/calendar/periods';
import type { ClosingName } from '@tantieme/contracts/closing';
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
  readonly type: 'begin-closing' | 'reopen';
  readonly at: string;
  readonly calendar: string;
  readonly period: string;
}

export interface CalendarEvent {
  /**
   * `RewardsPeriodClosing`: from here on, nothing is posted in this period or an earlier one. `RewardsPeriodUnsealed`:
   * the period, which is the newest one, takes postings again.
   */
  readonly type: 'RewardsPeriodClosing' | 'RewardsPeriodUnsealed';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: { readonly calendar: string; readonly period: string };
}

export interface CalendarState {
  /** The newest closing or closed period; null for none. */
  readonly closing: string | null;
  /** The first period that was closed; null for none. */
  readonly first: string | null;
}

export const REWARDS_CALENDAR_EVENTS: EventTypes<CalendarEvent> = {
  RewardsPeriodClosing: { version: 1 },
  RewardsPeriodUnsealed: { version: 1 },
};

export const rewardsCalendar: Decider<CalendarState, CalendarCommand, CalendarEvent> = {
  category: REWARDS_CALENDAR,
  events: REWARDS_CALENDAR_EVENTS,
  initialState: () => ({ closing: null, first: null }),
  decide({ type, at, calendar, period }, { closing }) {
    if (type === 'reopen') {
      if (period !== closing) return [];
      return [{ type: 'RewardsPeriodUnsealed', version: 1, occurredAt: at, data: { calendar, period } }];
    }
    if (closing !== null && period <= closing) return [];
    return [{ type: 'RewardsPeriodClosing', version: 1, occurredAt: at, data: { calendar, period } }];
  },
  evolve: calendarAfter,
  commandOf: ({ type, occurredAt, data }) => ({
    type: type === 'RewardsPeriodClosing' ? 'begin-closing' : 'reopen',
    at: occurredAt,
    ...data,
  }),
};

export function calendarAfter({ first }: CalendarState, { type, data }: CalendarEvent): CalendarState {
  const { calendar, period } = data;
  if (type === 'RewardsPeriodClosing') return { closing: period, first: first ?? period };
  return period === first
    ? { closing: null, first: null }
    : { closing: previousPeriod(calendarOf(calendar), period), first };
}

/** The first open period once `closing` is closing. @param calendar its key */
export function openAfter(calendar: string, closing: string): string {
  return nextPeriod(calendarOf(calendar), closing);
}

export type PeriodCommand =
  | ({
      /** A page of the manifest of commission-calculation. Its entries do not concern rewards. */
      readonly type: 'receive-manifest-page';
      readonly at: string;
      readonly page: number;
      readonly pages: number;
    } & ClosingName)
  | ({
      readonly type: 'write-manifest-page';
      readonly page: number;
      readonly pages: number;
      readonly entries: readonly ManifestEntry[];
    } & ClosingName)
  | { readonly type: 'close' }
  | ({
      /** The period is reopened: commission-calculation posts in it again. */
      readonly type: 'begin-reopening';
      readonly at: string;
    } & ClosingName)
  | { readonly type: 'finish-reopening' };

export type PeriodEvent =
  | {
      readonly type: 'ManifestPageReceived';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly page: number; readonly pages: number } & ClosingName;
    }
  | {
      readonly type: 'ManifestPageWritten';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly page: number;
        readonly pages: number;
        readonly entries: readonly ManifestEntry[];
      } & ClosingName;
    }
  | {
      readonly type: 'RewardsPeriodClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly pages: number; readonly entries: number } & ClosingName;
    }
  | {
      readonly type: 'RewardsPeriodReopening' | 'RewardsPeriodReopened';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: ClosingName;
    };

export interface PeriodState {
  /** Of the newest closing; number 0 before the first page. */
  readonly name: ClosingName;
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
  /** ISO 8601 instant at which the reopening began. */
  readonly reopeningAt: string | undefined;
  readonly reopened: boolean;
}

export const REWARDS_PERIOD_EVENTS: EventTypes<PeriodEvent> = {
  ManifestPageReceived: { version: 1 },
  ManifestPageWritten: { version: 1 },
  RewardsPeriodClosed: { version: 1 },
  RewardsPeriodReopening: { version: 1 },
  RewardsPeriodReopened: { version: 1 },
};

/** The state of a closing that nothing is known of. */
function begun(name: ClosingName): PeriodState {
  const nothing = {
    received: new Set<number>(),
    receivedPages: 0,
    publishedAt: '',
    written: new Map(),
    writtenPages: 0,
  };
  return { name, ...nothing, closed: false, reopeningAt: undefined, reopened: false };
}

export const rewardsPeriod: Decider<PeriodState, PeriodCommand, PeriodEvent> = {
  category: REWARDS_PERIOD,
  events: REWARDS_PERIOD_EVENTS,
  initialState: () => begun({ calendar: '', period: '', closing: 0 }),
  decide(command, state) {
    switch (command.type) {
      case 'receive-manifest-page':
        return receivePage(command, state);
      case 'write-manifest-page':
        return writePage(command, state);
      case 'close':
        return close(state);
      case 'begin-reopening': {
        const { at, calendar, period, closing } = command;
        if (closing !== state.name.closing || !state.closed || state.reopeningAt !== undefined) return [];
        const data = { calendar, period, closing };
        return [{ type: 'RewardsPeriodReopening', version: 1, occurredAt: at, data }];
      }
      case 'finish-reopening':
        if (state.reopeningAt === undefined || state.reopened) return [];
        return [{ type: 'RewardsPeriodReopened', version: 1, occurredAt: state.reopeningAt, data: state.name }];
      default:
        return command satisfies never;
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'ManifestPageReceived': {
        const { calendar, period, closing, page, pages } = event.data;
        const now = closing > state.name.closing ? begun({ calendar, period, closing }) : state;
        return {
          ...now,
          received: new Set(now.received).add(page),
          receivedPages: pages,
          publishedAt: event.occurredAt > now.publishedAt ? event.occurredAt : now.publishedAt,
        };
      }
      case 'ManifestPageWritten': {
        const { page, pages, entries } = event.data;
        const written = new Map(state.written).set(page, { text: canonicalJson(entries), entries: entries.length });
        return { ...state, written, writtenPages: pages };
      }
      case 'RewardsPeriodClosed':
        return { ...state, closed: true };
      case 'RewardsPeriodReopening':
        return { ...state, reopeningAt: event.occurredAt };
      case 'RewardsPeriodReopened':
        return { ...state, reopened: true };
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
      case 'RewardsPeriodReopening':
        return { type: 'begin-reopening', at: event.occurredAt, ...event.data };
      case 'RewardsPeriodReopened':
        return { type: 'finish-reopening' };
      default:
        return event satisfies never;
    }
  },
};

/** No event for a page of an earlier closing. @throws {DomainError} `ManifestConflict` */
function receivePage(
  { at, calendar, period, closing, page, pages }: Extract<PeriodCommand, { readonly type: 'receive-manifest-page' }>,
  state: PeriodState,
): PeriodEvent[] {
  if (closing < state.name.closing) return [];
  const { received, receivedPages } = closing > state.name.closing ? begun({ calendar, period, closing }) : state;
  if (page > pages || (receivedPages !== 0 && receivedPages !== pages))
    throw new DomainError(
      'ManifestConflict',
      `page ${page} of ${pages} of the manifest for ${period} in ${calendar} contradicts the pages received before`,
      'conflict',
    );
  if (received.has(page)) return [];
  const data = { calendar, period, closing, page, pages };
  return [{ type: 'ManifestPageReceived', version: 1, occurredAt: at, data }];
}

/** @throws {DomainError} `ManifestAwaited`, `ManifestConflict` */
function writePage(
  { calendar, period, closing, page, pages, entries }: Extract<PeriodCommand, { readonly type: 'write-manifest-page' }>,
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
  const data = { calendar, period, closing, page, pages, entries };
  return [{ type: 'ManifestPageWritten', version: 1, occurredAt: state.publishedAt, data }];
}

/** @throws {DomainError} `ManifestAwaited` */
function close(state: PeriodState): PeriodEvent[] {
  if (state.closed) return [];
  if (state.writtenPages === 0 || state.written.size !== state.writtenPages)
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
