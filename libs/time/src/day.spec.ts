import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addDays, addMonths, dayNumberOf, dayOfNumber, daysBetween, isDay, monthsBetween } from './day.js';

const anyDay = fc.integer({ min: 0, max: 36_000 }).map((count) => addDays('1930-01-01', count));

describe('days', () => {
  it('are counted without clocks', () => {
    expect([daysBetween('2026-03-01', '2026-04-01'), daysBetween('2024-02-01', '2024-03-01')]).toEqual([31, 29]);
    expect([addDays('2024-02-28', 1), addDays('2026-03-01', -1), addDays('2026-12-31', 366)]).toEqual([
      '2024-02-29',
      '2026-02-28',
      '2028-01-01',
    ]);
    fc.assert(
      fc.property(anyDay, fc.integer({ min: -10_000, max: 10_000 }), (day, count) => {
        expect(addDays(day, count)).toBe(Temporal.PlainDate.from(day).add({ days: count }).toString());
        expect(daysBetween(day, addDays(day, count))).toBe(count);
      }),
    );
    for (const day of ['2026-02-29', '2026-2-1', '', '0000-01-01'])
      expect(() => addDays(day, 1)).toThrow(expect.objectContaining({ code: 'DayInvalid' }));
  });

  it('are numbered as Temporal counts them', () => {
    fc.assert(
      fc.property(fc.integer({ min: dayNumberOf('1900-01-01'), max: dayNumberOf('2999-12-31') }), (dayNumber) => {
        expect(dayNumberOf(dayOfNumber(dayNumber))).toBe(dayNumber);
        expect(dayOfNumber(dayNumber)).toBe(Temporal.PlainDate.from('1970-01-01').add({ days: dayNumber }).toString());
      }),
    );
  });

  it.each([
    '2026-02-29',
    '2026-13-01',
    '2026-2-1',
    '2026-03-01T00:00:00Z',
    '1899-12-31',
    '3000-01-01',
    ' 2026-03-01',
    '',
  ])('do not include %j', (text) => {
    expect(isDay(text)).toBe(false);
  });

  it('include the leap day', () => {
    expect([isDay('2024-02-29'), isDay('1900-02-29'), isDay('2000-02-29')]).toEqual([true, false, true]);
  });
});

describe('months', () => {
  it('end on the last day of a shorter month', () => {
    expect([addMonths('2026-01-31', 1), addMonths('2024-01-31', 1), addMonths('2026-03-31', -1)]).toEqual([
      '2026-02-28',
      '2024-02-29',
      '2026-02-28',
    ]);
  });

  it('between two days are as many as can be added without passing the second', () => {
    expect([monthsBetween('2026-01-31', '2026-02-28'), monthsBetween('2026-01-31', '2026-02-27')]).toEqual([1, 0]);
    fc.assert(
      fc.property(anyDay, fc.integer({ min: 0, max: 10_000 }), (from, count) => {
        const until = addDays(from, count);
        const months = monthsBetween(from, until);
        expect(addMonths(from, months) <= until).toBe(true);
        expect(addMonths(from, months + 1) > until).toBe(true);
      }),
    );
  });
});
