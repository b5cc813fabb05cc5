/**
 * The closings of all plans with one calendar, one after the other: a stream a calendar, whose newest event tells which
 * period is the first open one (docs/adr/0004). What a closing goes through is kept in the period's own stream.
 */
import { calendarOf } from '@tantieme/time/calendar/key';
import { isPeriod, nextPeriod, windowStartDay } from '@tantieme/time/calendar/periods';
import { TimeError } from '@tantieme/time/time-error';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';

export const CALENDAR = 'calendar';

/** @param calendar key of a calendar, `monthly@Europe/Paris` */
export function calendarStream(calendar: string): string {
  return `${CALENDAR}-${calendar}`;
}

export type CalendarCommand =
  | {
      readonly type: 'close';
      readonly calendar: string;
      readonly period: string;
      /** Who asked for it. */
      readonly by: string;
      /** The earliest period with lines that are not closed, as the read model says it. */
      readonly earliestOpen: string | null;
      /** Deals that wait for a fact, and are calculated when it arrives. */
      readonly waiting: number;
      /** Why it is to be closed all the same. */
      readonly force?: string;
      readonly at: string;
    }
  /** Nothing is posted in the period any more. */
  | { readonly type: 'seal'; readonly period: string; readonly at: string }
  /** Its manifest is complete: the next one may be closed. */
  | { readonly type: 'finish'; readonly period: string; readonly at: string };

export type CalendarEvent =
  | {
      readonly type: 'PeriodClosing';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly calendar: string;
        readonly period: string;
        readonly by: string;
        /** The reason why it was closed while deals were waiting. */
        readonly force?: string;
        readonly input: { readonly earliestOpen: string | null; readonly waiting: number };
      };
    }
  | {
      readonly type: 'PeriodSealed' | 'PeriodFinished';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly period: string };
    };

export interface CalendarState {
  /** The period that is being closed, and whether it is sealed. */
  readonly closing: { readonly period: string; readonly at: string; readonly sealed: boolean } | null;
  readonly closedThrough: string | null;
}

export const calendarDecider: Decider<CalendarState, CalendarCommand, CalendarEvent> = {
  category: CALENDAR,
  initialState: () => ({ closing: null, closedThrough: null }),
  decide(command, state) {
    switch (command.type) {
      case 'close':
        return decideClose(command, state);
      case 'seal':
        if (state.closing?.period !== command.period || state.closing.sealed) return [];
        return [{ type: 'PeriodSealed', version: 1, occurredAt: command.at, data: { period: command.period } }];
      case 'finish':
        if (state.closing?.period !== command.period) return [];
        if (!state.closing.sealed)
          throw new DomainError('PeriodNotSealed', `${command.period} is still open`, 'conflict');
        return [{ type: 'PeriodFinished', version: 1, occurredAt: command.at, data: { period: command.period } }];
      default:
        return command satisfies never;
    }
  },
  evolve(state, event) {
    const { period } = event.data;
    switch (event.type) {
      case 'PeriodClosing':
        return { ...state, closing: { period, at: event.occurredAt, sealed: false } };
      case 'PeriodSealed':
        return { ...state, closing: state.closing === null ? null : { ...state.closing, sealed: true } };
      case 'PeriodFinished':
        return { closing: null, closedThrough: period };
      default:
        return event satisfies never;
    }
  },
  commandOf(event) {
    const { occurredAt: at } = event;
    switch (event.type) {
      case 'PeriodClosing': {
        const { input, ...rest } = event.data;
        return { type: 'close', ...rest, ...input, at };
      }
      case 'PeriodSealed':
        return { type: 'seal', period: event.data.period, at };
      case 'PeriodFinished':
        return { type: 'finish', period: event.data.period, at };
      default:
        return event satisfies never;
    }
  },
};

/**
 * Periods are closed in order, one at a time and without a gap; the first one may be any that leaves nothing open behind.
 * While deals are waiting, only for a reason: what they earn then comes as an adjustment.
 * @throws {DomainError} `PeriodInvalid`, `ClosingInProgress`, `EarlierPeriodOpen`, `DealsWaiting`
 */
function decideClose(
  { calendar, period, by, earliestOpen, waiting, force, at }: Extract<CalendarCommand, { readonly type: 'close' }>,
  { closing, closedThrough }: CalendarState,
): readonly CalendarEvent[] {
  assertPeriod(calendar, period);
  if (closing?.period === period || (closedThrough !== null && period <= closedThrough)) return [];
  if (closing !== null)
    throw new DomainError('ClosingInProgress', `${closing.period} is being closed; try again after it`, 'conflict');
  const first = closedThrough === null ? earliestOpen : nextPeriod(calendarOf(calendar), closedThrough);
  if (first !== null && first < period)
    throw new DomainError('EarlierPeriodOpen', `${first} is still open; close it first`, 'conflict');
  if (waiting > 0 && force === undefined)
    throw new DomainError(
      'DealsWaiting',
      `${waiting} deals are waiting for a fact (/credits/waiting lists them); close all the same with { "force": "the reason" }`,
      'conflict',
    );
  return [
    {
      type: 'PeriodClosing',
      version: 1,
      occurredAt: at,
      data: {
        calendar,
        period,
        by,
        ...(force === undefined ? {} : { force }),
        input: { earliestOpen, waiting },
      },
    },
  ];
}

/** @throws {DomainError} `PeriodInvalid` */
export function assertPeriod(calendar: string, period: string): void {
  const refuse = (message: string): DomainError => new DomainError('PeriodInvalid', message);
  try {
    if (isPeriod(calendarOf(calendar), period)) return;
  } catch (error) {
    if (error instanceof TimeError) throw refuse(error.message);
    throw error;
  }
  throw refuse(`"${period}" is no period of the calendar ${calendar}`);
}

/** The first period of a calendar (its key) that takes postings; null while none was ever closed. */
export function openFromOf(calendar: string, { closing, closedThrough }: CalendarState): string | null {
  if (closing !== null && !closing.sealed) return closing.period;
  const through = closing?.period ?? closedThrough;
  return through === null ? null : nextPeriod(calendarOf(calendar), through);
}

/** First day of the first period of a calendar (its key) that is neither closed nor being closed; null while none was ever closed. */
export function firstUntouchedDay(calendar: string, { closing, closedThrough }: CalendarState): string | null {
  const touched = closing?.period ?? closedThrough;
  return touched === null ? null : windowStartDay(calendarOf(calendar), nextPeriod(calendarOf(calendar), touched));
}
