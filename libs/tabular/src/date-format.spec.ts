import { describe, expect, it } from '@jest/globals';
import { compileDateFormat } from './date-format.js';

const read = (format: string, text: string, timeZone = 'UTC'): string | undefined =>
  compileDateFormat(format).instant(text, timeZone);

describe('a date in a file', () => {
  it.each([
    ['yyyy-MM-dd', '2014-01-03', '2014-01-03T00:00:00.000Z'],
    ['M/d/yyyy', '11/8/2016', '2016-11-08T00:00:00.000Z'],
    ['dd.MM.yyyy', '08.11.2016', '2016-11-08T00:00:00.000Z'],
    ['yyyyMMdd', '20161108', '2016-11-08T00:00:00.000Z'],
    ['dd/MM/yyyy HH:mm:ss', '08/11/2016 14:30:59', '2016-11-08T14:30:59.000Z'],
  ])('is read by %s from %s', (format, text, instant) => {
    expect(read(format, text)).toBe(instant);
  });

  it.each([
    ['yyyy-MM-dd', '2026-02-30'],
    ['yyyy-MM-dd', '2026-13-01'],
    ['yyyy-MM-dd', '2026-1-01'],
    ['yyyy-MM-dd', '2026-01-01 '],
    ['yyyy-MM-dd', '01/01/2026'],
    ['M/d/yyyy', '2/29/2026'],
    ['M/d/yyyy', '13/1/2026'],
    ['M/d/yyyy', ''],
    ['yyyy-MM-dd HH:mm', '2026-01-01 24:00'],
  ])('is not read by %s from "%s"', (format, text) => {
    expect(read(format, text)).toBeUndefined();
  });

  it('is midnight in its time zone, in summer and in winter', () => {
    expect(read('yyyy-MM-dd', '2026-01-15', 'Europe/Paris')).toBe('2026-01-14T23:00:00.000Z');
    expect(read('yyyy-MM-dd', '2026-07-15', 'Europe/Paris')).toBe('2026-07-14T22:00:00.000Z');
  });

  it('is also read as a day, without a time zone', () => {
    expect(compileDateFormat('dd.MM.yyyy').day('08.11.2016')).toBe('2016-11-08');
    expect(compileDateFormat('dd.MM.yyyy').day('31.11.2016')).toBeUndefined();
  });

  it('starts later where there is no midnight', () => {
    // Clocks in Beirut went from 00:00 to 01:00.
    expect(read('yyyy-MM-dd', '2022-03-27', 'Asia/Beirut')).toBe('2022-03-26T22:00:00.000Z');
  });
});

describe('a pattern', () => {
  it.each(['dd.MM', 'yyyy-MM-dd yyyy', 'YYYY-MM-DD', 'yy-MM-dd', 'yyyy-MMM-dd', ''])('is refused: "%s"', (format) => {
    expect(compileDateFormat(format).fault).toBeDefined();
  });
});
