/** Days of UTC: the first one, and the first one after. */
export interface DaySpan {
  readonly from: string;
  readonly until: string;
}

/** A year, a quarter or a month: `2026`, `2026-Q1`, `2026-03`. */
export const PERIOD = /^([12][0-9]{3})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])))?$/;

/** @param period matches {@link PERIOD} */
export function daysOfPeriod(period: string): DaySpan {
  const [, year, quarter, month] = PERIOD.exec(period) ?? [];
  const [firstMonth, months] =
    quarter !== undefined ? [Number(quarter) * 3 - 2, 3] : month !== undefined ? [Number(month), 1] : [1, 12];
  const from = Temporal.PlainDate.from({ year: Number(year), month: firstMonth, day: 1 });
  return { from: from.toString(), until: from.add({ months }).toString() };
}
