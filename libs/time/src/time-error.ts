/** What can be wrong with a day, an instant, a time zone, a calendar or a period. */
export type TimeErrorCode =
  'CalendarInvalid' | 'DayInvalid' | 'InstantInvalid' | 'PeriodInvalid' | 'TimeZoneUnknown' | 'WindowTooShort';

/**
 * A text that is not a valid day, instant, time zone, calendar or period. `code` is stable, the message is for people.
 */
export class TimeError extends Error {
  constructor(
    readonly code: TimeErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'TimeError';
  }
}
