/**
 * Periods and measurement windows: weeks to years, of the calendar or of a fiscal year. They begin and end at midnight
 * of the plan's IANA time zone. A year of a calendar is computed once, as a table of its periods, and then looked up:
 * millions of instants are placed without a call of Temporal.
 *
 * A year is made of twelve months (calendar months, fiscal months, or the months of four and five weeks of a 4-4-5
 * year); a quarter, half-year and year are 3, 6 and 12 of them. If periods are weeks or fortnights, all of these
 * consist of whole ones: a period belongs to where its middle day lies (the 4th day of a week, the 8th of a fortnight).
 * For weeks from Monday that is the rule of ISO 8601. So windows always consist of whole periods, unless they are
 * shorter than one.
 */
import { addDays, dayOfNumber } from '../day.js';
import { YEAR_MAX, YEAR_MIN, CALENDARS_MAX } from '../limits.js';
import { formatInstant, parseInstant } from '../instant.js';
import { TimeError } from '../time-error.js';
import { assertTimeZone, utcYear } from '../time-zone.js';
import { OVERS } from './document.js';
import type { Calendar, Over } from './document.js';
import { calendarFault, overFault } from './fault.js';
import { calendarKey } from './key.js';
import { calendarYear } from './year.js';
import type { CalendarYear } from './year.js';

// ── The years of a calendar ─────────────────────────────────────────────────────────────────────────────────────────

/** Where a period or window lies: from piece `first` to before `until` of its year. */
interface Span {
  readonly over: Over;
  readonly of: CalendarYear;
  readonly first: number;
  readonly until: number;
  readonly startDay: string;
  readonly endDay: string;
}

/** The years of a calendar that were asked for, and their periods and windows by name. */
interface Table {
  /** Year of the newest instant placed: the next one is usually in the same year. */
  newest: CalendarYear | undefined;
  readonly years: Map<number, CalendarYear>;
  readonly spans: Map<string, Span>;
}

/** By calendar key. */
const tables = new Map<string, Table>();
/** By identity, so that an instant is placed without building the key. */
const tableByCalendar = new WeakMap<Calendar, Table>();

/** @throws {TimeError} `TimeZoneUnknown`, `CalendarInvalid` */
function tableOf(calendar: Calendar): Table {
  let table = tableByCalendar.get(calendar);
  if (table === undefined) {
    assertTimeZone(calendar.timeZone);
    const fault = calendarFault(calendar);
    if (fault !== undefined) throw new TimeError('CalendarInvalid', fault);
    const key = calendarKey(calendar);
    table = tables.get(key) ?? { newest: undefined, years: new Map(), spans: new Map() };
    if (tables.size === CALENDARS_MAX) tables.clear();
    tables.set(key, table);
    tableByCalendar.set(calendar, table);
  }
  return table;
}

function yearOf(calendar: Calendar, year: number): CalendarYear {
  const { years, spans } = tableOf(calendar);
  let found = years.get(year);
  if (found === undefined) {
    found = calendarYear(calendar, year);
    years.set(year, found);
    for (const over of OVERS) addSpans(spans, found, over);
  }
  return found;
}

function addSpans(spans: Map<string, Span>, of: CalendarYear, over: Over): void {
  const names = of.names[over];
  for (let first = 0; first < names.length;) {
    const name = names[first] ?? '';
    const until = names.lastIndexOf(name) + 1;
    // The period of an annual calendar is also its year.
    if (!spans.has(name))
      spans.set(name, {
        over,
        of,
        first,
        until,
        startDay: dayOfNumber(of.startDays[first] ?? Number.NaN),
        endDay: dayOfNumber(of.startDays[until] ?? Number.NaN),
      });
    first = until;
  }
}

// ── Instants ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The piece of the newest instant: instants come in runs, and all lines of an occurrence have the same. */
let placed: { calendar: Calendar; of: CalendarYear; piece: number; fromMs: number; untilMs: number } | undefined;

function place(calendar: Calendar, epochMs: number): { readonly of: CalendarYear; readonly piece: number } {
  if (placed === undefined || placed.calendar !== calendar || epochMs < placed.fromMs || epochMs >= placed.untilMs)
    placed = computePlace(calendar, epochMs);
  return placed;
}

function computePlace(calendar: Calendar, epochMs: number): NonNullable<typeof placed> {
  const of = yearAt(calendar, epochMs);
  const { startsMs, startMs, endMs } = of;
  // All pieces have about the same length, so the guess is right or next to it.
  let piece = Math.floor(((epochMs - startMs) / (endMs - startMs)) * (startsMs.length - 1));
  while (epochMs < (startsMs[piece] ?? 0)) piece--;
  while (epochMs >= (startsMs[piece + 1] ?? 0)) piece++;
  return { calendar, of, piece, fromMs: startsMs[piece] ?? 0, untilMs: startsMs[piece + 1] ?? 0 };
}

function yearAt(calendar: Calendar, epochMs: number): CalendarYear {
  const table = tableOf(calendar);
  let of = table.newest;
  if (of === undefined || epochMs < of.startMs || epochMs >= of.endMs) {
    // A year may begin some days before or after the calendar year of its name.
    of = yearOf(calendar, utcYear(epochMs));
    while (epochMs < of.startMs) of = yearOf(calendar, of.year - 1);
    while (epochMs >= of.endMs) of = yearOf(calendar, of.year + 1);
    table.newest = of;
  }
  return of;
}

/**
 * Period that an instant lies in: `2026-03`, `2026-Q1`, `2026-H1`, `2026`, `2026-W07` (the week of ISO 8601),
 * `2026-B04` (fortnight), and in a fiscal year `FY2026-P03`, `FY2026-Q1` and so on.
 * @throws {TimeError} `InstantInvalid`, `TimeZoneUnknown`, `CalendarInvalid`
 */
export function periodOf(calendar: Calendar, instant: string): string {
  return periodAt(calendar, parseInstant(instant));
}

/** `periodOf` for an instant in epoch milliseconds. */
export function periodAt(calendar: Calendar, epochMs: number): string {
  return windowAt(calendar, 'period', epochMs);
}

/**
 * Measurement window that an instant lies in: a period, `2026-Q1`, `2026-H1`, `2026`, or one of these with `FY` before
 * it.
 * @throws {TimeError} `InstantInvalid`, `TimeZoneUnknown`, `CalendarInvalid`
 */
export function windowOf(calendar: Calendar, over: Over, instant: string): string {
  return windowAt(calendar, over, parseInstant(instant));
}

/** `windowOf` for an instant in epoch milliseconds. */
export function windowAt(calendar: Calendar, over: Over, epochMs: number): string {
  const { of, piece } = place(calendar, epochMs);
  return of.names[over][piece] ?? '';
}

// ── Periods and windows by name ─────────────────────────────────────────────────────────────────────────────────────

const YEAR_OF_NAME = /^(?:FY)?(\d{4})(?:-|$)/;

function findSpan(calendar: Calendar, id: string): Span | undefined {
  const { spans } = tableOf(calendar);
  const known = spans.get(id);
  if (known !== undefined) return known;
  const year = Number(YEAR_OF_NAME.exec(id)?.[1]);
  // At both ends, the year in the time zone may be the one beside the year in UTC.
  if (!(year >= YEAR_MIN - 1 && year <= YEAR_MAX + 1)) return undefined;
  yearOf(calendar, year);
  return spans.get(id);
}

function spanOf(calendar: Calendar, id: string): Span {
  const span = findSpan(calendar, id);
  if (span === undefined)
    throw new TimeError(
      'PeriodInvalid',
      `${JSON.stringify(id)} is not a period or window of the calendar ${calendarKey(calendar)}, ` +
        `such as ${yearOf(calendar, 2026).names.period[0]}, of the years ${YEAR_MIN} to ${YEAR_MAX}`,
    );
  return span;
}

/** Whether the text names a period of this calendar. */
export function isPeriod(calendar: Calendar, id: string): boolean {
  const span = findSpan(calendar, id);
  return span !== undefined && span.over === 'period' && span.of.year >= YEAR_MIN && span.of.year <= YEAR_MAX;
}

/** The period (or window) after this one. @throws {TimeError} `PeriodInvalid` */
export function nextPeriod(calendar: Calendar, id: string): string {
  const { over, of, until } = spanOf(calendar, id);
  return of.names[over][until] ?? yearOf(calendar, of.year + 1).names[over][0] ?? '';
}

/** The period (or window) before this one. @throws {TimeError} `PeriodInvalid` */
export function previousPeriod(calendar: Calendar, id: string): string {
  const { over, of, first } = spanOf(calendar, id);
  return of.names[over][first - 1] ?? yearOf(calendar, of.year - 1).names[over].at(-1) ?? '';
}

/**
 * The period (or window) with the same number in the year before. If that year has no 53rd week (27th fortnight), its
 * last one.
 * @throws {TimeError} `PeriodInvalid`
 */
export function sameWindowLastYear(calendar: Calendar, id: string): string {
  const { over, of } = spanOf(calendar, id);
  const names = [...new Set(of.names[over])];
  const before = [...new Set(yearOf(calendar, of.year - 1).names[over])];
  return before[names.indexOf(id)] ?? before.at(-1) ?? '';
}

/** −1, 0 or 1 in order of time, for two periods of one calendar: their names sort that way. */
export function comparePeriods(left: string, right: string): -1 | 0 | 1 {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** When a period or window begins (inclusive) and ends (exclusive), as instants. @throws {TimeError} `PeriodInvalid` */
export function periodBounds(calendar: Calendar, id: string): { readonly from: string; readonly until: string } {
  const { of, first, until } = spanOf(calendar, id);
  return {
    from: formatInstant(of.startsMs[first] ?? Number.NaN),
    until: formatInstant(of.startsMs[until] ?? Number.NaN),
  };
}

/** Day on which a period or window starts: `2026-01-01` for `2026-Q1`. @throws {TimeError} `PeriodInvalid` */
export function windowStartDay(calendar: Calendar, id: string): string {
  return spanOf(calendar, id).startDay;
}

/** Day after a period or window: `2026-04-01` for `2026-Q1`. @throws {TimeError} `PeriodInvalid` */
export function windowEndDay(calendar: Calendar, id: string): string {
  return spanOf(calendar, id).endDay;
}

/** The first period of a window: `2026-01` for `2026-Q1` in a monthly calendar. @throws {TimeError} `PeriodInvalid` */
export function firstPeriodOfWindow(calendar: Calendar, window: string): string {
  const { of, first } = spanOf(calendar, window);
  return of.names.period[first] ?? '';
}

/** The last period of a window: `2026-03` for `2026-Q1` in a monthly calendar. @throws {TimeError} `PeriodInvalid` */
export function lastPeriodOfWindow(calendar: Calendar, window: string): string {
  const { of, until } = spanOf(calendar, window);
  return of.names.period[until - 1] ?? '';
}

/**
 * The measurement window that a period lies in: `2026-Q1` for `2026-02`.
 * @throws {TimeError} `PeriodInvalid`; `WindowTooShort` where the window is shorter than the period (see `overFault`)
 */
export function windowOfPeriod(calendar: Calendar, over: Over, period: string): string {
  const fault = overFault(calendar, over);
  if (fault !== undefined) throw new TimeError('WindowTooShort', fault);
  const { of, first } = spanOf(calendar, period);
  return of.names[over][first] ?? '';
}

/** Last day of a period. @throws {TimeError} `PeriodInvalid` */
export function lastDayOfPeriod(calendar: Calendar, period: string): string {
  return addDays(windowEndDay(calendar, period), -1);
}
