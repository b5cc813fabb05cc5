/** The key of a calendar: plans with the same key share their periods and close together. */
import { dayOfNumber } from '../day.js';
import { TimeError } from '../time-error.js';
import { isTimeZone } from '../time-zone.js';
import { FISCAL_WEEKS, PERIODS } from './document.js';
import type { Calendar } from './document.js';
import { calendarFault } from './fault.js';
import { defaultWeekAnchor, onOrAfter, weekAnchor, weekLength } from './weeks.js';
import { CALENDARS_MAX } from '../limits.js';

/**
 * `monthly@Europe/Paris`, `biweekly.2026-01-12@UTC`, `monthly.FY02-01.4-4-5@America/New_York`. Many values of `starts`
 * mean the same weeks: the key has the first such day that is not before the default, and nothing for the default
 * itself.
 */
export function calendarKey(calendar: Calendar): string {
  const { periods, timeZone, fiscal } = calendar;
  const weeks = fiscal?.weeks === undefined ? '' : `.${fiscal.weeks}`;
  const year = fiscal === undefined ? '' : `.FY${fiscal.yearStarts}${weeks}`;
  const first = defaultWeekAnchor(fiscal);
  const anchor = onOrAfter(first, weekAnchor(calendar), weekLength(periods) || 7);
  return `${periods}${year}${anchor === first ? '' : `.${dayOfNumber(anchor)}`}@${timeZone}`;
}

const KEY = /^([a-z-]+)(?:\.FY(\d{2}-\d{2})(?:\.(\d-\d-\d))?)?(?:\.(\d{4}-\d{2}-\d{2}))?@(.+)$/;

const calendarsByKey = new Map<string, Calendar>();

/** The calendar of a key. @throws {TimeError} `PeriodInvalid` */
export function calendarOf(key: string): Calendar {
  let calendar = calendarsByKey.get(key);
  if (calendar === undefined) {
    calendar = parseKey(key);
    if (calendar === undefined)
      throw new TimeError('PeriodInvalid', `${JSON.stringify(key)} is not a calendar, such as monthly@Europe/Paris`);
    if (calendarsByKey.size === CALENDARS_MAX) calendarsByKey.clear();
    calendarsByKey.set(key, calendar);
  }
  return calendar;
}

function parseKey(key: string): Calendar | undefined {
  const [, name = '', yearStarts, weeksName, starts, timeZone = ''] = KEY.exec(key) ?? [];
  const periods = PERIODS.find((one) => one === name);
  const weeks = FISCAL_WEEKS.find((one) => one === weeksName);
  if (periods === undefined || !isTimeZone(timeZone)) return undefined;
  const calendar: Calendar = {
    periods,
    timeZone,
    ...(starts !== undefined && { starts }),
    ...(yearStarts !== undefined && { fiscal: { yearStarts, ...(weeks !== undefined && { weeks }) } }),
  };
  // Two keys for one calendar would keep its periods apart.
  return calendarFault(calendar) === undefined && calendarKey(calendar) === key ? calendar : undefined;
}
