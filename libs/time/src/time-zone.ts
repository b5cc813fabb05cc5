/** IANA time zones: the day that an instant lies in, and the instant that a day begins at. */
import { DAY_MS, dayOfNumber } from './day.js';
import { parseInstant } from './instant.js';
import { TimeError } from './time-error.js';
import { DAY_STARTS_MAX } from './limits.js';

/**
 * Whether the text names an IANA time zone, such as `Europe/Paris`. Offsets (`+01:00`) have no daylight saving and are
 * refused.
 */
export function isTimeZone(timeZone: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/.test(timeZone)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone);
    return true;
  } catch {
    return false;
  }
}

/** @throws {TimeError} `TimeZoneUnknown` */
export function assertTimeZone(timeZone: string): void {
  if (!isTimeZone(timeZone))
    throw new TimeError(
      'TimeZoneUnknown',
      `${JSON.stringify(timeZone)} is not an IANA time zone, such as Europe/Paris`,
    );
}

/** From when (epoch milliseconds) which offset (milliseconds) holds, in order; the first holds at the year's start. */
type Offsets = readonly { readonly fromMs: number; readonly offsetMs: number }[];

/** Offsets by time zone and year of UTC; bounded by the zones that exist and the years allowed. */
const offsetsByZone = new Map<string, Map<number, Offsets>>();

function offsetsOf(timeZone: string, year: number): Offsets {
  let years = offsetsByZone.get(timeZone);
  if (years === undefined) {
    assertTimeZone(timeZone);
    years = new Map();
    offsetsByZone.set(timeZone, years);
  }
  let offsets = years.get(year);
  if (offsets === undefined) {
    offsets = computeOffsets(timeZone, year);
    years.set(year, offsets);
  }
  return offsets;
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

/** Day (`2026-03-05`) of an instant in the time zone. @throws {TimeError} `InstantInvalid`, `TimeZoneUnknown` */
export function dayOf(timeZone: string, instant: string): string {
  return dayAt(timeZone, parseInstant(instant));
}

/** The newest answer: all lines of an occurrence have the same instant. */
let newest = { timeZone: '', epochMs: Number.NaN, day: '' };

/** `dayOf` for an instant in epoch milliseconds. */
export function dayAt(timeZone: string, epochMs: number): string {
  if (newest.epochMs !== epochMs || newest.timeZone !== timeZone)
    newest = { timeZone, epochMs, day: computeDay(timeZone, epochMs) };
  return newest.day;
}

/** From the table of offsets: 0.1 µs, where a `ZonedDateTime` takes 3 to 5 µs. A property test holds both equal. */
function computeDay(timeZone: string, epochMs: number): string {
  const year = utcYear(epochMs);
  let offsets = offsetsOf(timeZone, year);
  if (epochMs < (offsets[0]?.fromMs ?? 0)) offsets = offsetsOf(timeZone, year - 1);
  let offsetMs = 0;
  for (const span of offsets) {
    if (span.fromMs > epochMs) break;
    offsetMs = span.offsetMs;
  }
  return dayOfNumber(Math.floor((epochMs + offsetMs) / DAY_MS));
}

/** The year of an instant in UTC. */
export function utcYear(epochMs: number): number {
  return Number(dayOfNumber(Math.floor(epochMs / DAY_MS)).slice(0, 4));
}

/** Start of days already asked for: they are few and asked for again and again. */
const dayStarts = new Map<string, number>();
/** First instant of a day in the time zone, in epoch milliseconds. */
export function startOfDayMs(timeZone: string, day: string): number {
  const key = `${day}@${timeZone}`;
  let startMs = dayStarts.get(key);
  if (startMs === undefined) {
    startMs = Temporal.PlainDate.from(day).toZonedDateTime(timeZone).epochMilliseconds;
    if (dayStarts.size === DAY_STARTS_MAX) dayStarts.clear();
    dayStarts.set(key, startMs);
  }
  return startMs;
}
