/**
 * Instants: ISO 8601 text with an offset outside, milliseconds since 1970 inside. They are read strictly: `new
 * Date('2026-02-30')` is 2 March, and here it is refused.
 *
 * `formatInstant` does the time of day by plain arithmetic: instants are written by the million, and it takes 0.15 µs
 * where Temporal takes 2.5 µs. A property test holds it equal to Temporal.
 */
import { DAY_MS, dayNumberOf, dayOfNumber } from './day.js';
import { YEAR_MAX, YEAR_MIN } from './limits.js';
import { TimeError } from './time-error.js';

/** Stricter than Temporal: upper case, no leap second, an offset in hours and minutes. Seconds may be left out. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::[0-5]\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** For error messages: `must be ${INSTANT_DESCRIPTION}`. */
export const INSTANT_DESCRIPTION =
  'an instant with its offset, such as 2026-03-01T09:30:00Z, ' + `of the years ${YEAR_MIN} to ${YEAR_MAX}`;

const FIRST_MS = dayNumberOf(`${YEAR_MIN}-01-01`) * DAY_MS;
const END_MS = (dayNumberOf(`${YEAR_MAX}-12-31`) + 1) * DAY_MS;

/** Milliseconds since 1970. Digits beyond milliseconds are cut off. @throws {TimeError} `InstantInvalid` */
export function parseInstant(text: string): number {
  const epochMs = findInstant(text);
  if (epochMs === undefined)
    throw new TimeError('InstantInvalid', `${JSON.stringify(text)} is not ${INSTANT_DESCRIPTION}`);
  return epochMs;
}

/**
 * The instant in its normal form (see `formatInstant`), undefined for a text that is not an instant of the years
 * allowed.
 */
export function normalInstant(text: string): string | undefined {
  const epochMs = findInstant(text);
  return epochMs === undefined ? undefined : formatInstant(epochMs);
}

function findInstant(text: string): number | undefined {
  if (!INSTANT.test(text)) return undefined;
  try {
    const epochMs = Temporal.Instant.from(text).epochMilliseconds;
    return epochMs >= FIRST_MS && epochMs < END_MS ? epochMs : undefined;
  } catch {
    // A text of this form can only name a moment that does not exist.
    return undefined;
  }
}

/**
 * The normal form of an instant: UTC with milliseconds, `2026-03-05T10:00:00.000Z`. The order of these texts is the
 * order of time.
 */
export function formatInstant(epochMs: number): string {
  const dayNumber = Math.floor(epochMs / DAY_MS);
  const inDay = epochMs - dayNumber * DAY_MS;
  const hour = Math.floor(inDay / 3_600_000);
  const minute = Math.floor(inDay / 60_000) % 60;
  const second = Math.floor(inDay / 1000) % 60;
  const millisecond = String(inDay % 1000).padStart(3, '0');
  return `${dayOfNumber(dayNumber)}T${two(hour)}:${two(minute)}:${two(second)}.${millisecond}Z`;
}

/** The day of UTC that an instant in its normal form lies in. */
export function utcDay(normalInstant: string): string {
  return normalInstant.slice(0, 10);
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
