import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatInstant, parseInstant } from '../instant.js';
import { dayOf, isTimeZone } from '../time-zone.js';
import type { Calendar } from './document.js';
import { calendarKey, calendarOf } from './key.js';
import {
  comparePeriods,
  firstPeriodOfWindow,
  isPeriod,
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
  it('has a key made of its periods and its time zone', () => {
    expect(calendarKey(paris)).toBe('monthly@Europe/Paris');
    expect(calendarOf('quarterly@America/New_York')).toEqual(quarters);
    for (const key of ['monthly@Nowhere', 'daily@UTC', 'monthly', '', 'monthly@+01:00', 'toString@UTC'])
      expect(() => calendarOf(key)).toThrow(expect.objectContaining({ code: 'PeriodInvalid' }));
  });

  it('needs an IANA time zone, not an offset', () => {
    expect(isTimeZone('Europe/Paris')).toBe(true);
    expect(isTimeZone('America/Argentina/Buenos_Aires')).toBe(true);
    for (const zone of ['Mars/Olympus', '', '+01:00', 'Europe/Paris ', '2026', 'Z'])
      expect(isTimeZone(zone)).toBe(false);
    expect(() => periodOf({ periods: 'monthly', timeZone: 'Mars/Olympus' }, '2026-01-01T00:00:00Z')).toThrow(
      expect.objectContaining({ code: 'TimeZoneUnknown' }),
    );
  });

  it('places an instant as Temporal does, in any time zone', () => {
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

  it('has its boundaries at midnight of the time zone, also around changes of the clock', () => {
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

  it('gives the bounds of a period as instants', () => {
    expect(periodBounds(paris, '2026-03')).toEqual({
      from: '2026-02-28T23:00:00.000Z',
      until: '2026-03-31T22:00:00.000Z',
    });
    expect(periodBounds(quarters, '2026-Q1')).toEqual({
      from: '2026-01-01T05:00:00.000Z',
      until: '2026-04-01T04:00:00.000Z',
    });
  });

  it('finds the periods before, after, first and last', () => {
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

  it('refuses texts that are not periods', () => {
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
