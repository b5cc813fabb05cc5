import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  addRates,
  compareRates,
  formatRate,
  multiplyRates,
  ONE,
  parseDecimal,
  parseRate,
  subtractRates,
} from './decimal.js';
import { MoneyError } from './money-error.js';

describe('a rate in text', () => {
  it.each([
    ['4 %', 4n, 100n],
    ['4%', 4n, 100n],
    ['0.04', 4n, 100n],
    ['0.0400', 4n, 100n],
    ['2.9 %', 29n, 1000n],
    ['0.029', 29n, 1000n],
    ['100 %', 1n, 1n],
    ['50 %', 5n, 10n],
    ['1', 1n, 1n],
    ['1/3', 1n, 3n],
    ['2/6', 1n, 3n],
    ['0 %', 0n, 1n],
  ])('%s is exactly %s ÷ %s', (text, numerator, denominator) => {
    expect(parseRate(text)).toEqual({ numerator, denominator });
  });

  it.each([
    '',
    '%',
    ' %',
    '4  %',
    '4 % ',
    '4,5 %',
    '1e-2',
    '0x4',
    '-0',
    '-0 %',
    '4 %%',
    '1/0',
    '1/',
    'four',
    '0.5.5',
    '9'.repeat(40),
  ])('refuses %j', (text) => {
    expect(() => parseRate(text)).toThrow(expect.objectContaining({ code: 'RateInvalid' }));
  });

  it('is written in its shortest exact form', () => {
    expect(formatRate(parseRate('4.50 %'))).toBe('0.045');
    expect(formatRate(parseRate('-2.5'))).toBe('-2.5');
    expect(formatRate({ numerator: 3n, denominator: 8n })).toBe('0.375');
    expect(formatRate({ numerator: 2n, denominator: 6n })).toBe('1/3');
    expect(formatRate({ numerator: 0n, denominator: 7n })).toBe('0');
    expect(formatRate({ numerator: -10n, denominator: 5n })).toBe('-2');
  });

  it('is read back from its own text', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 18n }),
        fc.bigInt({ min: 1n, max: 10n ** 9n }),
        (numerator, denominator) => {
          const rate = { numerator, denominator };
          expect(compareRates(parseRate(formatRate(rate)), rate)).toBe(0);
        },
      ),
    );
  });

  it('adds up exactly, unlike doubles', () => {
    expect(addRates(parseRate('0.1'), parseRate('0.2'))).toEqual(parseRate('0.3'));
    const thirds = [1, 2, 3].map(() => parseRate('1/3'));
    expect(compareRates(thirds.reduce(addRates), ONE)).toBe(0);
    expect(formatRate(subtractRates(parseRate('1/3'), parseRate('1/2')))).toBe('-1/6');
    expect(multiplyRates(parseRate('2/3'), parseRate('3/4'))).toEqual(parseRate('1/2'));
    expect(multiplyRates(parseRate('2/3'), parseRate('0'))).toEqual(parseRate('0'));
  });
});

describe('a quantity', () => {
  it('is an exact decimal and nothing else', () => {
    expect(parseDecimal('2.50')).toEqual({ numerator: 25n, denominator: 10n });
    expect(parseDecimal('-3')).toEqual({ numerator: -3n, denominator: 1n });
    for (const text of ['4 %', '1/3', '', '1e3', '-0']) expect(() => parseDecimal(text)).toThrow(MoneyError);
    expect(() => parseDecimal('9'.repeat(39))).toThrow(expect.objectContaining({ code: 'DecimalTooLong' }));
  });
});
