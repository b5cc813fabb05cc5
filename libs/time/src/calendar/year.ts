/** One year of a calendar as a table, computed from its days; see `calendar.ts`, which keeps the tables. */
import type { Calendar, FiscalYear, Over } from './document.js';
import { civilDateOf, dayNumberFrom, dayNumberOf, floor } from '../instant.js';

/** A year as its smallest pieces: months, or where periods are made of weeks, the periods. */
export interface CalendarYear {
  readonly year: number;
  /** First day (days since 1970) of each piece, and of the next year's first. */
  readonly startDays: readonly number[];
  /** The same in epoch milliseconds. */
  readonly startsMs: Float64Array;
  readonly startMs: number;
  /** Start of the next year. */
  readonly endMs: number;
  /** By piece, the period or window that it lies in. */
  readonly names: Readonly<Record<Over, readonly string[]>>;
}

export function calendarYear(calendar: Calendar, year: number): CalendarYear {
  const monthStarts = monthStartsOf(calendar, year);
  const { startDays, months } = piecesOf(calendar, monthStarts);
  const title = `${calendar.fiscal === undefined ? '' : 'FY'}${year}`;
  const names = {
    period: months.map((month, piece) => periodName(calendar, title, month, piece)),
    quarter: months.map((month) => `${title}-Q${floor(month / 3) + 1}`),
    'half-year': months.map((month) => `${title}-H${floor(month / 6) + 1}`),
    year: months.map(() => title),
  };
  const startsMs = Float64Array.from(startDays, (day) => midnightMs(calendar.timeZone, day));
  const [startMs = 0, endMs = 0] = [startsMs[0], startsMs.at(-1)];
  return { year, startDays, startsMs, startMs, endMs, names };
}

/** First days of the twelve months of a year, and of the next year. */
function monthStartsOf(calendar: Calendar, year: number): readonly number[] {
  const { fiscal } = calendar;
  const [firstMonth, day] = fiscal === undefined ? [1, 1] : monthAndDayOf(fiscal.yearStarts);
  if (fiscal?.weeks === undefined)
    return Array.from({ length: 13 }, (_, index) => {
      const month = firstMonth - 1 + index;
      return dayNumberOf(year + floor(month / 12), (month % 12) + 1, day);
    });
  const anchor = weekAnchor(calendar);
  // The day from three days before to three days after on which a week begins.
  const yearStart = (of: number): number => onOrAfter(dayNumberOf(of, firstMonth, day) - 3, anchor, 7);
  const weeks = fiscal.weeks.split('-').map(Number);
  const monthStarts = [yearStart(year)];
  for (let month = 0; month < 11; month++) monthStarts.push((monthStarts[month] ?? 0) + (weeks[month % 3] ?? 0) * 7);
  return [...monthStarts, yearStart(year + 1)];
}

/** First days of the pieces and of the next year, and the month (from 0) that each piece counts in. */
function piecesOf(
  calendar: Calendar,
  monthStarts: readonly number[],
): { readonly startDays: readonly number[]; readonly months: readonly number[] } {
  const length = weekLength(calendar.periods);
  if (length === 0) return { startDays: monthStarts, months: monthStarts.slice(0, 12).map((_, month) => month) };
  const anchor = weekAnchor(calendar);
  const middle = floor(length / 2);
  const [yearStart = 0, yearEnd = 0] = [monthStarts[0], monthStarts[12]];
  const startDays: number[] = [];
  const months: number[] = [];
  let start = onOrAfter(yearStart - middle, anchor, length);
  for (; start + middle < yearEnd; start += length) {
    const middleDay = start + middle;
    startDays.push(start);
    months.push(monthStarts.findLastIndex((monthStart) => monthStart <= middleDay));
  }
  return { startDays: [...startDays, start], months };
}

/** Names sort in order of time. */
function periodName({ periods, fiscal }: Calendar, title: string, month: number, piece: number): string {
  const number = String(piece + 1).padStart(2, '0');
  switch (periods) {
    case 'weekly':
      return `${title}-W${number}`;
    case 'biweekly':
      return `${title}-B${number}`;
    case 'monthly':
      return fiscal === undefined ? `${title}-${number}` : `${title}-P${number}`;
    case 'quarterly':
      return `${title}-Q${floor(month / 3) + 1}`;
    case 'semi-annual':
      return `${title}-H${floor(month / 6) + 1}`;
    case 'annual':
      return title;
    default:
      return periods satisfies never;
  }
}

function midnightMs(timeZone: string, day: number): number {
  return Temporal.PlainDate.from(civilDateOf(day)).toZonedDateTime(timeZone).epochMilliseconds;
}

export function monthAndDayOf(yearStarts: string): readonly [month: number, day: number] {
  return [Number(yearStarts.slice(0, 2)), Number(yearStarts.slice(3))];
}

/** Days of a period that is made of weeks, else 0. */
export function weekLength(periods: Calendar['periods']): 0 | 7 | 14 {
  if (periods === 'weekly') return 7;
  return periods === 'biweekly' ? 14 : 0;
}

/** A day (since 1970) on which a week or fortnight begins. */
export function weekAnchor({ starts, fiscal }: Calendar): number {
  return starts === undefined ? defaultStart(fiscal) : dayNumberFrom(starts);
}

export function defaultStart(fiscal: FiscalYear | undefined): number {
  return fiscal?.weeks === undefined ? dayNumberOf(2026, 1, 5) : dayNumberOf(2026, 1, 4);
}

/** The first day from `day` on that lies a multiple of `step` days from `anchor`. */
export function onOrAfter(day: number, anchor: number, step: number): number {
  return day + ((((anchor - day) % step) + step) % step);
}
