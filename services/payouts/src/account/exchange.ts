/** Amounts that were earned in another currency than they are owed in, and the difference that a later rate makes. */
import { compareText } from '@tantieme/contracts/compare-text';
import type { Exchanged } from '@tantieme/contracts/ledger';
import type { ExchangeDifference, PaymentRate } from '@tantieme/contracts/payout';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { parseDecimal, powerOfTen } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';

/**
 * Sums by currency, in order of currency, without sums of zero.
 * @param currency the currency in which the amounts are owed.
 */
export function sumExchanged(exchanged: Iterable<Exchanged>, currency: string): readonly Exchanged[] {
  const sums = new Map<string, { minor: bigint; ofMinor: bigint }>();
  for (const one of exchanged) {
    const sum = sums.get(one.currency) ?? { minor: 0n, ofMinor: 0n };
    sum.minor += parseAmount(one.amount, one.currency);
    sum.ofMinor += parseAmount(one.of, currency);
    sums.set(one.currency, sum);
  }
  return [...sums]
    .filter(([, { minor, ofMinor }]) => minor !== 0n || ofMinor !== 0n)
    .sort(([left], [right]) => compareText(left, right))
    .map(([from, { minor, ofMinor }]) => ({
      amount: formatAmount(minor, from),
      currency: from,
      of: formatAmount(ofMinor, currency),
    }));
}

/**
 * The payer's currency: the side of the rate that is not the currency owed.
 * @returns undefined if the rate is not between the currency owed and another one.
 */
export function payerCurrency({ base, quote }: PaymentRate, currency: string): string | undefined {
  if (base === quote) return undefined;
  if (quote === currency) return base;
  return base === currency ? quote : undefined;
}

/**
 * What the payer books when it pays an obligation at another rate than it was earned at (semantics.md, "Currency": USD
 * 110.00 owed for EUR 100.00 and paid at 1.05 makes a difference of EUR 4.76, 110 ÷ 1.05 − 100). Rounded half-up, once.
 *
 * @param currency the currency of the obligation.
 * @returns undefined if no part of it was earned in the payer's currency.
 */
export function exchangeDifference(
  exchanged: readonly Exchanged[],
  rate: PaymentRate,
  currency: string,
): ExchangeDifference | undefined {
  const from = payerCurrency(rate, currency);
  const found = exchanged.find((one) => one.currency === from);
  if (from === undefined || found === undefined) return undefined;
  const { numerator, denominator } = parseDecimal(rate.rate);
  const [multiplier, divisor] = rate.quote === currency ? [denominator, numerator] : [numerator, denominator];
  const paidMinor = divideRounded(
    parseAmount(found.of, currency) * multiplier * powerOfTen(decimalsOf(from)),
    divisor * powerOfTen(decimalsOf(currency)),
    'half-up',
  );
  return {
    currency: from,
    accrued: found.amount,
    paid: formatAmount(paidMinor, from),
    difference: formatAmount(paidMinor - parseAmount(found.amount, from), from),
    of: found.of,
  };
}
