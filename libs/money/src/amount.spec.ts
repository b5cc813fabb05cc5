import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatAmount, parseAmount, parseAmountRounded } from './amount.js';
import { CURRENCIES } from './currency.js';
import { MoneyError } from './money-error.js';

function refusalOf(text: string, currency = 'EUR'): MoneyError {
  try {
    parseAmount(text, currency);
  } catch (error) {
    if (error instanceof MoneyError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

describe('an amount in text', () => {
  it.each([
    ['1100.00', 'EUR', 110_000n],
    ['5', 'EUR', 500n],
    ['0.5', 'EUR', 50n],
    ['-0.05', 'EUR', -5n],
    ['0', 'EUR', 0n],
    ['0.00', 'EUR', 0n],
    ['3600000', 'KRW', 3_600_000n],
    ['1.234', 'KWD', 1234n],
    ['0.0001', 'CLF', 1n],
    ['999999999999.99', 'EUR', 99_999_999_999_999n],
    ['99999999999999999999999999.99', 'EUR', 9_999_999_999_999_999_999_999_999_999n],
    ['9007199254740993', 'EUR', 900_719_925_474_099_300n],
  ])('%s %s is %s minor units', (text, currency, minor) => {
    expect(parseAmount(text, currency)).toBe(minor);
  });

  it.each([
    ['1e400', 'exponent'],
    ['1E5', 'exponent'],
    ['0x10', 'base ten'],
    ['0b1', 'base ten'],
    ['', 'empty'],
    ['1.234,56', 'a decimal comma or thousands separators'],
    ['1,234.56', 'a decimal comma or thousands separators'],
    ['1.234.567', 'a decimal comma or thousands separators'],
    ["1'000", 'a decimal comma or thousands separators'],
    ['1 000', 'a decimal comma or thousands separators'],
    ['1\u202f000', 'a decimal comma or thousands separators'],
    ['-0', 'negative zero'],
    ['-0.00', 'negative zero'],
    ['−0', 'not a minus sign'],
    ['−5', 'not a minus sign'],
    ['1234567890123456789012345678901234567890', 'more than 38 digits'],
    ['0.1234567890123456789012345678901234567890', 'more than 38 digits'],
    ['+5', 'plus sign'],
    ['007', 'leading zeros'],
    ['00', 'leading zeros'],
    ['.5', 'not a decimal number'],
    ['5.', 'not a decimal number'],
    ['-', 'not a decimal number'],
    [' 5', 'spaces around it'],
    ['5\n', 'spaces around it'],
    ['NaN', 'not a decimal number'],
    ['Infinity', 'not a decimal number'],
    ['1_000', 'not a decimal number'],
    ['١٢٣', 'not a decimal number'],
    ['１２', 'not a decimal number'],
    ['4 %', 'not a decimal number'],
    ['null', 'not a decimal number'],
  ])('refuses %j with the reason', (text, reason) => {
    expect(refusalOf(text).reason).toContain(reason);
  });

  it('refuses values that are not text', () => {
    for (const value of [5, null, undefined, 5n, {}, ['5']])
      expect((): unknown => Reflect.apply(parseAmount, undefined, [value, 'EUR'])).toThrow(MoneyError);
  });

  it('refuses more decimals than the currency has', () => {
    expect(refusalOf('0.005').code).toBe('AmountTooPrecise');
    expect(refusalOf('1.5', 'KRW').code).toBe('AmountTooPrecise');
    expect(refusalOf('12345678901234567890.123').code).toBe('AmountTooPrecise');
  });

  it('accepts extra decimals that are only zeros, on the slow and on the fast path', () => {
    expect(parseAmount('1.500', 'EUR')).toBe(150n);
    expect(parseAmount('1000.0', 'KRW')).toBe(1000n);
    expect(parseAmount('100000000000000000.000', 'EUR')).toBe(10_000_000_000_000_000_000n);
  });

  it('refuses an unknown currency', () => {
    expect(refusalOf('5', 'XXX').code).toBe('CurrencyUnknown');
  });

  it('quotes the text in the reason, shortened and with visible characters', () => {
    expect(refusalOf(`${'9'.repeat(5000)}x`).reason.length).toBeLessThan(100);
    expect(refusalOf('5\u0000').reason).toContain('\\u0000');
  });

  it('is read back from its own text, at any size and in any currency', () => {
    const limit = 10n ** 37n;
    fc.assert(
      fc.property(fc.bigInt({ min: -limit, max: limit }), fc.constantFrom(...CURRENCIES), (minor, currency) => {
        expect(parseAmount(formatAmount(minor, currency), currency)).toBe(minor);
      }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: -99_999_999, max: 99_999_999 }),
        fc.constantFrom(...CURRENCIES),
        (minor, currency) => {
          expect(parseAmount(formatAmount(BigInt(minor), currency), currency)).toBe(BigInt(minor));
        },
      ),
    );
  });
});

describe('an amount as text', () => {
  it.each([
    [110_000n, 'EUR', '1100.00'],
    [-5n, 'EUR', '-0.05'],
    [0n, 'EUR', '0.00'],
    [0n, 'KRW', '0'],
    [3_600_000n, 'KRW', '3600000'],
    [1n, 'CLF', '0.0001'],
    [-1_234n, 'KWD', '-1.234'],
  ])('%s %s is written %s', (minor, currency, text) => {
    expect(formatAmount(minor, currency)).toBe(text);
  });
});

describe('an amount that an import may round', () => {
  it('reports whether digits were lost', () => {
    expect(parseAmountRounded('261.96', 'USD', 'half-up')).toEqual({ minor: 26_196n, rounded: false });
    expect(parseAmountRounded('957.5775', 'USD', 'half-up')).toEqual({ minor: 95_758n, rounded: true });
    expect(parseAmountRounded('0.125', 'USD', 'half-even')).toEqual({ minor: 12n, rounded: true });
    expect(parseAmountRounded('-0.125', 'USD', 'half-up')).toEqual({ minor: -13n, rounded: true });
    expect(parseAmountRounded('-0.125', 'USD', 'down')).toEqual({ minor: -12n, rounded: true });
  });

  it('refuses the same bad text', () => {
    expect(() => parseAmountRounded('1e400', 'USD', 'half-up')).toThrow(MoneyError);
    expect(() => parseAmountRounded('', 'USD', 'half-up')).toThrow(MoneyError);
  });
});
