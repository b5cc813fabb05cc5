/**
 * Periods and measurement windows. They begin and end at midnight of the plan's IANA time zone. Boundaries are computed
 * once for a zone and year and then looked up: millions of instants are placed without a call of Temporal.
 */
import { EngineError } from './engine-error.js';
import { civilDateOf, DAY_MS, floor, formatDay, formatInstant, parseInstant, YEAR_MAX, YEAR_MIN } from './instant.js';

export interface Calendar {
  readonly periods: 'monthly' | 'quarterly';
  /** IANA name, `Europe/Paris`. */
  readonly timeZone: string;
}

/** How long a measurement runs before it starts again from zero; `period` is the calendar's own. */
export type Over = 'period' | 'quarter' | 'half-year' | 'year';

/** `monthly@Europe/Paris`: plans of one key share their periods and close together. */
export function calendarKey(calendar: Calendar): string {
  return `${calendar.periods}@${calendar.timeZone}`;
}

/** The calendar of a key. @throws {EngineError} `PeriodInvalid` */
export function calendarOf(key: string): Calendar {
  const at = key.indexOf('@');
  const periods = key.slice(0, at);
  const timeZone = key.slice(at + 1);
  if ((periods !== 'monthly' && periods !== 'quarterly') || !isTimeZone(timeZone))
    throw new EngineError('PeriodInvalid', `${JSON.stringify(key)} is no calendar; one is monthly@Europe/Paris`);
  return { periods, timeZone };
}

/** Months and days of one year in one zone. */
interface ZoneYear {
  /** Start of month 1 … 12 and of the next year's first, in epoch milliseconds. */
  readonly monthStartsMs: Float64Array;
  /** From when (epoch milliseconds) which offset (milliseconds) holds, in order; the first holds at the year's start. */
  readonly offsets: readonly { readonly fromMs: number; readonly offsetMs: number }[];
}

/** A memo of a pure function; bounded by the zones there are and the years allowed. */
const zones = new Map<string, Map<number, ZoneYear>>();

export function isTimeZone(timeZone: string): boolean {
  // Temporal takes offsets (`+01:00`) as zones, but a plan is to say where it is at home.
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/.test(timeZone)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone);
    return true;
  } catch {
    return false;
  }
}

function zoneYear(timeZone: string, year: number): ZoneYear {
  let years = zones.get(timeZone);
  if (years === undefined) {
    if (!isTimeZone(timeZone))
      throw new EngineError('TimeZoneUnknown', `${JSON.stringify(timeZone)} is no IANA time zone`);
    years = new Map();
    zones.set(timeZone, years);
  }
  let found = years.get(year);
  if (found === undefined) {
    found = computeZoneYear(timeZone, year);
    years.set(year, found);
  }
  return found;
}

function computeZoneYear(timeZone: string, year: number): ZoneYear {
  const start = Temporal.PlainDate.from({ year, month: 1, day: 1 });
  const monthStartsMs = new Float64Array(13);
  for (let month = 0; month <= 12; month++)
    monthStartsMs[month] = start.add({ months: month }).toZonedDateTime(timeZone).epochMilliseconds;
  const end = start.add({ years: 1, days: 1 }).toZonedDateTime(timeZone);
  let moment = start.toZonedDateTime(timeZone);
  const offsets = [{ fromMs: moment.epochMilliseconds, offsetMs: moment.offsetNanoseconds / 1e6 }];
  for (;;) {
    const next = moment.getTimeZoneTransition('next');
    if (next === null || next.epochMilliseconds > end.epochMilliseconds) break;
    offsets.push({ fromMs: next.epochMilliseconds, offsetMs: next.offsetNanoseconds / 1e6 });
    moment = next;
  }
  return { monthStartsMs, offsets };
}

/** Memos of pure functions for one instant: all lines of an occurrence have the same. */
let lastMonth = { timeZone: '', epochMs: Number.NaN, monthIndex: 0 };
let lastDay = { timeZone: '', epochMs: Number.NaN, day: '' };

/** The month that the instant lies in, counted as year × 12 + month (from 0). */
function monthIndexAt(timeZone: string, epochMs: number): number {
  if (lastMonth.epochMs !== epochMs || lastMonth.timeZone !== timeZone)
    lastMonth = { timeZone, epochMs, monthIndex: computeMonthIndex(timeZone, epochMs) };
  return lastMonth.monthIndex;
}

function computeMonthIndex(timeZone: string, epochMs: number): number {
  // The zone's month is that of UTC or one beside it.
  const utc = civilDateOf(floor(epochMs / DAY_MS));
  const index = utc.year * 12 + utc.month - 1;
  if (epochMs < monthStartMs(timeZone, index)) return index - 1;
  if (epochMs >= monthStartMs(timeZone, index + 1)) return index + 1;
  return index;
}

function monthStartMs(timeZone: string, monthIndex: number): number {
  const year = floor(monthIndex / 12);
  return zoneYear(timeZone, year).monthStartsMs[monthIndex - year * 12] ?? Number.NaN;
}

const monthNames = new Map<number, string>();
const quarterNames = new Map<number, string>();

function monthName(monthIndex: number): string {
  let name = monthNames.get(monthIndex);
  if (name === undefined) {
    const year = floor(monthIndex / 12);
    name = `${year}-${String(monthIndex - year * 12 + 1).padStart(2, '0')}`;
    monthNames.set(monthIndex, name);
  }
  return name;
}

function quarterName(quarterIndex: number): string {
  let name = quarterNames.get(quarterIndex);
  if (name === undefined) {
    const year = floor(quarterIndex / 4);
    name = `${year}-Q${quarterIndex - year * 4 + 1}`;
    quarterNames.set(quarterIndex, name);
  }
  return name;
}

/**
 * Period that an instant lies in: `2026-03`, or `2026-Q1` in a quarterly calendar.
 * @throws {EngineError} `InstantInvalid`, `TimeZoneUnknown`
 */
export function periodOf(calendar: Calendar, instant: string): string {
  return periodAt(calendar, parseInstant(instant));
}

/** `periodOf` for an instant in epoch milliseconds. */
export function periodAt(calendar: Calendar, epochMs: number): string {
  const monthIndex = monthIndexAt(calendar.timeZone, epochMs);
  return calendar.periods === 'monthly' ? monthName(monthIndex) : quarterName(floor(monthIndex / 3));
}

/**
 * Measurement window that an instant lies in: `2026-03`, `2026-Q1` or `2026`.
 * @throws {EngineError} `InstantInvalid`, `TimeZoneUnknown`
 */
export function windowOf(calendar: Calendar, over: Over, instant: string): string {
  return windowAt(calendar, over, parseInstant(instant));
}

/** `windowOf` for an instant in epoch milliseconds. */
export function windowAt(calendar: Calendar, over: Over, epochMs: number): string {
  if (over === 'period') return periodAt(calendar, epochMs);
  const monthIndex = monthIndexAt(calendar.timeZone, epochMs);
  if (over === 'half-year') return `${floor(monthIndex / 12)}-H${floor((monthIndex % 12) / 6) + 1}`;
  return over === 'quarter' ? quarterName(floor(monthIndex / 3)) : String(floor(monthIndex / 12));
}

/** Day (`2026-03-05`) in the time zone. @throws {EngineError} `InstantInvalid`, `TimeZoneUnknown` */
export function dayOf(timeZone: string, instant: string): string {
  return dayAt(timeZone, parseInstant(instant));
}

/** `dayOf` for an instant in epoch milliseconds. */
export function dayAt(timeZone: string, epochMs: number): string {
  if (lastDay.epochMs !== epochMs || lastDay.timeZone !== timeZone)
    lastDay = { timeZone, epochMs, day: computeDay(timeZone, epochMs) };
  return lastDay.day;
}

function computeDay(timeZone: string, epochMs: number): string {
  const utcYear = civilDateOf(floor(epochMs / DAY_MS)).year;
  let table = zoneYear(timeZone, utcYear);
  if (epochMs < (table.offsets[0]?.fromMs ?? 0)) table = zoneYear(timeZone, utcYear - 1);
  let offsetMs = 0;
  for (const span of table.offsets) {
    if (span.fromMs > epochMs) break;
    offsetMs = span.offsetMs;
  }
  return formatDay(civilDateOf(floor((epochMs + offsetMs) / DAY_MS)));
}

/** First and last month (as year × 12 + month from 0) of a period or window. */
function monthsOf(id: string): { readonly first: number; readonly count: number } {
  const match = /^(\d{4})(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?$/.exec(id);
  if (match === null)
    throw new EngineError(
      'PeriodInvalid',
      `${JSON.stringify(id)} is no period; periods are 2026-03 or 2026-Q1, windows also 2026`,
    );
  const [, year, month, quarter] = match;
  const yearNumber = Number(year);
  // At either end of the years, the zone's own year may be one beside them.
  if (yearNumber < YEAR_MIN - 1 || yearNumber > YEAR_MAX + 1)
    throw new EngineError('PeriodInvalid', `${JSON.stringify(id)} lies outside the years ${YEAR_MIN} to ${YEAR_MAX}`);
  if (month !== undefined) return { first: yearNumber * 12 + Number(month) - 1, count: 1 };
  if (quarter !== undefined) return { first: yearNumber * 12 + (Number(quarter) - 1) * 3, count: 3 };
  return { first: yearNumber * 12, count: 12 };
}

function nameOf(first: number, count: number): string {
  if (count === 1) return monthName(first);
  return count === 3 ? quarterName(first / 3) : String(first / 12);
}

/** True for a text that names a period of this calendar. */
export function isPeriod(calendar: Calendar, id: string): boolean {
  const form = calendar.periods === 'monthly' ? /^\d{4}-(0[1-9]|1[0-2])$/ : /^\d{4}-Q[1-4]$/;
  return form.test(id) && Number(id.slice(0, 4)) >= YEAR_MIN && Number(id.slice(0, 4)) <= YEAR_MAX;
}

/** The period (or window) after this one. @throws {EngineError} `PeriodInvalid` */
export function nextPeriod(_calendar: Calendar, id: string): string {
  const { first, count } = monthsOf(id);
  return nameOf(first + count, count);
}

/** The period (or window) before this one. @throws {EngineError} `PeriodInvalid` */
export function previousPeriod(_calendar: Calendar, id: string): string {
  const { first, count } = monthsOf(id);
  return nameOf(first - count, count);
}

/** −1, 0 or 1 in order of time, for two periods of one calendar. */
export function comparePeriods(left: string, right: string): -1 | 0 | 1 {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** When a period or window begins (inclusive) and ends (exclusive), as instants. @throws {EngineError} `PeriodInvalid` */
export function periodBounds(calendar: Calendar, id: string): { readonly from: string; readonly until: string } {
  const { first, count } = monthsOf(id);
  return {
    from: formatInstant(monthStartMs(calendar.timeZone, first)),
    until: formatInstant(monthStartMs(calendar.timeZone, first + count)),
  };
}

const startDays = new Map<string, string>();

/** Day on which a window starts: `2026-01-01` for `2026-Q1`. @throws {EngineError} `PeriodInvalid` */
export function windowStartDay(_calendar: Calendar, window: string): string {
  let day = startDays.get(window);
  if (day === undefined) {
    day = `${monthName(monthsOf(window).first)}-01`;
    startDays.set(window, day);
  }
  return day;
}

/** The last period of a window: `2026-03` for `2026-Q1` in a monthly calendar. @throws {EngineError} `PeriodInvalid` */
export function lastPeriodOfWindow(calendar: Calendar, window: string): string {
  const { first, count } = monthsOf(window);
  const last = first + count - 1;
  return calendar.periods === 'monthly' ? monthName(last) : quarterName(floor(last / 3));
}

/** A memo of a pure function: the same few days are asked for again and again. */
const dayStarts = new Map<string, number>();

/** First instant of a day in the time zone, in epoch milliseconds. */
export function startOfDayMs(timeZone: string, day: string): number {
  const key = `${day}@${timeZone}`;
  let startMs = dayStarts.get(key);
  if (startMs === undefined) {
    startMs = Temporal.PlainDate.from(day).toZonedDateTime(timeZone).epochMilliseconds;
    if (dayStarts.size > 10_000) dayStarts.clear();
    dayStarts.set(key, startMs);
  }
  return startMs;
}

/** Last day of a period. @throws {EngineError} `PeriodInvalid` */
export function lastDayOfPeriod(calendar: Calendar, period: string): string {
  return dayAt(calendar.timeZone, parseInstant(periodBounds(calendar, period).until) - 1);
}

export function windowEndDay(_calendar: Calendar, window: string): string {
  const { first, count } = monthsOf(window);
  return `${monthName(first + count)}-01`;
}

export function sameWindowLastYear(_calendar: Calendar, window: string): string {
  return `${Number(window.slice(0, 4)) - 1}${window.slice(4)}`;
}

export function windowOfPeriod(calendar: Calendar, over: Over, period: string): string {
  return windowAt(calendar, over, parseInstant(periodBounds(calendar, period).from));
}
