/** Months, quarters, half-years and years from 1 January for the reference, by counting months and days. */
import type { PayeeTerms } from '../earn/payee-terms.js';
import { fractionOf, NOTHING, plus, times, whole } from './fractions.fixture.js';
import type { Fraction } from './fractions.fixture.js';

/** A window as its first month, counted from year 0, and its number of months. */
type Months = readonly [number, number];

function monthsOf(window: string): Months {
  const [year = '', part = ''] = window.split('-');
  const first = Number(year) * 12;
  if (part === '') return [first, 12];
  if (part.startsWith('H')) return [first + (Number(part.slice(1)) - 1) * 6, 6];
  if (part.startsWith('Q')) return [first + (Number(part.slice(1)) - 1) * 3, 3];
  return [first + Number(part) - 1, 1];
}

function nameOf([first, count]: Months): string {
  const [year, month] = [Math.floor(first / 12), first % 12];
  if (count === 12) return `${year}`;
  if (count === 6) return `${year}-H${month / 6 + 1}`;
  if (count === 3) return `${year}-Q${month / 3 + 1}`;
  return `${year}-${String(month + 1).padStart(2, '0')}`;
}

export function windowBefore(window: string): string {
  const [first, count] = monthsOf(window);
  return nameOf([first - count, count]);
}

export function windowAfter(window: string): string {
  const [first, count] = monthsOf(window);
  return nameOf([first + count, count]);
}

export function sameWindowLastYear(window: string): string {
  const [first, count] = monthsOf(window);
  return nameOf([first - 12, count]);
}

/** The quarter, half-year or year that contains a period. */
export function windowContaining(over: string, period: string): string {
  const [first, own] = monthsOf(period);
  const count = { quarter: 3, 'half-year': 6, year: 12 }[over] ?? own;
  return nameOf([first - (first % count), count]);
}

/** The last period of a window, where periods are as long as the given one. */
export function lastPeriodOf(window: string, period: string): string {
  const [[first, count], [, length]] = [monthsOf(window), monthsOf(period)];
  return nameOf([first + count - length, length]);
}

export function startDayOf(window: string): string {
  const [first] = monthsOf(window);
  return `${nameOf([first, 1])}-01`;
}

export function endDayOf(window: string): string {
  const [first, count] = monthsOf(window);
  return `${nameOf([first + count, 1])}-01`;
}

/** Every day of a window. */
export function daysIn(window: string): readonly string[] {
  const days: string[] = [];
  const end = endDayOf(window);
  for (let day = new Date(`${startDayOf(window)}T00:00:00Z`); ; day = new Date(day.getTime() + 86_400_000)) {
    const text = day.toISOString().slice(0, 10);
    if (text === end) return days;
    days.push(text);
  }
}

const isOn = (day: string, { from, until }: { readonly from: string; readonly until?: string | undefined }): boolean =>
  from <= day && (until === undefined || day < until);

/** Share of a window's days on which an agreement is in force; 1 where no agreement is recorded. */
export function shareOfDays({ agreements }: PayeeTerms, window: string): Fraction {
  if (agreements.length === 0) return whole(1);
  const days = daysIn(window);
  return times(whole(days.filter((day) => agreements.some((agreement) => isOn(day, agreement))).length), [
    1n,
    BigInt(days.length),
  ]);
}

/** The quota of a window in currency units, summed day by day. Of overlapping quotas, the later counts. */
export function quotaOf({ quotas }: PayeeTerms, component: string, window: string): Fraction | undefined {
  const days = daysIn(window);
  let sum: Fraction | undefined;
  for (const day of days) {
    const inForce = quotas.filter((quota) => quota.component === component && isOn(day, quota));
    const latest = inForce.sort((left, right) => (left.from < right.from ? -1 : 1)).at(-1);
    if (latest === undefined) continue;
    sum = plus(sum ?? NOTHING, times(fractionOf(latest.amount), [1n, BigInt(days.length)]));
  }
  return sum;
}

/** The day of an instant in the plan's time zone. */
export function dayOf(at: string, timeZone: string): string {
  return Temporal.Instant.from(at).toZonedDateTimeISO(timeZone).toPlainDate().toString();
}

/** The instant a number of months earlier, on the same day of the month or the month's last day. */
export function monthsBefore(at: string, count: number): string {
  const [first] = monthsOf(at.slice(0, 7));
  const month = nameOf([first - count, 1]);
  const last = daysIn(month).at(-1) ?? '';
  const day = `${month}-${at.slice(8, 10)}`;
  return `${day > last ? last : day}${at.slice(10)}`;
}
