/** What is wrong with a calendar, in words. */
import { DAY_DESCRIPTION, isDay } from '../day.js';
import { FISCAL_WEEKS, PERIODS } from './document.js';
import type { Calendar, FiscalYear, Over } from './document.js';
import { weekLength } from './weeks.js';

/** What is wrong with a calendar that fits the schema, except for its time zone: `isTimeZone` checks that. */
export function calendarFault({ periods, starts, fiscal }: Calendar): string | undefined {
  if (!PERIODS.includes(periods)) return `periods must be one of ${PERIODS.join(', ')}`;
  const fault = fiscal === undefined ? undefined : fiscalFault(fiscal);
  if (fault !== undefined || starts === undefined) return fault;
  if (!isDay(starts)) return `starts must be ${DAY_DESCRIPTION}`;
  return weekLength(periods) === 0 && fiscal?.weeks === undefined
    ? 'starts is the day on which weeks begin; leave it out of a calendar that has only months'
    : undefined;
}

function fiscalFault({ yearStarts, weeks }: FiscalYear): string | undefined {
  // 2026 is not a leap year, so 02-29 is refused.
  if (!isDay(`2026-${yearStarts}`)) return 'fiscal.yearStarts must be a month and day of every year, such as 02-01';
  if (weeks === undefined && Number(yearStarts.slice(3)) > 28)
    return 'fiscal.yearStarts must not be later than the 28th, so that every month has that day';
  return weeks === undefined || FISCAL_WEEKS.includes(weeks)
    ? undefined
    : `fiscal.weeks must be one of ${FISCAL_WEEKS.join(', ')}`;
}

const MONTHS: Readonly<Record<Calendar['periods'] | Exclude<Over, 'period'>, number>> = {
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
  return over !== 'period' && MONTHS[over] < MONTHS[periods]
    ? `a ${over} is shorter than a period of a calendar that is ${periods}`
    : undefined;
}
