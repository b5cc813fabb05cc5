/**
 * ISO 8601 instants as milliseconds since 1970 and back, strictly and without `Date`: `new Date('2026-02-30')` is the
 * 2nd of March, and here it is refused.
 */
import { TimeError } from './time-error.js';

/** Years that an instant may lie in. A year outside is a broken date, and would cost a table of boundaries each. */
export const YEAR_MIN = 1900;
export const YEAR_MAX = 2999;

const INSTANT =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|[+-](?:0\d|1\d|2[0-3]):[0-5]\d)$/;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
/** Bound once: instants are placed by the million. */
export const floor = Math.floor;
export const DAY_MS = 86_400_000;

export function isLeapYear(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 to a date of the Gregorian calendar; `month` from 1. */
export function dayNumberOf(year: number, month: number, day: number): number {
  const before = year - 1;
  const leapDays = floor(before / 4) - floor(before / 100) + floor(before / 400);
  const days = before * 365 + leapDays + (DAYS_BEFORE_MONTH[month - 1] ?? 0) + (month > 2 && isLeapYear(year) ? 1 : 0);
  return days + day - 1 - 719_162;
}

export interface CivilDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** The date of a day number; the algorithm `civil_from_days` of Howard Hinnant's "chrono-compatible date algorithms". */
export function civilDateOf(dayNumber: number): CivilDate {
  const shifted = dayNumber + 719_468;
  const era = floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = floor(
    (dayOfEra - floor(dayOfEra / 1460) + floor(dayOfEra / 36_524) - floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + floor(yearOfEra / 4) - floor(yearOfEra / 100));
  const monthFromMarch = floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - floor((153 * monthFromMarch + 2) / 5) + 1,
  };
}

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

/** `2026-03-05` */
export function formatDay({ year, month, day }: CivilDate): string {
  return `${year}-${two(month)}-${two(day)}`;
}

/** Days since 1970 of `2026-03-05`; undefined where it is no day of the years allowed. */
export function parseDay(text: string): number | undefined {
  const match = DAY.exec(text);
  if (match === null) return undefined;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return isDate(year, month, day) ? dayNumberOf(year, month, day) : undefined;
}

/** Days since 1970 of `2026-03-05`. @throws {TimeError} `DayInvalid` */
export function dayNumberFrom(text: string): number {
  const number = parseDay(text);
  if (number === undefined)
    throw new TimeError('DayInvalid', `${JSON.stringify(text)} is no day of the years ${YEAR_MIN} to ${YEAR_MAX}`);
  return number;
}

/** `2026-03-05` of days since 1970. */
export function dayFrom(dayNumber: number): string {
  return formatDay(civilDateOf(dayNumber));
}

function isDate(year: number, month: number, day: number): boolean {
  return (
    year >= YEAR_MIN && year <= YEAR_MAX && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
  );
}

/**
 * Milliseconds since 1970 of an ISO 8601 instant with its offset. What is finer than a millisecond is cut off.
 * @throws {TimeError} `InstantInvalid`
 */
export function parseInstant(text: string): number {
  const match = INSTANT.exec(text);
  if (match === null)
    throw new TimeError('InstantInvalid', `${JSON.stringify(text)} is no ISO 8601 instant with its offset`);
  const [, yearText, monthText, dayText, hourText, minuteText, secondText = '0', fraction = '', offset = 'Z'] = match;
  const year = Number(yearText);
  const month = Number(monthText);
  const day = Number(dayText);
  const hour = Number(hourText);
  const minute = Number(minuteText);
  const second = Number(secondText);
  const exists = isDate(year, month, day) && hour <= 23 && minute <= 59 && second <= 59;
  if (!exists)
    throw new TimeError(
      'InstantInvalid',
      `${JSON.stringify(text)} is no moment of the years ${YEAR_MIN} to ${YEAR_MAX}`,
    );
  const milliseconds = fraction === '' ? 0 : Number(fraction.slice(0, 3).padEnd(3, '0'));
  const local = dayNumberOf(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + milliseconds;
  if (offset === 'Z') return local;
  const offsetMinutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4, 6));
  return local - (offset.startsWith('-') ? -offsetMinutes : offsetMinutes) * 60_000;
}

/** The one form in which the engine writes instants, so that order of texts is order of time: `2026-03-05T10:00:00.000Z`. */
export function formatInstant(epochMs: number): string {
  const dayNumber = floor(epochMs / DAY_MS);
  const inDay = epochMs - dayNumber * DAY_MS;
  const hour = floor(inDay / 3_600_000);
  const minute = floor(inDay / 60_000) % 60;
  const second = floor(inDay / 1000) % 60;
  const millisecond = String(inDay % 1000).padStart(3, '0');
  return `${formatDay(civilDateOf(dayNumber))}T${two(hour)}:${two(minute)}:${two(second)}.${millisecond}Z`;
}

/** The day so many months later, or the last of that month where it is shorter. */
export function addMonths(day: string, months: number): string {
  const from = civilDateOf(dayNumberFrom(day));
  const index = from.year * 12 + from.month - 1 + months;
  const year = floor(index / 12);
  const month = index - year * 12 + 1;
  return formatDay({ year, month, day: Math.min(from.day, daysInMonth(year, month)) });
}

/** Whole months from one day to a later one: the greatest number that `addMonths` does not pass it with. */
export function monthsBetween(from: string, until: string): number {
  const [start, end] = [civilDateOf(dayNumberFrom(from)), civilDateOf(dayNumberFrom(until))];
  const months = (end.year - start.year) * 12 + end.month - start.month;
  return addMonths(from, months) > until ? months - 1 : months;
}
