/**
 * Exact decimals: rates, shares and quantities. They are fractions of two whole numbers, never binary fractions: 2.9 %
 * is 29 ÷ 1000.
 */
import { MoneyError, quoted } from './money-error.js';
import { DECIMAL_DIGITS_MAX } from './limits.js';

/**
 * An exact number, `numerator ÷ denominator`, with a positive denominator. `parseRate` and `parseDecimal` return a
 * canonical form: equal decimals or percentages have equal parts.
 */
export interface Rate {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const ZERO: Rate = { numerator: 0n, denominator: 1n };
export const ONE: Rate = { numerator: 1n, denominator: 1n };

const DECIMAL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
const FRACTION = /^(0|[1-9][0-9]*)\/([1-9][0-9]*)$/;
const PERCENT = / ?%$/;

/** What is wrong with a text as a plain decimal; undefined if nothing is. */
export function decimalFault(text: unknown): string | undefined {
  if (typeof text !== 'string') return `${quoted(text)} is not a text; write the number as decimal text`;
  if (text === '') return 'the text is empty';
  if (DECIMAL.test(text)) {
    if (digitCount(text) > DECIMAL_DIGITS_MAX) return `${quoted(text)} has more than ${DECIMAL_DIGITS_MAX} digits`;
    if (text.startsWith('-') && /^-[0.]+$/.test(text)) return `${quoted(text)} is negative zero; write 0`;
    return undefined;
  }
  if (/^[+-]?[0-9.]+e[+-]?[0-9]+$/i.test(text)) return `${quoted(text)} has an exponent; write all digits`;
  if (/^[+-]?0[xob]/i.test(text)) return `${quoted(text)} is not in base ten`;
  if (/^\s|\s$/.test(text)) return `${quoted(text)} has spaces around it`;
  if (/[−‐‑‒–—]/.test(text)) return `${quoted(text)} has a dash that is not a minus sign (-)`;
  if (/^-?[0-9][0-9.,' \u00a0\u202f]*$/.test(text) && /[,' \u00a0\u202f]|\..*\./.test(text))
    return `${quoted(text)} has a decimal comma or thousands separators; write digits and one point`;
  if (/^-?0[0-9]/.test(text)) return `${quoted(text)} has leading zeros`;
  if (text.startsWith('+')) return `${quoted(text)} has a plus sign`;
  return `${quoted(text)} is not a decimal number`;
}

function digitCount(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 48 && code <= 57) count++;
  }
  return count;
}

/** 10 to the power of `exponent`. */
export function powerOfTen(exponent: number): bigint {
  return POWERS[exponent] ?? 10n ** BigInt(exponent);
}

const POWERS: readonly bigint[] = Array.from({ length: 80 }, (_, exponent) => 10n ** BigInt(exponent));

function decimalOf(text: string): Rate {
  const point = text.indexOf('.');
  if (point < 0) return { numerator: BigInt(text), denominator: 1n };
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  const scale = end - point - 1;
  if (scale === 0) return { numerator: BigInt(text.slice(0, point)), denominator: 1n };
  return { numerator: BigInt(text.slice(0, point) + text.slice(point + 1, end)), denominator: powerOfTen(scale) };
}

/**
 * A plain decimal (`2`, `0.125`, `-3.50`), as quantities are written.
 * @throws {MoneyError} `DecimalInvalid`, `DecimalTooLong`, with the reason
 */
export function parseDecimal(text: string): Rate {
  const fault = decimalFault(text);
  if (fault === undefined) return decimalOf(text);
  throw new MoneyError(fault.includes('more than') ? 'DecimalTooLong' : 'DecimalInvalid', fault);
}

/**
 * A rate or share: a decimal (`0.04`), a percentage (`4 %`, `2.9%`) or a fraction of whole numbers (`1/3`).
 * @throws {MoneyError} `RateInvalid`, with the reason
 */
export function parseRate(text: string): Rate {
  if (typeof text === 'string') {
    if (PERCENT.test(text)) {
      const number = text.replace(PERCENT, '');
      const fault = decimalFault(number);
      if (fault !== undefined) throw new MoneyError('RateInvalid', fault);
      const { numerator, denominator } = decimalOf(number);
      return withoutTrailingZeros(numerator, denominator * 100n);
    }
    const fraction = FRACTION.exec(text);
    if (fraction?.[1] !== undefined && fraction[2] !== undefined && text.length <= 2 * DECIMAL_DIGITS_MAX)
      return reduced(BigInt(fraction[1]), BigInt(fraction[2]));
  }
  const fault = decimalFault(text);
  if (fault !== undefined) throw new MoneyError('RateInvalid', fault);
  return decimalOf(text);
}

function withoutTrailingZeros(numerator: bigint, denominator: bigint): Rate {
  while (denominator > 1n && numerator % 10n === 0n) {
    numerator /= 10n;
    denominator /= 10n;
  }
  return { numerator, denominator };
}

function reduced(numerator: bigint, denominator: bigint): Rate {
  let left = numerator < 0n ? -numerator : numerator;
  let right = denominator;
  while (right !== 0n) [left, right] = [right, left % right];
  return left === 0n ? ZERO : { numerator: numerator / left, denominator: denominator / left };
}

/** Shortest exact text: a decimal if there is one (`0.04`), else a fraction in lowest terms (`1/3`). */
export function formatRate(rate: Rate): string {
  const power = decimalsOfPower(rate.denominator);
  if (power !== undefined) return formatScaled(rate.numerator, power);
  const { numerator, denominator } = reduced(rate.numerator, rate.denominator);
  let rest = denominator;
  let twos = 0;
  let fives = 0;
  for (; rest % 2n === 0n; rest /= 2n) twos++;
  for (; rest % 5n === 0n; rest /= 5n) fives++;
  if (rest !== 1n) return `${numerator}/${denominator}`;
  const scale = Math.max(twos, fives);
  return formatScaled((numerator * powerOfTen(scale)) / denominator, scale);
}

const SCALES: ReadonlyMap<bigint, number> = new Map(POWERS.map((power, exponent) => [power, exponent]));

function decimalsOfPower(denominator: bigint): number | undefined {
  return SCALES.get(denominator);
}

/** `digits ÷ 10^scale` as text, without trailing zeros. */
function formatScaled(digits: bigint, scale: number): string {
  if (digits === 0n) return '0';
  const sign = digits < 0n ? '-' : '';
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const whole = text.slice(0, text.length - scale);
  const fraction = text.slice(text.length - scale).replace(/0+$/, '');
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}

/** −1, 0 or 1 if `left` is less than, equal to or greater than `right`. */
export function compareRates(left: Rate, right: Rate): -1 | 0 | 1 {
  const difference = left.numerator * right.denominator - right.numerator * left.denominator;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function addRates(left: Rate, right: Rate): Rate {
  return reduced(
    left.numerator * right.denominator + right.numerator * left.denominator,
    left.denominator * right.denominator,
  );
}

export function subtractRates(left: Rate, right: Rate): Rate {
  return addRates(left, { numerator: -right.numerator, denominator: right.denominator });
}

export function multiplyRates(left: Rate, right: Rate): Rate {
  return reduced(left.numerator * right.numerator, left.denominator * right.denominator);
}
