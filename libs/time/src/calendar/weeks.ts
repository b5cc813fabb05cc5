/** Weeks and fortnights of a calendar, as day numbers (days since 1970-01-01). */
import { dayNumberOf } from '../day.js';
import type { Calendar, FiscalYear } from './document.js';

/** Days of a period that is made of weeks, 0 for one that is made of months. */
export function weekLength(periods: Calendar['periods']): 0 | 7 | 14 {
  if (periods === 'weekly') return 7;
  return periods === 'biweekly' ? 14 : 0;
}

/** A day on which a week or fortnight begins. */
export function weekAnchor({ starts, fiscal }: Calendar): number {
  return starts === undefined ? defaultWeekAnchor(fiscal) : dayNumberOf(starts);
}

export function defaultWeekAnchor(fiscal: FiscalYear | undefined): number {
  return dayNumberOf(fiscal?.weeks === undefined ? '2026-01-05' : '2026-01-04');
}

/** The first day, from `day` on, that is a multiple of `step` days away from `anchor`. */
export function onOrAfter(day: number, anchor: number, step: number): number {
  return day + ((((anchor - day) % step) + step) % step);
}
