/** Splitting an amount so that the parts sum to the whole, to the minor unit. */
import { addRates, compareRates, formatRate, ONE, ZERO } from './decimal.js';
import type { Rate } from './decimal.js';
import { MoneyError } from './money-error.js';

/**
 * Which parts get the units left over when each part has been rounded down: those that lost most, ties in declared
 * order (`largest`), or one unit each from the first declared on (`first`, as Numscript does).
 */
export type Remainder = 'largest' | 'first';

/**
 * Parts of `totalMinor` (minor units) by exact shares. A negative total is split by its magnitude, so that a return
 * mirrors its sale. With `largest` no part is off by a whole unit, with `first` by no more than one. A share of zero
 * gets nothing.
 * @throws {MoneyError} `SharesInvalid` if a share is negative or they do not sum to 1
 */
export function allocate(totalMinor: bigint, shares: readonly Rate[], remainder: Remainder): bigint[] {
  assertShares(shares);
  const negative = totalMinor < 0n;
  const magnitude = negative ? -totalMinor : totalMinor;
  const parts = shares.map((share) => (magnitude * share.numerator) / share.denominator);
  let left = magnitude - parts.reduce((sum, part) => sum + part, 0n);
  if (left > 0n) {
    for (const index of remainderOrder(magnitude, shares, remainder)) {
      if (left === 0n) break;
      parts[index] = (parts[index] ?? 0n) + 1n;
      left -= 1n;
    }
  }
  return negative ? parts.map((part) => -part) : parts;
}

/** @throws {MoneyError} `SharesInvalid` if a share is negative or they do not sum to 1 */
export function assertShares(shares: readonly Rate[]): void {
  if (shares.length === 1 && shares[0]?.numerator === shares[0]?.denominator) return;
  let sum = ZERO;
  for (const share of shares) {
    if (share.numerator < 0n) throw new MoneyError('SharesInvalid', `the share ${formatRate(share)} is negative`);
    sum = addRates(sum, share);
  }
  if (compareRates(sum, ONE) !== 0)
    throw new MoneyError('SharesInvalid', `the shares sum to ${formatRate(sum)}, not to 1`);
}

function remainderOrder(magnitude: bigint, shares: readonly Rate[], remainder: Remainder): number[] {
  const eligible = shares.flatMap((share, index) => (share.numerator > 0n ? [index] : []));
  if (remainder === 'first') return eligible;
  const lost = shares.map((share) => ({
    numerator: (magnitude * share.numerator) % share.denominator,
    denominator: share.denominator,
  }));
  return eligible.sort((left, right) => -compareRates(lost[left] ?? ZERO, lost[right] ?? ZERO) || left - right);
}
