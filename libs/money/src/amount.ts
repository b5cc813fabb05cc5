/**
 * Amounts of money: decimal text in currency units outside (`"1100.00"`), whole minor units (`110000n` cents) inside.
 * `bigint` does not overflow. Bad text is refused with the reason.
 */
import { decimalsOf } from './currency.js';
import { decimalFault, parseDecimal, powerOfTen } from './decimal.js';
import { MoneyError, quoted } from './money-error.js';
import { divideRounded } from './rounding.js';
import type { RoundingMode } from './rounding.js';

/** Text up to this length has no more digits than a double holds exactly, and takes the fast path. */
const FAST_TEXT_LENGTH_MAX = 15;

/**
 * Minor units of an amount. Fewer decimals than the currency has are accepted (`"5"` EUR is 500 cents), more are
 * refused.
 * @throws {MoneyError} `CurrencyUnknown`, `AmountInvalid`, `AmountTooLong`, `AmountTooPrecise`
 */
export function parseAmount(text: string, currency: string): bigint {
  return parseMinor(text, decimalsOf(currency));
}

/** `parseAmount` for callers that already have the decimals of the currency. */
export function parseMinor(text: string, decimals: number): bigint {
  const fast = parseFast(text, decimals);
  if (fast !== undefined) return fast;
  const fault = decimalFault(text);
  if (fault !== undefined) throw new MoneyError(fault.includes('more than') ? 'AmountTooLong' : 'AmountInvalid', fault);
  const { numerator, denominator } = parseDecimal(text);
  const scaled = numerator * powerOfTen(decimals);
  if (scaled % denominator !== 0n)
    throw new MoneyError('AmountTooPrecise', `${quoted(text)} has more than ${decimals} decimals`);
  return scaled / denominator;
}

/**
 * The usual case without regular expressions: up to 15 characters in plain form. Undefined leaves the decision to the
 * slow path. 15 digits are below 2^53, so every double here is exact.
 */
function parseFast(text: string, decimals: number): bigint | undefined {
  if (typeof text !== 'string') return undefined;
  const length = text.length;
  if (length === 0 || length > FAST_TEXT_LENGTH_MAX) return undefined;
  const negative = text.charCodeAt(0) === 45;
  const start = negative ? 1 : 0;
  let units = 0;
  let index = start;
  for (; index < length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) break;
    units = units * 10 + digit;
  }
  const wholeDigits = index - start;
  if (wholeDigits === 0 || (wholeDigits > 1 && text.charCodeAt(start) === 48)) return undefined;
  let missing = decimals;
  if (index < length) {
    if (text.charCodeAt(index) !== 46 || index + 1 === length) return undefined;
    for (index++; index < length; index++, missing--) {
      const digit = text.charCodeAt(index) - 48;
      if (digit < 0 || digit > 9 || missing === 0) return undefined;
      units = units * 10 + digit;
    }
  }
  if (units === 0) return negative ? undefined : 0n;
  const minor = missing === 0 ? BigInt(units) : BigInt(units) * powerOfTen(missing);
  return negative ? -minor : minor;
}

/**
 * Minor units of an amount that may have more decimals than its currency, for imports with a declared rounding.
 * `rounded` is true if digits were lost: store the original beside the amount.
 * @throws {MoneyError} `CurrencyUnknown`, `AmountInvalid`, `AmountTooLong`
 */
export function parseAmountRounded(
  text: string,
  currency: string,
  mode: RoundingMode,
): { readonly minor: bigint; readonly rounded: boolean } {
  const decimals = decimalsOf(currency);
  const fault = decimalFault(text);
  if (fault !== undefined) throw new MoneyError(fault.includes('more than') ? 'AmountTooLong' : 'AmountInvalid', fault);
  const { numerator, denominator } = parseDecimal(text);
  const scaled = numerator * powerOfTen(decimals);
  return { minor: divideRounded(scaled, denominator, mode), rounded: scaled % denominator !== 0n };
}

/**
 * Decimal text with exactly the currency's decimals: `"1100.00"`, `"-0.05"`, `"3600000"` KRW.
 * @throws {MoneyError} `CurrencyUnknown`
 */
export function formatAmount(minor: bigint, currency: string): string {
  return formatMinor(minor, decimalsOf(currency));
}

/** `formatAmount` for callers that already have the decimals of the currency. */
export function formatMinor(minor: bigint, decimals: number): string {
  if (decimals === 0) return minor.toString();
  const negative = minor < 0n;
  let text = (negative ? -minor : minor).toString();
  if (text.length <= decimals) text = text.padStart(decimals + 1, '0');
  const point = text.length - decimals;
  return `${negative ? '-' : ''}${text.slice(0, point)}.${text.slice(point)}`;
}
