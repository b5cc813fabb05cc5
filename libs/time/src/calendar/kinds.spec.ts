import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { addDays, daysBetween } from '../day.js';
import { formatInstant, parseInstant } from '../instant.js';
import { CALENDAR_SCHEMA, FISCAL_WEEKS, OVERS, PERIODS } from './document.js';
import type { Calendar, Over } from './document.js';
import { calendarFault, overFault } from './fault.js';
import { calendarKey, calendarOf } from './key.js';
import {
  comparePeriods,
  firstPeriodOfWindow,
  isPeriod,
  lastPeriodOfWindow,
  nextPeriod,
  periodAt,
  periodBounds,
  periodOf,
  previousPeriod,
  sameWindowLastYear,
  windowAt,
  windowEndDay,
  windowOfPeriod,
  windowStartDay,
} from './periods.js';

const HOUR_MS = 3_600_000;

/**
 * Time zones with midnights that do not exist (Sao Paulo, Cairo) or exist twice (St. Johns), and with a day left out
 * (Apia).
 */
const zones = ['UTC', 'Europe/Paris', 'America/Sao_Paulo', 'America/St_Johns', 'Africa/Cairo', 'Pacific/Apia'];

const anyDay = fc.integer({ min: 0, max: 36_000 }).map((count) => addDays('1930-01-01', count));
const anyCalendar = fc
  .record({
    periods: fc.constantFrom(...PERIODS),
    timeZone: fc.constantFrom(...zones),
    starts: fc.option(anyDay, { nil: undefined }),
    fiscal: fc.option(
      fc.record({
        yearStarts: anyDay.map((day) => day.slice(5)),
        weeks: fc.option(fc.constantFrom(...FISCAL_WEEKS), { nil: undefined }),
      }),
      { nil: undefined },
    ),
  })
  .map(({ periods, timeZone, starts, fiscal }): Calendar => {
    const { yearStarts, weeks } = fiscal ?? {};
    return {
      periods,
      timeZone,
      ...(starts !== undefined && { starts }),
      ...(yearStarts !== undefined && { fiscal: { yearStarts, ...(weeks !== undefined && { weeks }) } }),
    };
  })
  .filter((calendar) => calendarFault(calendar) === undefined);
const anyMs = fc.integer({ min: Date.UTC(1950, 0, 1), max: Date.UTC(2060, 0, 1) });
const anyOver = fc.constantFrom<Over>(...OVERS);

const weekly: Calendar = { periods: 'weekly', timeZone: 'Europe/Paris' };
const biweekly: Calendar = { periods: 'biweekly', timeZone: 'America/New_York' };
const retail: Calendar = {
  periods: 'monthly',
  timeZone: 'America/New_York',
  fiscal: { yearStarts: '02-01', weeks: '4-5-4' },
};

function periodsFrom(calendar: Calendar, first: string, count: number): readonly string[] {
  const ids = [first];
  while (ids.length < count) ids.push(nextPeriod(calendar, ids.at(-1) ?? ''));
  return ids;
}

function daysOf(calendar: Calendar, id: string): number {
  return daysBetween(windowStartDay(calendar, id), windowEndDay(calendar, id));
}

function hoursOf(calendar: Calendar, id: string): number {
  const { from, until } = periodBounds(calendar, id);
  return (parseInstant(until) - parseInstant(from)) / HOUR_MS;
}

describe('any calendar', () => {
  it('puts every instant into one period, between its bounds', () => {
    fc.assert(
      fc.property(anyCalendar, anyOver, anyMs, (calendar, over, epochMs) => {
        const id = windowAt(calendar, over, epochMs);
        const { from, until } = periodBounds(calendar, id);
        expect(parseInstant(from) <= epochMs && epochMs < parseInstant(until)).toBe(true);
        for (const edgeMs of [parseInstant(from), parseInstant(until) - 1])
          expect(windowAt(calendar, over, edgeMs)).toBe(id);
      }),
      { numRuns: 2000 },
    );
  });

  it('has periods without gaps, whose names sort in order of time', () => {
    fc.assert(
      fc.property(anyCalendar, anyOver, anyMs, (calendar, over, epochMs) => {
        let id = windowAt(calendar, over, epochMs);
        for (let count = 0; count < 30; count++) {
          const next = nextPeriod(calendar, id);
          expect(comparePeriods(id, next)).toBe(-1);
          expect(previousPeriod(calendar, next)).toBe(id);
          expect(periodBounds(calendar, next).from).toBe(periodBounds(calendar, id).until);
          expect(windowStartDay(calendar, next)).toBe(windowEndDay(calendar, id));
          id = next;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('starts a period at the first moment of its first day', () => {
    fc.assert(
      fc.property(anyCalendar, anyMs, (calendar, epochMs) => {
        const id = periodAt(calendar, epochMs);
        const midnight = Temporal.PlainDate.from(windowStartDay(calendar, id)).toZonedDateTime(calendar.timeZone);
        expect(parseInstant(periodBounds(calendar, id).from)).toBe(midnight.epochMilliseconds);
      }),
      { numRuns: 1000 },
    );
  });

  it('has windows of whole periods, or refuses to name the window of a period', () => {
    fc.assert(
      fc.property(anyCalendar, anyOver, anyMs, (calendar, over, epochMs) => {
        const period = periodAt(calendar, epochMs);
        const window = windowAt(calendar, over, epochMs);
        if (overFault(calendar, over) !== undefined) {
          expect(() => windowOfPeriod(calendar, over, period)).toThrow(
            expect.objectContaining({ code: 'WindowTooShort' }),
          );
          expect(lastPeriodOfWindow(calendar, window)).toBe(period);
          return;
        }
        expect(windowOfPeriod(calendar, over, period)).toBe(window);
        const [first, last] = [firstPeriodOfWindow(calendar, window), lastPeriodOfWindow(calendar, window)];
        expect(periodBounds(calendar, window)).toEqual({
          from: periodBounds(calendar, first).from,
          until: periodBounds(calendar, last).until,
        });
        expect(first <= period && period <= last).toBe(true);
        expect([isPeriod(calendar, first), isPeriod(calendar, last)]).toEqual([true, true]);
      }),
      { numRuns: 2000 },
    );
  });

  it('has quarters and years of about the usual length', () => {
    fc.assert(
      fc.property(anyCalendar, anyMs, (calendar, epochMs) => {
        const days = (over: Over): number => daysOf(calendar, windowAt(calendar, over, epochMs));
        const slack = calendar.periods === 'biweekly' ? 13 : 7;
        expect(Math.abs(days('quarter') - 91.3)).toBeLessThanOrEqual(slack + 1.5);
        expect(Math.abs(days('year') - 365.2)).toBeLessThanOrEqual(slack + 1.5);
      }),
      { numRuns: 1000 },
    );
  });

  it('has a key that can be read back, one for all calendars with the same periods', () => {
    fc.assert(
      fc.property(anyCalendar, anyMs, fc.integer({ min: -20, max: 20 }), (calendar, epochMs, weeks) => {
        const key = calendarKey(calendar);
        expect(key).toMatch(/^[a-z][\w.-]*@[\w/+-]+$/);
        const read = calendarOf(key);
        expect(calendarKey(read)).toBe(key);
        expect(periodAt(read, epochMs)).toBe(periodAt(calendar, epochMs));
        if (calendar.starts === undefined) expect(read).toEqual(calendar);
        else {
          const moved = { ...calendar, starts: addDays(calendar.starts, weeks * 14) };
          expect(calendarKey(moved)).toBe(key);
          expect(periodAt(moved, epochMs)).toBe(periodAt(calendar, epochMs));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('matches the schema', () => {
    const fits = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(CALENDAR_SCHEMA);
    fc.assert(fc.property(anyCalendar, (calendar) => expect(fits(calendar)).toBe(true)));
    for (const wrong of [
      { periods: 'daily', timeZone: 'UTC' },
      { periods: 'monthly' },
      { periods: 'weekly', timeZone: 'UTC', starts: 'monday' },
      { periods: 'monthly', timeZone: 'UTC', fiscal: {} },
      { periods: 'monthly', timeZone: 'UTC', fiscal: { yearStarts: '2-1' } },
      { periods: 'monthly', timeZone: 'UTC', fiscal: { yearStarts: '02-01', weeks: '5-5-5' } },
    ])
      expect(fits(wrong)).toBe(false);
  });
});

describe('a calendar', () => {
  it('has a key with everything that makes its periods', () => {
    const key = (more: Partial<Calendar>): string =>
      calendarKey({ periods: 'monthly', timeZone: 'Europe/Paris', ...more });
    expect([
      key({}),
      key({ periods: 'semi-annual' }),
      key({ periods: 'weekly', starts: '2026-01-05' }),
      key({ periods: 'weekly', starts: '2024-05-05' }),
      key({ periods: 'biweekly', starts: '2025-12-29' }),
      key({ fiscal: { yearStarts: '04-06' } }),
      key({ fiscal: { yearStarts: '02-01', weeks: '4-4-5' } }),
      key({ fiscal: { yearStarts: '02-01', weeks: '4-4-5' }, starts: '2026-02-02' }),
    ]).toEqual([
      'monthly@Europe/Paris',
      'semi-annual@Europe/Paris',
      'weekly@Europe/Paris',
      'weekly.2026-01-11@Europe/Paris',
      'biweekly.2026-01-12@Europe/Paris',
      'monthly.FY04-06@Europe/Paris',
      'monthly.FY02-01.4-4-5@Europe/Paris',
      'monthly.FY02-01.4-4-5.2026-01-05@Europe/Paris',
    ]);
  });

  it('is not read from another key for the same periods, or from a key without meaning', () => {
    for (const name of [
      'weekly.2026-01-05',
      'weekly.2024-05-05',
      'monthly.2026-01-11',
      'monthly.FY02-30',
      'monthly.FY02-01.5-5-5',
      'monthly.FY01-31',
      'monthly.FY',
      'monthly.',
    ])
      expect(() => calendarOf(`${name}@UTC`)).toThrow(expect.objectContaining({ code: 'PeriodInvalid' }));
  });

  it('reports what is wrong with it', () => {
    const monthly: Calendar = { periods: 'monthly', timeZone: 'UTC' };
    expect(calendarFault(monthly)).toBeUndefined();
    expect(calendarFault(retail)).toBeUndefined();
    expect(calendarFault({ ...retail, starts: '2026-02-02' })).toBeUndefined();
    expect(calendarFault({ ...monthly, starts: '2026-01-05' })).toMatch(/starts is the day on which weeks begin/);
    expect(calendarFault({ ...weekly, starts: '2026-02-29' })).toMatch(/starts must be a calendar date/);
    for (const yearStarts of ['13-01', '02-29', '00-10', '04-31'])
      expect(calendarFault({ ...monthly, fiscal: { yearStarts, weeks: '4-4-5' } })).toMatch(
        /month and day of every year/,
      );
    expect(calendarFault({ ...monthly, fiscal: { yearStarts: '01-29' } })).toMatch(/not be later than the 28th/);
    expect(() => periodOf({ ...weekly, starts: 'monday' }, '2026-01-01T00:00:00Z')).toThrow(
      expect.objectContaining({ code: 'CalendarInvalid' }),
    );
  });
});

describe('weeks', () => {
  it('are those of ISO 8601 when they begin on Mondays', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), anyMs, (timeZone, epochMs) => {
        // At noon: a clock that is set back across midnight repeats part of the day before.
        const day = Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO(timeZone).toPlainDate();
        const noon = day.toZonedDateTime({ timeZone, plainTime: '12:00' });
        const { yearOfWeek, weekOfYear } = noon;
        expect(periodAt({ periods: 'weekly', timeZone }, noon.epochMilliseconds)).toBe(
          `${yearOfWeek}-W${String(weekOfYear).padStart(2, '0')}`,
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('belong to the year and quarter of their fourth day; some years have 53', () => {
    expect(periodOf(weekly, '2026-12-31T12:00:00Z')).toBe('2026-W53');
    expect(periodOf(weekly, '2027-01-03T22:59:59Z')).toBe('2026-W53');
    expect(periodOf(weekly, '2027-01-03T23:00:00Z')).toBe('2027-W01');
    expect(periodOf(weekly, '2025-12-30T12:00:00Z')).toBe('2026-W01');
    expect([
      nextPeriod(weekly, '2026-W53'),
      nextPeriod(weekly, '2025-W52'),
      previousPeriod(weekly, '2027-W01'),
    ]).toEqual(['2027-W01', '2026-W01', '2026-W53']);
    expect([isPeriod(weekly, '2026-W53'), isPeriod(weekly, '2025-W53'), isPeriod(weekly, '2026-W00')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(['2026-Q1', '2026-Q2', '2026-Q3', '2026-Q4'].map((id) => lastPeriodOfWindow(weekly, id))).toEqual([
      '2026-W13',
      '2026-W26',
      '2026-W39',
      '2026-W53',
    ]);
    expect([windowStartDay(weekly, '2026'), windowEndDay(weekly, '2026')]).toEqual(['2025-12-29', '2027-01-04']);
    expect(windowOfPeriod(weekly, 'half-year', '2026-W27')).toBe('2026-H2');
    expect([sameWindowLastYear(weekly, '2026-W53'), sameWindowLastYear(weekly, '2026-W07')]).toEqual([
      '2025-W52',
      '2025-W07',
    ]);
  });

  it('may begin on another day', () => {
    const fromSunday = { ...weekly, starts: '2026-02-01' };
    expect([windowStartDay(fromSunday, '2026-W01'), windowStartDay(fromSunday, '2026-W02')]).toEqual([
      '2026-01-04',
      '2026-01-11',
    ]);
  });

  it('are an hour shorter and longer when the clock changes', () => {
    expect(['2026-W12', '2026-W13', '2026-W43'].map((id) => hoursOf(weekly, id))).toEqual([168, 167, 169]);
  });
});

describe('fortnights', () => {
  it('start on a Monday and belong to the year of their eighth day', () => {
    expect(windowStartDay(biweekly, '2026-B01')).toBe('2026-01-05');
    expect(periodOf(biweekly, '2026-01-05T04:59:59Z')).toBe('2025-B26');
    expect(periodOf(biweekly, '2026-01-05T05:00:00Z')).toBe('2026-B01');
    expect(firstPeriodOfWindow(biweekly, '2026-Q2')).toBe('2026-B07');
    const moved = { ...biweekly, starts: '2026-01-12' };
    expect(windowStartDay(moved, '2026-B01')).toBe('2025-12-29');
    expect(hoursOf(biweekly, periodOf(biweekly, '2026-03-08T12:00:00Z'))).toBe(14 * 24 - 1);
  });

  it('are 26 or 27 a year', () => {
    const counts = new Set<string>();
    for (let year = 1990; year < 2060; year++) counts.add(lastPeriodOfWindow(biweekly, String(year)).slice(5));
    expect([...counts].sort()).toEqual(['B26', 'B27']);
    expect(sameWindowLastYear(biweekly, '2026-B07')).toBe('2025-B07');
  });
});

describe('months and longer', () => {
  it('have the days of the calendar, also in leap years', () => {
    const monthly: Calendar = { periods: 'monthly', timeZone: 'Europe/Paris' };
    expect(['2024-02', '2023-02', '2000-02', '1900-02'].map((id) => daysOf(monthly, id))).toEqual([29, 28, 29, 28]);
    expect(['2024', '2026', '2024-H1', '2024-Q1'].map((id) => daysOf(monthly, id))).toEqual([366, 365, 182, 91]);
    expect([hoursOf(monthly, '2026-03'), hoursOf(monthly, '2026-10')]).toEqual([31 * 24 - 1, 31 * 24 + 1]);
  });

  it('may be half-years and years', () => {
    const half: Calendar = { periods: 'semi-annual', timeZone: 'Europe/Paris' };
    const annual: Calendar = { ...half, periods: 'annual' };
    expect(periodOf(half, '2026-06-30T21:59:59Z')).toBe('2026-H1');
    expect(periodOf(half, '2026-06-30T22:00:00Z')).toBe('2026-H2');
    expect([periodOf(annual, '2025-12-31T23:00:00Z'), nextPeriod(annual, '2026')]).toEqual(['2026', '2027']);
    expect([windowOfPeriod(half, 'year', '2026-H1'), windowOfPeriod(annual, 'year', '2026')]).toEqual(['2026', '2026']);
  });

  it('may be longer than the window of a measurement, which then lies in one period', () => {
    const annual: Calendar = { periods: 'annual', timeZone: 'UTC' };
    expect(windowAt(annual, 'quarter', Date.UTC(2026, 4, 1))).toBe('2026-Q2');
    expect([firstPeriodOfWindow(annual, '2026-Q2'), lastPeriodOfWindow(annual, '2026-Q2')]).toEqual(['2026', '2026']);
    expect(overFault(annual, 'quarter')).toMatch(/shorter than a period/);
    expect(overFault(annual, 'year')).toBeUndefined();
  });
});

describe('a fiscal year', () => {
  it('of calendar months is named after the year in which it starts', () => {
    const fiscal: Calendar = { periods: 'monthly', timeZone: 'Europe/London', fiscal: { yearStarts: '04-06' } };
    expect(periodOf(fiscal, '2026-04-05T22:59:59Z')).toBe('FY2025-P12');
    expect(periodOf(fiscal, '2026-04-05T23:00:00Z')).toBe('FY2026-P01');
    expect([windowStartDay(fiscal, 'FY2026-P10'), windowEndDay(fiscal, 'FY2026')]).toEqual([
      '2027-01-06',
      '2027-04-06',
    ]);
    expect(windowOfPeriod(fiscal, 'quarter', 'FY2026-P10')).toBe('FY2026-Q4');
    expect(periodOf({ ...fiscal, periods: 'quarterly' }, '2026-08-01T00:00:00Z')).toBe('FY2026-Q2');
    expect(periodOf({ ...fiscal, periods: 'semi-annual' }, '2026-11-01T00:00:00Z')).toBe('FY2026-H2');
    expect(periodOf({ ...fiscal, periods: 'annual' }, '2027-01-01T00:00:00Z')).toBe('FY2026');
    expect(sameWindowLastYear(fiscal, 'FY2026-Q3')).toBe('FY2025-Q3');
  });

  it('of weeks begins on the nearest Sunday and sometimes has 53 weeks: the 4-5-4 calendar of the NRF', () => {
    // https://nrf.com/resources/4-5-4-calendar: 2017 and 2023 have 53 weeks.
    const starts = [2016, 2017, 2018, 2022, 2023, 2024, 2025].map((year) => windowStartDay(retail, `FY${year}`));
    expect(starts).toEqual([
      '2016-01-31',
      '2017-01-29',
      '2018-02-04',
      '2022-01-30',
      '2023-01-29',
      '2024-02-04',
      '2025-02-02',
    ]);
    const weeksOf = (year: number): readonly number[] =>
      periodsFrom(retail, `FY${year}-P01`, 12).map((id) => daysOf(retail, id) / 7);
    expect(weeksOf(2022)).toEqual([4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 4]);
    expect(weeksOf(2023)).toEqual([4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 5]);
    expect(windowEndDay(retail, 'FY2023-P12')).toBe('2024-02-04');
    expect(nextPeriod(retail, 'FY2023-P12')).toBe('FY2024-P01');
  });

  it('may have weeks as periods', () => {
    const weeks: Calendar = { ...retail, periods: 'weekly' };
    expect(windowStartDay(weeks, 'FY2023-W01')).toBe('2023-01-29');
    expect(lastPeriodOfWindow(weeks, 'FY2023')).toBe('FY2023-W53');
    expect(lastPeriodOfWindow(weeks, 'FY2022')).toBe('FY2022-W52');
    expect(firstPeriodOfWindow(weeks, 'FY2023-Q2')).toBe('FY2023-W14');
    expect(windowStartDay(weeks, 'FY2023-Q2')).toBe(windowStartDay(retail, 'FY2023-Q2'));
  });

  it('gives each month of a quarter its weeks', () => {
    for (const weeks of FISCAL_WEEKS) {
      const calendar: Calendar = { ...retail, fiscal: { yearStarts: '02-01', weeks } };
      const lengths = periodsFrom(calendar, 'FY2026-P01', 3).map((id) => daysOf(calendar, id) / 7);
      expect(lengths.join('-')).toBe(weeks);
    }
  });

  it('may begin on another day of the week', () => {
    const fromMonday: Calendar = { ...retail, starts: '2026-01-05' };
    expect(windowStartDay(fromMonday, 'FY2026')).toBe('2026-02-02');
    expect(windowStartDay({ ...retail, fiscal: { yearStarts: '01-01', weeks: '4-4-5' } }, 'FY2023')).toBe('2023-01-01');
    expect(windowStartDay({ ...retail, fiscal: { yearStarts: '01-01', weeks: '4-4-5' } }, 'FY2025')).toBe('2024-12-29');
  });

  it('may begin in the year after that of its name', () => {
    const calendar: Calendar = { ...retail, timeZone: 'UTC', fiscal: { yearStarts: '12-30', weeks: '4-4-5' } };
    expect(windowStartDay(calendar, 'FY2027')).toBe('2028-01-02');
    expect(periodOf(calendar, '2028-01-01T23:59:59Z')).toBe('FY2026-P12');
    expect(periodOf(calendar, '2028-01-02T00:00:00Z')).toBe('FY2027-P01');
  });
});

describe('days', () => {
  it('of 23 and 25 hours end where the next begins', () => {
    const daily = (day: string): number => {
      const next = Temporal.PlainDate.from(day).add({ days: 1 });
      const calendar: Calendar = { periods: 'weekly', timeZone: 'Europe/Paris', starts: next.toString() };
      const boundary = next.toZonedDateTime('Europe/Paris').epochMilliseconds;
      expect(periodAt(calendar, boundary)).toBe(nextPeriod(calendar, periodAt(calendar, boundary - 1)));
      expect(formatInstant(boundary)).toBe(periodBounds(calendar, periodAt(calendar, boundary)).from);
      return (boundary - Temporal.PlainDate.from(day).toZonedDateTime('Europe/Paris').epochMilliseconds) / HOUR_MS;
    };
    expect([daily('2026-03-29'), daily('2026-10-25'), daily('2026-06-01')]).toEqual([23, 25, 24]);
  });
});
