/** Returns of more than was sold. Nothing is paid for what exceeds a line, so it must not vanish. */
import type { Deal } from '@tantieme/contracts/deal';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { isCurrency } from '@tantieme/money/currency';
import { MoneyError } from '@tantieme/money/money-error';
import { OVER_RETURNS_MAX } from '../limits.js';

export interface OverReturn {
  /** Id of the return. */
  readonly return: string;
  readonly line: string;
  /** Net amount of the line that was sold, as a magnitude. */
  readonly sold: string;
  /** What this return takes beyond what the returns before it have left of the line. */
  readonly exceeds: string;
}

/**
 * The returns of a deal that exceed what was sold, in order of time. A return of a whole line, or of the deal, takes what
 * is left; where nothing is left it exceeds the line by all of it. Lines that the deal does not have are no over-returns:
 * the deal waits for them.
 */
export function overReturnsOf(deal: Deal): readonly OverReturn[] {
  const currency = deal.terms?.currency;
  if (deal.returns.length === 0 || currency === undefined || !isCurrency(currency)) return [];
  const sold = soldByLine(deal, currency);
  const left = new Map(sold);
  const found: OverReturn[] = [];
  for (const { id, lines } of deal.returns) {
    const isNothingLeft = [...left.values()].every((minor) => minor === 0n);
    const whole = isNothingLeft ? [...sold.keys()] : [];
    for (const { line, net } of lines ?? whole.map((one) => ({ line: one, net: undefined }))) {
      const [soldMinor, leftMinor] = [sold.get(line) ?? 0n, left.get(line) ?? 0n];
      const asked = net === undefined ? wholeOf(soldMinor, leftMinor) : minorUnits(net, currency);
      if (!sold.has(line) || asked === undefined) continue;
      left.set(line, asked < leftMinor ? leftMinor - asked : 0n);
      if (asked > leftMinor && found.length < OVER_RETURNS_MAX)
        found.push({
          return: id,
          line,
          sold: formatAmount(soldMinor, currency),
          exceeds: formatAmount(asked - leftMinor, currency),
        });
    }
    if (lines === undefined) for (const line of left.keys()) left.set(line, 0n);
  }
  return found;
}

function wholeOf(soldMinor: bigint, leftMinor: bigint): bigint {
  return leftMinor > 0n ? leftMinor : soldMinor;
}

/** Magnitudes: lines of the terms after the last change, and lines that only invoices have. */
function soldByLine(deal: Deal, currency: string): ReadonlyMap<string, bigint> {
  const sold = new Map<string, bigint>();
  const lines = deal.changes?.at(-1)?.lines ?? deal.terms?.lines ?? [];
  for (const { id, net } of lines) sold.set(id, magnitude(minorUnits(net, currency) ?? 0n));
  const known = new Set(lines.map(({ id }) => id));
  for (const { id, net } of deal.invoices.flatMap((invoice) => invoice.lines ?? []))
    if (!known.has(id)) sold.set(id, (sold.get(id) ?? 0n) + magnitude(minorUnits(net, currency) ?? 0n));
  return sold;
}

function magnitude(minor: bigint): bigint {
  return minor < 0n ? -minor : minor;
}

/** Undefined for an amount that does not fit the currency: crediting the deal reports it. */
function minorUnits(text: string, currency: string): bigint | undefined {
  try {
    return parseAmount(text, currency);
  } catch (error) {
    if (error instanceof MoneyError) return undefined;
    throw error;
  }
}
