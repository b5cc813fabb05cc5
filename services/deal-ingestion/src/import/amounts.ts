/** Totals of the amounts that facts carry, by kind and currency. */
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { MoneyError } from '@tantieme/money/money-error';
import type { Deal, DealFact, DealFactKind, DealLine } from '@tantieme/contracts/deal';
import { FACT_KINDS, isWithdrawal } from '../deal/deal-fact.js';
import { compareText } from '@tantieme/contracts/compare-text';

export interface AmountTotal {
  readonly kind: DealFactKind;
  /** ISO 4217. */
  readonly currency: string;
  readonly facts: number;
  /** Net of the lines, or the amounts paid: decimal text with the decimals of the currency. */
  readonly amount: string;
}

/** Adds facts up. A fact is left out while its deal has no terms, as its currency is not known. */
export class AmountTotals {
  private readonly totals = new Map<string, { kind: DealFactKind; currency: string; facts: number; minor: bigint }>();

  /** @param deal with the fact */
  add(fact: DealFact, deal: Deal): void {
    const currency = deal.terms?.currency;
    const amounts = amountsOf(fact, deal);
    if (currency === undefined || amounts === undefined) return;
    const { kind } = fact;
    const key = `${kind} ${currency}`;
    const total = this.totals.get(key) ?? { kind, currency, facts: 0, minor: 0n };
    total.facts += 1;
    for (const amount of amounts) total.minor += minorUnits(amount, currency);
    this.totals.set(key, total);
  }

  /** In order of kind, then currency. */
  list(): readonly AmountTotal[] {
    return [...this.totals.values()]
      .sort(
        (left, right) =>
          FACT_KINDS.indexOf(left.kind) - FACT_KINDS.indexOf(right.kind) || compareText(left.currency, right.currency),
      )
      .map(({ minor, ...total }) => ({ ...total, amount: formatAmount(minor, total.currency) }));
  }
}

function amountsOf(fact: DealFact, deal: Deal): readonly string[] | undefined {
  if (isWithdrawal(fact)) return undefined;
  switch (fact.kind) {
    case 'registered':
    case 'booked':
    case 'amended':
      return netOf(fact.terms.lines);
    case 'invoiced':
      return netOf(fact.lines ?? fact.terms?.lines ?? deal.terms?.lines ?? []);
    case 'paid':
      return [fact.amount];
    case 'returned': {
      const lines = deal.terms?.lines ?? [];
      if (fact.lines === undefined) return netOf(lines);
      return fact.lines.map(({ line, net }) => net ?? lines.find(({ id }) => id === line)?.net ?? '0');
    }
    case 'sold-through':
    case 'registration':
    case 'cancelled':
      return undefined;
    default:
      return fact satisfies never;
  }
}

function netOf(lines: readonly DealLine[]): readonly string[] {
  return lines.map(({ net }) => net);
}

/** 0 for an amount that does not fit the currency of its deal: crediting the deal reports it. */
function minorUnits(amount: string, currency: string): bigint {
  try {
    return parseAmount(amount, currency);
  } catch (error) {
    if (error instanceof MoneyError) return 0n;
    throw error;
  }
}
