/** What is owed in one currency and was earned in others: sums of it, and what a payment at another rate makes of it. */
import { compareText } from '@tantieme/contracts/compare-text';
import type { Exchanged } from '@tantieme/contracts/ledger';
import type { ExchangeDifference, PaymentRate } from '@tantieme/contracts/payout';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { parseDecimal, powerOfTen } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';

/** The sums by currency, in order of currency; those that are nothing are left out. @param currency what is owed in. */
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

/** The payer's currency: the side of the rate that is not what is owed in; undefined where the rate is not between the two. */
export function payersCurrency({ base, quote }: PaymentRate, currency: string): string | undefined {
  if (base === quote) return undefined;
  if (quote === currency) return base;
  return base === currency ? quote : undefined;
}

/**
 * What is booked when an obligation is paid at another rate than it was earned at (semantics.md, "Currency": USD 110.00 owed for
 * EUR 100.00 and paid at 1.05 is a difference of EUR 4.76, 110 ÷ 1.05 − 100). Rounded half-up, once.
 *
 * @param currency of the obligation.
 * @returns undefined where nothing of it was earned in the payer's currency.
 */
export function exchangeDifference(
  exchanged: readonly Exchanged[],
  rate: PaymentRate,
  currency: string,
): ExchangeDifference | undefined {
  const payers = payersCurrency(rate, currency);
  const found = exchanged.find((one) => one.currency === payers);
  if (payers === undefined || found === undefined) return undefined;
  const { numerator, denominator } = parseDecimal(rate.rate);
  const [multiplied, divided] = rate.quote === currency ? [denominator, numerator] : [numerator, denominator];
  const paidMinor = divideRounded(
    parseAmount(found.of, currency) * multiplied * powerOfTen(decimalsOf(payers)),
    divided * powerOfTen(decimalsOf(currency)),
    'half-up',
  );
  return {
    currency: payers,
    accrued: found.amount,
    paid: formatAmount(paidMinor, payers),
    difference: formatAmount(paidMinor - parseAmount(found.amount, payers), payers),
    of: found.of,
  };
}
