/**
 * The closings of one calendar, one after the other, and the reopening of the last one. A stream per calendar; its
 * newest event determines the first open period (ADR 4). The steps of a closing are in the period's own stream
 * (`period/period.ts`).
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

/** A confirmed proposal about a period. */
interface Confirmed {
  readonly calendar: string;
  readonly period: string;
  /** Id of the proposal. */
  readonly proposal: string;
  /** Subject of the person who proposed it. */
  readonly by: string;
  readonly confirmedBy: string;
}

interface ClosePeriod extends Confirmed {
  /** Reason to close although something is outstanding. */
  readonly force?: string | undefined;
}

interface ReopenPeriod extends Confirmed {
  /** Number of the closing. */
  readonly closing: number;
  readonly reason: string;
  /** True where the approval of its statements has begun. */
  readonly approvalBegun: boolean;
}

/**
 * - `seal`: from now on, nothing is posted in the period. `finish`: the statements are issued; the next period may be
 *   closed.
 * - `unseal`: the statements are withdrawn; postings go into the period again. `finish-reopening`: it may be closed again.
 * - `refuse-reopening`: the approval of its statements has begun.
 */
type Progress = 'seal' | 'finish' | 'unseal' | 'finish-reopening' | 'refuse-reopening';

export type CalendarCommand =
  | ({ readonly type: 'close'; readonly at: string } & ClosePeriod & ClosingInput)
  | ({ readonly type: 'reopen'; readonly at: string } & ReopenPeriod)
  | { readonly type: Progress; readonly period: string; readonly at: string };

export type CalendarEvent =
  | {
      readonly type: 'PeriodClosing';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: Omit<ClosePeriod, 'force'> & {
        readonly force?: string;
        /** Number of the closing: 2 where the period was reopened once. */
        readonly closing: number;
        readonly input: ClosingInput;
      };
    }
  | {
      readonly type: 'PeriodReopening';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: ReopenPeriod;
    }
  | {
      readonly type: 'PeriodSealed' | 'PeriodFinished' | 'PeriodUnsealed' | 'PeriodReopened' | 'ReopeningRefused';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly period: string };
    };

/** A closing or reopening that is under way. */
interface UnderWay {
  readonly period: string;
  readonly closing: number;
  /** Id of the proposal to close it. */
  readonly proposal: string;
  readonly at: string;
  readonly sealed: boolean;
}

export interface CalendarState {
  readonly closing: (UnderWay & { readonly outstanding: readonly Outstanding[] }) | null;
  readonly reopening: UnderWay | null;
  readonly closedThrough: string | null;
  /** The last closing, and what was closed before it; null once it was reopened. */
  readonly last: (Pick<UnderWay, 'period' | 'closing' | 'proposal'> & { readonly before: string | null }) | null;
  /** The last closing of each period that was reopened: its number is never used again, its proposal is done. */
  readonly reopened: ReadonlyMap<string, Pick<UnderWay, 'closing' | 'proposal'>>;
}

export const CALENDAR_EVENTS: EventTypes<CalendarEvent> = {
  PeriodClosing: { version: 1 },
  PeriodSealed: { version: 1 },
  PeriodFinished: { version: 1 },
  PeriodReopening: { version: 1 },
  PeriodUnsealed: { version: 1 },
  PeriodReopened: { version: 1 },
  ReopeningRefused: { version: 1 },
};

export const calendarDecider: Decider<CalendarState, CalendarCommand, CalendarEvent> = {
  category: CALENDAR,
  events: CALENDAR_EVENTS,
  initialState: () => ({ closing: null, reopening: null, closedThrough: null, last: null, reopened: new Map() }),
  decide(command, state) {
    switch (command.type) {
      case 'close':
        return decideClose(command, state);
      case 'reopen':
        return decideReopen(command, state);
      case 'seal':
      case 'finish':
        return decideProgress(command, state.closing);
      case 'unseal':
      case 'finish-reopening':
      case 'refuse-reopening':
        return decideProgress(command, state.reopening);
      default:
        return command satisfies never;
    }
  },
  evolve,
  commandOf(event) {
    const { occurredAt: at } = event;
    switch (event.type) {
      case 'PeriodClosing': {
        const { input, closing: _, ...rest } = event.data;
        return { type: 'close', ...rest, ...input, at };
      }
      case 'PeriodReopening':
        return { type: 'reopen', ...event.data, at };
      case 'PeriodSealed':
      case 'PeriodFinished':
      case 'PeriodUnsealed':
      case 'PeriodReopened':
      case 'ReopeningRefused':
        return { type: PROGRESS_OF[event.type], period: event.data.period, at };
      default:
        return event satisfies never;
    }
  },
};

const EVENT_OF = {
  seal: 'PeriodSealed',
  finish: 'PeriodFinished',
  unseal: 'PeriodUnsealed',
  'finish-reopening': 'PeriodReopened',
  'refuse-reopening': 'ReopeningRefused',
} as const satisfies Record<Progress, CalendarEvent['type']>;

const PROGRESS_OF = {
  PeriodSealed: 'seal',
  PeriodFinished: 'finish',
  PeriodUnsealed: 'unseal',
  PeriodReopened: 'finish-reopening',
  ReopeningRefused: 'refuse-reopening',
} as const;

function evolve(state: CalendarState, event: CalendarEvent): CalendarState {
  const { closing, reopening, closedThrough, last } = state;
  const { period } = event.data;
  switch (event.type) {
    case 'PeriodClosing': {
      const { closing: number, proposal, input } = event.data;
      const underWay = { period, closing: number, proposal, at: event.occurredAt, sealed: false };
      return { ...state, closing: { ...underWay, outstanding: input.outstanding } };
    }
    case 'PeriodSealed':
      return { ...state, closing: closing && { ...closing, sealed: true } };
    case 'PeriodFinished':
      return {
        ...state,
        closing: null,
        closedThrough: period,
        last: { period, closing: closing?.closing ?? 1, proposal: closing?.proposal ?? '', before: closedThrough },
      };
    case 'PeriodReopening': {
      const { closing: number } = event.data;
      const { proposal = '' } = closing ?? last ?? {};
      const sealed = closing === null;
      return {
        ...state,
        closing: null,
        reopening: { period, closing: number, proposal, at: event.occurredAt, sealed },
      };
    }
    case 'PeriodUnsealed':
      return {
        ...state,
        reopening: reopening && { ...reopening, sealed: false },
        closedThrough: last === null ? closedThrough : last.before,
      };
    case 'PeriodReopened':
      return {
        ...state,
        reopening: null,
        // A closing that was stopped before its seal leaves the one before it as the last.
        last: last?.period === period ? null : last,
        reopened: reopening === null ? state.reopened : new Map(state.reopened).set(period, reopening),
      };
    case 'ReopeningRefused':
      return { ...state, reopening: null };
    default:
      return event satisfies never;
  }
}

/** @throws {DomainError} `PeriodNotSealed`, `PeriodSealed` */
function decideProgress(
  { type, period, at }: Extract<CalendarCommand, { readonly type: Progress }>,
  underWay: UnderWay | null,
): readonly CalendarEvent[] {
  if (underWay?.period !== period) return [];
  const { sealed } = underWay;
  if ((type === 'seal' && sealed) || (type === 'unseal' && !sealed)) return [];
  if (type === 'finish' && !sealed) throw new DomainError('PeriodNotSealed', `${period} is not sealed yet`, 'conflict');
  if (type === 'finish-reopening' && sealed)
    throw new DomainError('PeriodSealed', `${period} is still sealed`, 'conflict');
  return [{ type: EVENT_OF[type], version: 1, occurredAt: at, data: { period } }];
}

/** The period of a stopped closing may have been closed and reopened before. */
function numberOf(period: string, { reopened }: CalendarState): number {
  return (reopened.get(period)?.closing ?? 0) + 1;
}

/**
 * Only the last closing of a calendar can be reopened, once it is finished and before its statements are approved; or
 * one that is not sealed yet, which stops it.
 * @throws {DomainError} `PeriodInvalid`, `PeriodNotClosed`, `LaterPeriodClosed`, `LaterPeriodReopened`,
 * `ClosingInProgress`, `StatementsApproved`
 */
function decideReopen(
  { type: _, at, ...rest }: Extract<CalendarCommand, { readonly type: 'reopen' }>,
  { closing, reopening, closedThrough, last, reopened }: CalendarState,
): readonly CalendarEvent[] {
  const { calendar, period, closing: number, approvalBegun } = rest;
  const refuse = (code: string, message: string): DomainError => new DomainError(code, message, 'conflict');
  assertPeriod(calendar, period);
  // The proposal may have been carried out before.
  const isDone = number > 0 && number <= (reopened.get(period)?.closing ?? 0);
  if (reopening?.period === period || isDone) return [];
  if (closing !== null && closing.period === period) {
    if (closing.sealed)
      throw refuse(
        'ClosingInProgress',
        `the closing of ${period} is past its seal; reopen it when it has finished (GET /periods/{calendar}/{period})`,
      );
    return [{ type: 'PeriodReopening', version: 1, occurredAt: at, data: rest }];
  }
  if (closedThrough === null || period > closedThrough) throw refuse('PeriodNotClosed', `${period} is not closed`);
  const later = closing?.period ?? (period < closedThrough ? closedThrough : undefined);
  if (later !== undefined)
    throw refuse('LaterPeriodClosed', `${later} is closed or being closed; only the last closing can be reopened`);
  if (last === null || reopening !== null)
    throw refuse('LaterPeriodReopened', `a later period was reopened; close it again before ${period} can be reopened`);
  if (approvalBegun)
    throw refuse('StatementsApproved', `statements of ${period} are approved; correct them in the open period instead`);
  return [{ type: 'PeriodReopening', version: 1, occurredAt: at, data: rest }];
}

/**
 * Periods close in order, one at a time and without gaps; the first closing may be of any period that leaves no open
 * lines behind and has begun. With something outstanding, a closing needs a reason: what pending deals earn later becomes
 * an adjustment.
 * @throws {DomainError} `PeriodInvalid`, `ReopeningInProgress`, `CalendarUnused`, `EarlierPeriodOpen`, `PeriodNotEnded`,
 * `DealsPending`, `QuotasMissing`, `ItemsParked`
 */
function decideClose(
  command: Extract<CalendarCommand, { readonly type: 'close' }>,
  state: CalendarState,
): readonly CalendarEvent[] {
  const { closing, reopening, closedThrough } = state;
  const { type: _, at, plans, earliestOpen, outstanding, force, ...rest } = command;
  const { calendar, period } = rest;
  assertPeriod(calendar, period);
  const isClosed = closedThrough !== null && period <= closedThrough && reopening?.period !== period;
  // The proposal may have been carried out before, and the period been reopened since.
  const isDone = rest.proposal !== '' && state.reopened.get(period)?.proposal === rest.proposal;
  if (closing?.period === period || isClosed || isDone) return [];
  if (reopening !== null)
    throw new DomainError(
      'ReopeningInProgress',
      `${reopening.period} is being reopened; try again when that has finished`,
      'conflict',
    );
  if (closing !== null)
    throw new DomainError(
      'EarlierPeriodOpen',
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
  const data = omitUndefined({ ...rest, closing: numberOf(period, state), force, input });
  return [{ type: 'PeriodClosing', version: 1, occurredAt: at, data }];
}

/**
 * Why a command would be refused now; undefined where it would change something.
 * @param done why not, where it would change nothing
 */
export function refusalTo(command: CalendarCommand, state: CalendarState, done: DomainError): DomainError | undefined {
  try {
    return calendarDecider.decide(command, state).length > 0 ? undefined : done;
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
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

/** Number of the newest closing of a period; 0 where it is open. */
export function closingOf(period: string, { closing, reopening, last }: CalendarState): number {
  return [closing, reopening, last].find((one) => one?.period === period)?.closing ?? 0;
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
