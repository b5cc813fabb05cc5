import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  calendarKey,
  calendarOf,
  comparePeriods,
  dayOf,
  firstPeriodOfWindow,
  isPeriod,
  isTimeZone,
  lastPeriodOfWindow,
  nextPeriod,
  periodBounds,
  periodOf,
  previousPeriod,
  sameWindowLastYear,
  windowEndDay,
  windowOf,
  windowStartDay,
} from './periods.js';
import type { Calendar } from './document.js';
import { civilDateOf, dayNumberOf, formatDay, formatInstant, parseInstant } from '../instant.js';

const paris: Calendar = { periods: 'monthly', timeZone: 'Europe/Paris' };
const quarters: Calendar = { periods: 'quarterly', timeZone: 'America/New_York' };

const zones = [
  'UTC',
  'Europe/Paris',
  'America/New_York',
  'Asia/Seoul',
  'Asia/Kolkata',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Australia/Lord_Howe',
  'Africa/Cairo',
];
const anyInstant = fc
  .integer({ min: Date.UTC(1901, 0, 5), max: Date.UTC(2200, 0, 1) })
  .map((epochMs) => Temporal.Instant.fromEpochMilliseconds(epochMs));

describe('a calendar', () => {
  it('is named by its periods and its zone', () => {
    expect(calendarKey(paris)).toBe('monthly@Europe/Paris');
    expect(calendarOf('quarterly@America/New_York')).toEqual(quarters);
    for (const key of ['monthly@Nowhere', 'daily@UTC', 'monthly', '', 'monthly@+01:00', 'toString@UTC'])
      expect(() => calendarOf(key)).toThrow(expect.objectContaining({ code: 'PeriodInvalid' }));
  });

  it('is at home in an IANA zone, not at an offset', () => {
    expect(isTimeZone('Europe/Paris')).toBe(true);
    expect(isTimeZone('America/Argentina/Buenos_Aires')).toBe(true);
    for (const zone of ['Mars/Olympus', '', '+01:00', 'Europe/Paris ', '2026', 'Z'])
      expect(isTimeZone(zone)).toBe(false);
    expect(() => periodOf({ periods: 'monthly', timeZone: 'Mars/Olympus' }, '2026-01-01T00:00:00Z')).toThrow(
      expect.objectContaining({ code: 'TimeZoneUnknown' }),
    );
  });

  it('places an instant as Temporal does, in any zone', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), anyInstant, (timeZone, instant) => {
        const local = instant.toZonedDateTimeISO(timeZone);
        const month = `${local.year}-${String(local.month).padStart(2, '0')}`;
        const quarter = `${local.year}-Q${Math.ceil(local.month / 3)}`;
        const text = instant.toString();
        expect(periodOf({ periods: 'monthly', timeZone }, text)).toBe(month);
        expect(periodOf({ periods: 'quarterly', timeZone }, text)).toBe(quarter);
        expect(windowOf({ periods: 'monthly', timeZone }, 'period', text)).toBe(month);
        expect(windowOf({ periods: 'monthly', timeZone }, 'quarter', text)).toBe(quarter);
        expect(windowOf({ periods: 'monthly', timeZone }, 'year', text)).toBe(String(local.year));
        expect(dayOf(timeZone, text)).toBe(local.toPlainDate().toString());
      }),
      { numRuns: 3000 },
    );
  });

  it('puts the boundary at midnight of the zone, also around changes of the clock', () => {
    for (const timeZone of zones)
      for (const periods of ['monthly', 'quarterly'] as const) {
        const calendar = { periods, timeZone };
        let id = periods === 'monthly' ? '2024-01' : '2024-Q1';
        for (let count = 0; count < 30; count++) {
          const { from, until } = periodBounds(calendar, id);
          const last = formatInstant(parseInstant(until) - 1);
          expect([periodOf(calendar, from), periodOf(calendar, last)]).toEqual([id, id]);
          expect(periodOf(calendar, until)).toBe(nextPeriod(calendar, id));
          expect(dayOf(timeZone, from)).toBe(windowStartDay(calendar, id));
          id = nextPeriod(calendar, id);
        }
      }
  });

  it('tells the bounds as instants', () => {
    expect(periodBounds(paris, '2026-03')).toEqual({
      from: '2026-02-28T23:00:00.000Z',
      until: '2026-03-31T22:00:00.000Z',
    });
    expect(periodBounds(quarters, '2026-Q1')).toEqual({
      from: '2026-01-01T05:00:00.000Z',
      until: '2026-04-01T04:00:00.000Z',
    });
  });

  it('knows what comes before, after, first and last', () => {
    expect(['2026-12', '2026-Q4', '2026-H2', '2026'].map((id) => nextPeriod(paris, id))).toEqual([
      '2027-01',
      '2027-Q1',
      '2027-H1',
      '2027',
    ]);
    expect(['2026-01', '2026-Q1', '2026-H1', '2026'].map((id) => previousPeriod(paris, id))).toEqual([
      '2025-12',
      '2025-Q4',
      '2025-H2',
      '2025',
    ]);
    expect([
      comparePeriods('2025-12', '2026-01'),
      comparePeriods('2026-Q2', '2026-Q1'),
      comparePeriods('2026-01', '2026-01'),
    ]).toEqual([-1, 1, 0]);
    const windows = ['2026-Q1', '2026-H2', '2026', '2026-05'];
    expect(windows.map((id) => lastPeriodOfWindow(paris, id))).toEqual(['2026-03', '2026-12', '2026-12', '2026-05']);
    expect(windows.map((id) => firstPeriodOfWindow(paris, id))).toEqual(['2026-01', '2026-07', '2026-01', '2026-05']);
    expect(windows.map((id) => windowStartDay(paris, id))).toEqual([
      '2026-01-01',
      '2026-07-01',
      '2026-01-01',
      '2026-05-01',
    ]);
    expect(windows.map((id) => windowEndDay(paris, id))).toEqual([
      '2026-04-01',
      '2027-01-01',
      '2027-01-01',
      '2026-06-01',
    ]);
    expect(windows.map((id) => sameWindowLastYear(paris, id))).toEqual(['2025-Q1', '2025-H2', '2025', '2025-05']);
    expect(['2026-Q2', '2026-H1', '2026'].map((id) => lastPeriodOfWindow(quarters, id))).toEqual([
      '2026-Q2',
      '2026-Q2',
      '2026-Q4',
    ]);
  });

  it('refuses what is no period', () => {
    const invalid = expect.objectContaining({ code: 'PeriodInvalid' });
    const texts = ['2026-13', '2026-00', '2026-Q5', '26-01', '2026-1', '', '2026-01-01', '0001-01', '9999', 'FY2026'];
    for (const id of [...texts, '2026-W01', '2026-B01', '2026-P01', '2026x', '2026-', 'NaN', '__proto__'])
      expect(() => nextPeriod(paris, id)).toThrow(invalid);
    expect(() => nextPeriod(quarters, '2026-01')).toThrow(invalid);
    expect([
      isPeriod(paris, '2026-03'),
      isPeriod(paris, '2026-Q1'),
      isPeriod(paris, '1899-12'),
      isPeriod(paris, '3000-01'),
      isPeriod(quarters, '2026-Q1'),
      isPeriod(quarters, '2026'),
      isPeriod({ ...paris, periods: 'annual' }, '2026'),
    ]).toEqual([true, false, false, false, true, false, true]);
  });
});

describe('an instant', () => {
  it('is read strictly: a day that does not exist is refused, not moved', () => {
    for (const text of [
      '2026-02-30T00:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-04-31T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '2026-01-01T00:60:00Z',
      '2026-01-01T00:00:60Z',
      '2026-01-01',
      '2026-01-01T00:00:00',
      '2026-01-01 00:00:00Z',
      '2026-01-01T00:00:00+24:00',
      '1899-12-31T00:00:00Z',
      '3000-01-01T00:00:00Z',
      '',
      'now',
    ])
      expect(() => parseInstant(text)).toThrow(expect.objectContaining({ code: 'InstantInvalid' }));
  });

  it('is written in one form, in which order of text is order of time', () => {
    expect(formatInstant(parseInstant('2026-03-01T01:02:03+01:00'))).toBe('2026-03-01T00:02:03.000Z');
    expect(formatInstant(parseInstant('2026-02-28T19:02:03.4567-05:00'))).toBe('2026-03-01T00:02:03.456Z');
    expect(formatInstant(parseInstant('2024-02-29T00:00Z'))).toBe('2024-02-29T00:00:00.000Z');
    fc.assert(
      fc.property(anyInstant, anyInstant, (left, right) => {
        const [leftText, rightText] = [formatInstant(left.epochMilliseconds), formatInstant(right.epochMilliseconds)];
        expect(parseInstant(leftText)).toBe(left.epochMilliseconds);
        expect(leftText < rightText).toBe(left.epochMilliseconds < right.epochMilliseconds);
      }),
    );
  });

  it('counts days as the calendar does', () => {
    fc.assert(
      fc.property(fc.integer({ min: -25_567, max: 376_200 }), (dayNumber) => {
        const date = civilDateOf(dayNumber);
        expect(dayNumberOf(date.year, date.month, date.day)).toBe(dayNumber);
        expect(formatDay(date)).toBe(Temporal.PlainDate.from('1970-01-01').add({ days: dayNumber }).toString());
      }),
    );
  });
});
