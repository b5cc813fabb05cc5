/** What this library holds at most, each with its reason. */

/** The first and last year of a day or instant. A year outside is a mistake in the data. */
export const YEAR_MIN = 1900;
export const YEAR_MAX = 2999;

/** Days remembered in each direction, about 100 bytes each: 54 years. */
export const DAYS_REMEMBERED_MAX = 20_000;

/** Starts of days remembered, by zone and day: a few zones over some decades. */
export const DAY_STARTS_MAX = 10_000;

/** Calendars remembered by their key. Keys come from outside, so their number is bounded. */
export const CALENDARS_MAX = 1000;
