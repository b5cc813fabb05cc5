import { describe, expect, it } from '@jest/globals';
import { formatOfLocale } from './locale.js';
import { plainDecimal } from './number-format.js';
import type { NumberFormat } from './number-format.js';

function formatOf(locale: string): NumberFormat {
  const { numbers } = formatOfLocale(locale) ?? {};
  if (numbers === undefined) throw new Error(`${locale} is not known`);
  return numbers;
}

describe('a number', () => {
  it.each([
    ['de-DE', '1.234.567,50', '1234567.50'],
    ['de-DE', '1234567,50', '1234567.50'],
    ['de-DE', '-0,5', '-0.5'],
    ['de-CH', "1'234.50", '1234.50'],
    ['de-CH', '1’234.50', '1234.50'],
    ['fr-FR', '1\u202f234,50', '1234.50'],
    ['fr-FR', '1\u00a0234,50', '1234.50'],
    ['fr-FR', '1 234,50', '1234.50'],
    ['en-US', '1,234.50', '1234.50'],
    ['en-IN', '12,34,567.5', '1234567.5'],
    ['sv-SE', '\u22121 234,5', '-1234.5'],
    ['ar-EG', '\u200e-1,234.5', '-1234.5'],
    ['de-DE', '33,3 %', '33.3 %'],
    ['de-DE', '7', '7'],
  ])('as %s writes it: %s', (locale, text, plain) => {
    expect(plainDecimal(text, formatOf(locale))).toEqual({ text: plain });
  });

  it.each([
    // What is a thousand in one country is a decimal in another: neither is guessed.
    ['de-DE', '1.5'],
    ['de-DE', '1.2345'],
    ['de-DE', '12.34.567'],
    ['de-DE', '1234.567'],
    ['de-DE', '.500'],
    ['en-US', '1,5'],
    ['en-US', '1,23'],
    ['en-IN', '123,4567'],
    ['de-DE', '1,2,3'],
    ['de-DE', '1,'],
    ['de-DE', ',5'],
    ['de-DE', '1e3'],
    ['de-DE', '€ 5'],
    ['de-DE', '--5'],
    ['de-DE', '(5)'],
    ['de-DE', ''],
    ['de-DE', '٣'],
  ])('is not what %s cannot mean: %j', (locale, text) => {
    expect(plainDecimal(text, formatOf(locale))).toHaveProperty('fault');
  });

  it('without groups has no separated thousands', () => {
    expect(plainDecimal('1234,5', { decimal: ',' })).toEqual({ text: '1234.5' });
    expect(plainDecimal('1.234,5', { decimal: ',' })).toEqual({
      fault: '"1.234,5" is not a number with "," before its decimals and without separated thousands',
    });
  });

  it('names a space by its word', () => {
    expect(plainDecimal('x', formatOf('fr-FR'))).toEqual({
      fault: '"x" is not a number with "," before its decimals and a space between thousands',
    });
  });
});

describe('a locale', () => {
  it.each([
    ['de-DE', 'd.M.yyyy'],
    ['fr-FR', 'd/M/yyyy'],
    ['en-US', 'M/d/yyyy'],
    ['sv-SE', 'yyyy-M-d'],
    ['ko-KR', 'yyyy. M. d.'],
    ['ar-EG', 'd/M/yyyy'],
  ])('writes dates: %s %s', (locale, dates) => {
    expect(formatOfLocale(locale)).toMatchObject({ dates });
  });

  it.each(['xx-XX', 'not a locale', ''])('is unknown: %j', (locale) => {
    expect(formatOfLocale(locale)).toBeUndefined();
  });
});
