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
  throw new Error(`${text} was taken`);
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
    ['1.234,56', 'decimal comma or separated thousands'],
    ['1,234.56', 'decimal comma or separated thousands'],
    ['1.234.567', 'decimal comma or separated thousands'],
    ["1'000", 'decimal comma or separated thousands'],
    ['1 000', 'decimal comma or separated thousands'],
    ['1\u202f000', 'decimal comma or separated thousands'],
    ['-0', 'negative zero'],
    ['-0.00', 'negative zero'],
    ['−0', 'no minus sign'],
    ['−5', 'no minus sign'],
    ['1234567890123456789012345678901234567890', 'more than 38 digits'],
    ['0.1234567890123456789012345678901234567890', 'more than 38 digits'],
    ['+5', 'plus sign'],
    ['007', 'leading zeros'],
    ['00', 'leading zeros'],
    ['.5', 'no decimal number'],
    ['5.', 'no decimal number'],
    ['-', 'no decimal number'],
    [' 5', 'space around'],
    ['5\n', 'space around'],
    ['NaN', 'no decimal number'],
    ['Infinity', 'no decimal number'],
    ['1_000', 'no decimal number'],
    ['١٢٣', 'no decimal number'],
    ['１２', 'no decimal number'],
    ['4 %', 'no decimal number'],
    ['null', 'no decimal number'],
  ])('refuses %j with the reason', (text, reason) => {
    expect(refusalOf(text).reason).toContain(reason);
  });

  it('refuses what is no text at all', () => {
    for (const value of [5, null, undefined, 5n, {}, ['5']])
      expect(() => Reflect.apply(parseAmount, undefined, [value, 'EUR'])).toThrow(MoneyError);
  });

  it('refuses more decimals than the currency has, also where they are zeros of another kind', () => {
    expect(refusalOf('0.005').code).toBe('AmountTooPrecise');
    expect(refusalOf('1.5', 'KRW').code).toBe('AmountTooPrecise');
    expect(refusalOf('12345678901234567890.123').code).toBe('AmountTooPrecise');
  });

  it('reads decimals that are only zeros beyond the currency, on the long and on the short way', () => {
    expect(parseAmount('1.500', 'EUR')).toBe(150n);
    expect(parseAmount('1000.0', 'KRW')).toBe(1000n);
    expect(parseAmount('100000000000000000.000', 'EUR')).toBe(10_000_000_000_000_000_000n);
  });

  it('refuses an unknown currency', () => {
    expect(refusalOf('5', 'XXX').code).toBe('CurrencyUnknown');
  });

  it('shows a short and visible text in the reason', () => {
    expect(refusalOf(`${'9'.repeat(5000)}x`).reason.length).toBeLessThan(100);
    expect(refusalOf('5\u0000').reason).toContain('\\u0000');
  });

  it('comes back from its own text, at any size and in any currency', () => {
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
  it('says whether something was lost', () => {
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
