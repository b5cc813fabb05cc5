/** Instants as people read them: day and minute in the time zone of their calendar. */

/** `2026-03-31 23:59` in the zone; `undefined` stays empty. */
export function localTime(instant: string | undefined, timeZone: string): string {
  if (instant === undefined) return '';
  const local = Temporal.Instant.from(instant).toZonedDateTimeISO(timeZone);
  return `${local.toPlainDate().toString()} ${local.toPlainTime().toString({ smallestUnit: 'minute' })}`;
}

/** Time zone of a calendar key: `Europe/Paris` of `monthly@Europe/Paris`. */
export function timeZoneOf(calendar: string): string {
  return calendar.slice(calendar.indexOf('@') + 1);
}
