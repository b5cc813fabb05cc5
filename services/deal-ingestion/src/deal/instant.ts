/** Instants in the one form in which the order of texts is the order of time: `2026-03-05T10:00:00.000Z`. */

const INSTANT =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

/** A year outside is a broken date: nobody sells then. */
export const YEAR_MIN = 1900;
export const YEAR_MAX = 2999;

/**
 * The instant of an ISO 8601 text with its offset, or undefined where there is none: the 30th of February is no moment.
 * What is finer than a millisecond is cut off.
 */
export function normalInstant(text: string): string | undefined {
  if (!INSTANT.test(text)) return undefined;
  const instant = instantOf(text);
  return instant !== undefined && isInYears(instant) ? instant : undefined;
}

/** The day of UTC in which an instant in its normal form lies. */
export function dayOf(instant: string): string {
  return instant.slice(0, 10);
}

/** Whether the text is a day that there is, `2026-03-05`. */
export function isDay(text: string): boolean {
  return /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) && normalInstant(`${text}T00:00:00Z`) !== undefined;
}

/** Temporal throws for nothing but a moment that does not exist, given a text. */
function instantOf(text: string): string | undefined {
  try {
    return Temporal.Instant.from(text).toString({ fractionalSecondDigits: 3 });
  } catch {
    return undefined;
  }
}

function isInYears(instant: string): boolean {
  // Years beyond four digits have a sign, which is no number of four digits.
  const year = Number(instant.slice(0, 4));
  return year >= YEAR_MIN && year <= YEAR_MAX;
}
