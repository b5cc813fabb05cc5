/**
 * The closings of one calendar, one after the other. A stream per calendar; its newest event determines the first open
 * period (docs/adr/0004). The progress of a single closing is in the period's own stream (`period/period.ts`).
 */
import { calendarOf } from '@tantieme/time/calendar/key';
import { isPeriod, nextPeriod, windowStartDay } from '@tantieme/time/calendar/periods';
import { TimeError } from '@tantieme/time/time-error';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';

export const CALENDAR = 'calendar';

/** @param calendar key of a calendar, `monthly@Europe/Paris` */
export function calendarStream(calendar: string): string {
  return `${CALENDAR}-${calendar}`;
}

/** The calendar's key, from the name of its stream. */
export function calendarOfStream(stream: string): string {
  return stream.slice(CALENDAR.length + 1);
}

export const OUTSTANDING = ['PeriodNotEnded', 'DealsPending', 'QuotasMissing', 'ItemsParked'] as const;

/** What a closing leaves behind. Such a closing needs a reason. */
export interface Outstanding {
  readonly code: (typeof OUTSTANDING)[number];
  readonly count: number;
  /** What it is, and where to see it. */
  readonly message: string;
}

/** Looked up for a closing. */
export interface ClosingInput {
  /** Published plans with this calendar. */
  readonly plans: number;
  /**
   * Before the first closing: the earliest period with lines, at the latest the current one. Null after the first
   * closing.
   */
  readonly earliestOpen: string | null;
  readonly outstanding: readonly Outstanding[];
}

interface ClosePeriod {
  readonly calendar: string;
  readonly period: string;
  /** Id of the confirmed proposal. */
  readonly proposal: string;
  /** Subject of the person who proposed the closing. */
  readonly by: string;
  readonly confirmedBy: string;
  /** Reason to close although something is outstanding. */
  readonly force?: string | undefined;
}

export type CalendarCommand =
  | ({ readonly type: 'close'; readonly at: string } & ClosePeriod & ClosingInput)
  /** From now on, nothing is posted in the period. */
  | { readonly type: 'seal'; readonly period: string; readonly at: string }
  /** The manifest is complete; the next period may be closed. */
  | { readonly type: 'finish'; readonly period: string; readonly at: string };

export type CalendarEvent =
  | {
      readonly type: 'PeriodClosing';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: Omit<ClosePeriod, 'force'> & { readonly force?: string; readonly input: ClosingInput };
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

export const CALENDAR_EVENTS: EventTypes<CalendarEvent> = {
  PeriodClosing: { version: 1 },
  PeriodSealed: { version: 1 },
  PeriodFinished: { version: 1 },
};

export const calendarDecider: Decider<CalendarState, CalendarCommand, CalendarEvent> = {
  category: CALENDAR,
  events: CALENDAR_EVENTS,
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
          throw new DomainError('PeriodNotSealed', `${command.period} is not sealed yet`, 'conflict');
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
 * Periods close in order, one at a time and without gaps; the first closing may be of any period that leaves no open
 * lines behind and has begun. With something outstanding, a closing needs a reason: what pending deals earn later becomes
 * an adjustment.
 * @throws {DomainError} `PeriodInvalid`, `ClosingInProgress`, `CalendarUnused`, `EarlierPeriodOpen`, `PeriodNotEnded`,
 * `DealsPending`, `QuotasMissing`, `ItemsParked`
 */
function decideClose(
  command: Extract<CalendarCommand, { readonly type: 'close' }>,
  { closing, closedThrough }: CalendarState,
): readonly CalendarEvent[] {
  const { type: _, at, plans, earliestOpen, outstanding, force, ...rest } = command;
  const { calendar, period } = rest;
  assertPeriod(calendar, period);
  if (closing?.period === period || (closedThrough !== null && period <= closedThrough)) return [];
  if (closing !== null)
    throw new DomainError(
      'ClosingInProgress',
      `the closing of ${closing.period} is still running; try again when it has finished`,
      'conflict',
    );
  if (plans === 0)
    throw new DomainError(
      'CalendarUnused',
      `no published plan has the calendar ${calendar}; GET /plans lists the plans with their calendars`,
      'conflict',
    );
  const first = closedThrough === null ? earliestOpen : nextPeriod(calendarOf(calendar), closedThrough);
  if (first !== null && first < period)
    throw new DomainError('EarlierPeriodOpen', `${first} is still open; close it first`, 'conflict');
  const [reason] = outstanding;
  if (reason !== undefined && force === undefined)
    throw new DomainError(
      reason.code,
      `${outstanding.map(({ message }) => message).join('; ')}. Wait, or close with a reason: { "force": "…" }`,
      'conflict',
    );
  const input = { plans, earliestOpen, outstanding };
  return [{ type: 'PeriodClosing', version: 1, occurredAt: at, data: omitUndefined({ ...rest, force, input }) }];
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
  throw refuse(`"${period}" is not a period of the calendar ${calendar}`);
}

/** The first period of a calendar that takes postings; null before the first closing. */
export function openFromOf(calendar: string, { closing, closedThrough }: CalendarState): string | null {
  if (closing !== null && !closing.sealed) return closing.period;
  const through = closing?.period ?? closedThrough;
  return through === null ? null : nextPeriod(calendarOf(calendar), through);
}

/**
 * First day of the first period of a calendar that is neither closed nor being closed; null before the first closing.
 */
export function firstUntouchedDay(calendar: string, { closing, closedThrough }: CalendarState): string | null {
  const touched = closing?.period ?? closedThrough;
  return touched === null ? null : windowStartDay(calendarOf(calendar), nextPeriod(calendarOf(calendar), touched));
}
