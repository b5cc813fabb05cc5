/** One year of a calendar as a table, computed from its days. `periods.ts` stores the tables. */
import { dateNumber, dayOfNumber } from '../day.js';
import type { Calendar, Over } from './document.js';
import { onOrAfter, weekAnchor, weekLength } from './weeks.js';

/** A year as its smallest pieces: months, or the periods where those are made of weeks. */
export interface CalendarYear {
  readonly year: number;
  /** First day of each piece and of the next year's first piece, as days since 1970-01-01. */
  readonly startDays: readonly number[];
  /** The same as epoch milliseconds. */
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
    quarter: months.map((month) => `${title}-Q${Math.floor(month / 3) + 1}`),
    'half-year': months.map((month) => `${title}-H${Math.floor(month / 6) + 1}`),
    year: months.map(() => title),
  };
  const startsMs = Float64Array.from(startDays, (day) => midnightMs(calendar.timeZone, day));
  const [startMs = 0, endMs = 0] = [startsMs[0], startsMs.at(-1)];
  return { year, startDays, startsMs, startMs, endMs, names };
}

/** First days of the twelve months of a year, and of the next year. */
function monthStartsOf(calendar: Calendar, year: number): readonly number[] {
  const { fiscal } = calendar;
  const [month = 1, day = 1] = fiscal?.yearStarts.split('-').map(Number) ?? [];
  if (fiscal?.weeks === undefined) {
    const first = Temporal.PlainDate.from({ year, month, day });
    return Array.from({ length: 13 }, (_, months) => dateNumber(first.add({ months })));
  }
  const anchor = weekAnchor(calendar);
  // The first week that begins from three days before to three days after the day.
  const yearStart = (of: number): number =>
    onOrAfter(dateNumber(Temporal.PlainDate.from({ year: of, month, day })) - 3, anchor, 7);
  const weeks = fiscal.weeks.split('-').map(Number);
  const monthStarts = [yearStart(year)];
  for (let index = 0; index < 11; index++) monthStarts.push((monthStarts[index] ?? 0) + (weeks[index % 3] ?? 0) * 7);
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
  const middle = Math.floor(length / 2);
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

/** Names of periods sort in order of time. */
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
      return `${title}-Q${Math.floor(month / 3) + 1}`;
    case 'semi-annual':
      return `${title}-H${Math.floor(month / 6) + 1}`;
    case 'annual':
      return title;
    default:
      return periods satisfies never;
  }
}

function midnightMs(timeZone: string, dayNumber: number): number {
  return Temporal.PlainDate.from(dayOfNumber(dayNumber)).toZonedDateTime(timeZone).epochMilliseconds;
}
