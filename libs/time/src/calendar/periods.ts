/**
 * Periods and measurement windows: weeks to years, of the calendar or of a fiscal year. They begin and end at midnight of
 * the plan's IANA time zone. A year of a calendar is computed once, as a table of its periods, and then looked up: millions
 * of instants are placed without a call of Temporal.
 *
 * A year is made of twelve months (calendar months, fiscal months, or the months of four and five weeks of a 4-4-5 year),
 * and a quarter, half-year and year are 3, 6 and 12 of them. Where periods are weeks or fortnights, all of these are made of
 * whole ones: a period counts where its middle day lies (the 4th of a week, the 8th of a fortnight), which for weeks from
 * Monday is the rule of ISO 8601. So windows always consist of whole periods, unless they are shorter than one.
 */
import { calendarYear, defaultStart, monthAndDayOf, onOrAfter, weekAnchor, weekLength } from './year.js';
import type { CalendarYear } from './year.js';
import { FISCAL_WEEKS, OVERS, PERIODS } from './document.js';
import type { Calendar, Over } from './document.js';
import { TimeError } from '../time-error.js';
import { civilDateOf, DAY_MS, dayFrom, dayNumberFrom, daysInMonth, floor, formatInstant } from '../instant.js';
import { parseDay, parseInstant, YEAR_MAX, YEAR_MIN } from '../instant.js';

/** What is wrong with a calendar that fits the schema; the time zone aside, which `isTimeZone` looks at. */
export function calendarFault({ periods, starts, fiscal }: Calendar): string | undefined {
  if (!PERIODS.includes(periods)) return `periods must be one of ${PERIODS.join(', ')}`;
  if (fiscal !== undefined) {
    const [month, day] = monthAndDayOf(fiscal.yearStarts);
    if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(2026, month)))
      return 'fiscal.yearStarts must be month and day of any year, such as 02-01';
    if (fiscal.weeks === undefined && day > 28)
      return 'fiscal.yearStarts must be the 28th at the latest, so that every month has that day';
    if (fiscal.weeks !== undefined && !FISCAL_WEEKS.includes(fiscal.weeks))
      return `fiscal.weeks must be one of ${FISCAL_WEEKS.join(', ')}`;
  }
  if (starts === undefined) return undefined;
  if (parseDay(starts) === undefined) return `starts must be a day of the years ${YEAR_MIN} to ${YEAR_MAX}`;
  return weekLength(periods) === 0 && fiscal?.weeks === undefined
    ? 'starts says on which day weeks begin, and this calendar has months only'
    : undefined;
}

const MONTHS_OF: Readonly<Record<Calendar['periods'] | Exclude<Over, 'period'>, number>> = {
  weekly: 0,
  biweekly: 0,
  monthly: 1,
  quarterly: 3,
  'semi-annual': 6,
  annual: 12,
  quarter: 3,
  'half-year': 6,
  year: 12,
};

/** Why a window does not consist of whole periods: a quarter is shorter than a period of an annual calendar. */
export function overFault({ periods }: Calendar, over: Over): string | undefined {
  return over !== 'period' && MONTHS_OF[over] < MONTHS_OF[periods]
    ? `a ${over} is shorter than a period of a calendar that is ${periods}`
    : undefined;
}

/**
 * `monthly@Europe/Paris`, `biweekly.2026-01-12@UTC`, `monthly.FY02-01.4-4-5@America/New_York`: plans of one key share their
 * periods and close together. Of the days that `starts` may name for the same weeks, the key has the first one from that of
 * the default on, and nothing where it is the default.
 */
export function calendarKey(calendar: Calendar): string {
  const { periods, timeZone, fiscal } = calendar;
  const weeks = fiscal?.weeks === undefined ? '' : `.${fiscal.weeks}`;
  const year = fiscal === undefined ? '' : `.FY${fiscal.yearStarts}${weeks}`;
  const first = defaultStart(fiscal);
  const anchor = onOrAfter(first, weekAnchor(calendar), weekLength(periods) || 7);
  return `${periods}${year}${anchor === first ? '' : `.${dayFrom(anchor)}`}@${timeZone}`;
}

const KEY = /^([a-z-]+)(?:\.FY(\d{2}-\d{2})(?:\.(\d-\d-\d))?)?(?:\.(\d{4}-\d{2}-\d{2}))?@(.+)$/;

/** Keys come from outside: so many are remembered. */
const CALENDARS_MAX = 1000;
const calendars = new Map<string, Calendar>();

/** The calendar of a key. @throws {TimeError} `PeriodInvalid` */
export function calendarOf(key: string): Calendar {
  let calendar = calendars.get(key);
  if (calendar === undefined) {
    calendar = parseKey(key);
    if (calendar === undefined)
      throw new TimeError('PeriodInvalid', `${JSON.stringify(key)} is no calendar; one is monthly@Europe/Paris`);
    if (calendars.size === CALENDARS_MAX) calendars.clear();
    calendars.set(key, calendar);
  }
  return calendar;
}

function parseKey(key: string): Calendar | undefined {
  const [, name = '', yearStarts, weeksName, starts, timeZone = ''] = KEY.exec(key) ?? [];
  const periods = PERIODS.find((one) => one === name);
  const weeks = FISCAL_WEEKS.find((one) => one === weeksName);
  if (periods === undefined || !isTimeZone(timeZone)) return undefined;
  const fiscal = yearStarts === undefined ? {} : { fiscal: { yearStarts, ...(weeks === undefined ? {} : { weeks }) } };
  const calendar = { periods, timeZone, ...(starts === undefined ? {} : { starts }), ...fiscal };
  // Two keys of one calendar would keep its periods apart.
  return calendarFault(calendar) === undefined && calendarKey(calendar) === key ? calendar : undefined;
}

// ── Days ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Days from the first day (inclusive) to the other (exclusive). @throws {TimeError} `DayInvalid` */
export function daysBetween(fromDay: string, untilDay: string): number {
  return dayNumberFrom(untilDay) - dayNumberFrom(fromDay);
}

/** The day so many days later, or earlier for a negative count. @throws {TimeError} `DayInvalid` */
export function addDays(day: string, count: number): string {
  return dayFrom(dayNumberFrom(day) + count);
}

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

function assertTimeZone(timeZone: string): void {
  if (!isTimeZone(timeZone)) throw new TimeError('TimeZoneUnknown', `${JSON.stringify(timeZone)} is no IANA time zone`);
}

/** From when (epoch milliseconds) which offset (milliseconds) holds, in order; the first holds at the year's start. */
type Offsets = readonly { readonly fromMs: number; readonly offsetMs: number }[];

/** A memo of a pure function; bounded by the zones there are and the years allowed. */
const zones = new Map<string, Map<number, Offsets>>();

function offsetsOf(timeZone: string, year: number): Offsets {
  let years = zones.get(timeZone);
  if (years === undefined) {
    assertTimeZone(timeZone);
    years = new Map();
    zones.set(timeZone, years);
  }
  let found = years.get(year);
  if (found === undefined) {
    found = computeOffsets(timeZone, year);
    years.set(year, found);
  }
  return found;
}

function computeOffsets(timeZone: string, year: number): Offsets {
  const start = Temporal.PlainDate.from({ year, month: 1, day: 1 });
  const end = start.add({ years: 1, days: 1 }).toZonedDateTime(timeZone);
  let moment = start.toZonedDateTime(timeZone);
  const offsets = [{ fromMs: moment.epochMilliseconds, offsetMs: moment.offsetNanoseconds / 1e6 }];
  for (;;) {
    const next = moment.getTimeZoneTransition('next');
    if (next === null || next.epochMilliseconds > end.epochMilliseconds) break;
    offsets.push({ fromMs: next.epochMilliseconds, offsetMs: next.offsetNanoseconds / 1e6 });
    moment = next;
  }
  return offsets;
}

/** Day (`2026-03-05`) in the time zone. @throws {TimeError} `InstantInvalid`, `TimeZoneUnknown` */
export function dayOf(timeZone: string, instant: string): string {
  return dayAt(timeZone, parseInstant(instant));
}

/** A memo for one instant: all lines of an occurrence have the same. */
let lastDay = { timeZone: '', epochMs: Number.NaN, day: '' };

/** `dayOf` for an instant in epoch milliseconds. */
export function dayAt(timeZone: string, epochMs: number): string {
  if (lastDay.epochMs !== epochMs || lastDay.timeZone !== timeZone)
    lastDay = { timeZone, epochMs, day: computeDay(timeZone, epochMs) };
  return lastDay.day;
}

function computeDay(timeZone: string, epochMs: number): string {
  const utcYear = civilDateOf(floor(epochMs / DAY_MS)).year;
  let offsets = offsetsOf(timeZone, utcYear);
  if (epochMs < (offsets[0]?.fromMs ?? 0)) offsets = offsetsOf(timeZone, utcYear - 1);
  let offsetMs = 0;
  for (const span of offsets) {
    if (span.fromMs > epochMs) break;
    offsetMs = span.offsetMs;
  }
  return dayFrom(floor((epochMs + offsetMs) / DAY_MS));
}

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

/** A calendar with the years that were needed of it, and their periods and windows by name. */
interface Table {
  /** Year of the newest instant that was placed: most are followed by one of the same year. */
  newest: CalendarYear | undefined;
  readonly years: Map<number, CalendarYear>;
  readonly spans: Map<string, Span>;
}

const tables = new Map<string, Table>();
/** By identity: an instant is placed without spelling out the key. */
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
    // The period of an annual calendar is its year as well.
    if (!spans.has(name))
      spans.set(name, {
        over,
        of,
        first,
        until,
        startDay: dayFrom(of.startDays[first] ?? Number.NaN),
        endDay: dayFrom(of.startDays[until] ?? Number.NaN),
      });
    first = until;
  }
}

// ── Instants ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The piece that the newest instant was placed in, as a memo: instants come in runs, and all lines of one have the same. */
let placed: { calendar: Calendar; of: CalendarYear; piece: number; fromMs: number; untilMs: number } | undefined;

function place(calendar: Calendar, epochMs: number): { readonly of: CalendarYear; readonly piece: number } {
  if (placed === undefined || placed.calendar !== calendar || epochMs < placed.fromMs || epochMs >= placed.untilMs)
    placed = computePlace(calendar, epochMs);
  return placed;
}

function computePlace(calendar: Calendar, epochMs: number): NonNullable<typeof placed> {
  const of = yearAt(calendar, epochMs);
  const { startsMs, startMs, endMs } = of;
  // All pieces are about as long: the guess is next to right.
  let piece = floor(((epochMs - startMs) / (endMs - startMs)) * (startsMs.length - 1));
  while (epochMs < (startsMs[piece] ?? 0)) piece--;
  while (epochMs >= (startsMs[piece + 1] ?? 0)) piece++;
  return { calendar, of, piece, fromMs: startsMs[piece] ?? 0, untilMs: startsMs[piece + 1] ?? 0 };
}

function yearAt(calendar: Calendar, epochMs: number): CalendarYear {
  const table = tableOf(calendar);
  let of = table.newest;
  if (of === undefined || epochMs < of.startMs || epochMs >= of.endMs) {
    // A year begins near a day of the calendar year of its name: days before that year, or after it.
    of = yearOf(calendar, civilDateOf(floor(epochMs / DAY_MS)).year);
    while (epochMs < of.startMs) of = yearOf(calendar, of.year - 1);
    while (epochMs >= of.endMs) of = yearOf(calendar, of.year + 1);
    table.newest = of;
  }
  return of;
}

/**
 * Period that an instant lies in: `2026-03`, `2026-Q1`, `2026-H1`, `2026`, `2026-W07` (the week of ISO 8601), `2026-B04`
 * (fortnight), and of a fiscal year `FY2026-P03`, `FY2026-Q1` and so on.
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
 * Measurement window that an instant lies in: a period, `2026-Q1`, `2026-H1`, `2026`, or with `FY` before it.
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
  // At either end of the years, the zone's own year may be one beside them.
  if (!(year >= YEAR_MIN - 1 && year <= YEAR_MAX + 1)) return undefined;
  yearOf(calendar, year);
  return spans.get(id);
}

function spanOf(calendar: Calendar, id: string): Span {
  const span = findSpan(calendar, id);
  if (span === undefined)
    throw new TimeError(
      'PeriodInvalid',
      `${JSON.stringify(id)} is no period or window of ${calendarKey(calendar)}; ` +
        `a period is ${yearOf(calendar, 2026).names.period[0]}, and years go from ${YEAR_MIN} to ${YEAR_MAX}`,
    );
  return span;
}

/** True for a text that names a period of this calendar. */
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
 * The period (or window) of the same number in the year before; for a 53rd week (27th fortnight) of a year whose
 * predecessor has none, its last one.
 * @throws {TimeError} `PeriodInvalid`
 */
export function sameWindowLastYear(calendar: Calendar, id: string): string {
  const { over, of } = spanOf(calendar, id);
  const names = [...new Set(of.names[over])];
  const before = [...new Set(yearOf(calendar, of.year - 1).names[over])];
  return before[names.indexOf(id)] ?? before.at(-1) ?? '';
}

/** −1, 0 or 1 in order of time, for two periods of one calendar: their names sort so. */
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

/** Last day of a period. @throws {TimeError} `PeriodInvalid` */
export function lastDayOfPeriod(calendar: Calendar, period: string): string {
  return addDays(windowEndDay(calendar, period), -1);
}
