/**
 * What rewards keeps of every earning, whether a programme asks for it today or not: the basis, by component, period of
 * origin and period of posting. A programme that is published later reads it from here, so that nothing depends on how
 * long a broker keeps its messages. One event holds what came in one batch: it concludes nothing, and a deal costs no
 * event of its own.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import type { EarningsOfDeal } from '@tantieme/contracts/ledger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { MoneyError } from '@tantieme/money/money-error';

export const REWARDS_LEDGER = 'rewardsledger';

/**
 * A stream a batch, so that none grows without end. A batch that comes again after a crash begins at the same message, and
 * finds its stream.
 */
export function ledgerStream(partition: number, offset: bigint): string {
  return `${REWARDS_LEDGER}-${partition}:${offset}`;
}

export interface KeptBasis {
  readonly component: string;
  /** Period that it belongs to. */
  readonly origin: string;
  /** Period in which commission-calculation posted it. */
  readonly period: string;
  /** Decimal text in the currency of the earnings; never zero. */
  readonly basis: string;
}

/** All that a payee has from one deal under one plan, as far as a programme may measure it. */
export interface KeptEarnings {
  /** Stream of commission-calculation, and its revision: the newest of a deal replaces the ones before. */
  readonly origin: { readonly stream: string; readonly revision: number };
  /** ISO 8601 instant at which it was said. */
  readonly at: string;
  readonly payee: string;
  readonly plan: string;
  readonly currency: string;
  readonly calendar: string;
  readonly deal: string;
  readonly measured: readonly KeptBasis[];
}

/** @throws {DomainError} `EarningsInvalid` where a basis is no amount of the currency. */
export function keptOf(earnings: EarningsOfDeal, origin: KeptEarnings['origin'], at: string): KeptEarnings {
  const { payee, plan, currency, calendar, deal } = earnings;
  const sums = new Map<string, { component: string; origin: string; period: string; basisMinor: bigint }>();
  for (const line of earnings.lines) {
    const { component, origin: belongsTo, period } = line;
    const name = JSON.stringify([component, belongsTo, period]);
    const sum = sums.get(name) ?? { component, origin: belongsTo, period, basisMinor: 0n };
    sum.basisMinor += minorOf(line.basis, currency, deal);
    sums.set(name, sum);
  }
  const measured = [...sums]
    .filter(([, { basisMinor }]) => basisMinor !== 0n)
    .sort(([left], [right]) => compareText(left, right))
    .map(([, { basisMinor, ...sum }]) => ({ ...sum, basis: formatAmount(basisMinor, currency) }));
  return { origin, at, payee, plan, currency, calendar, deal, measured };
}

function minorOf(text: string, currency: string, deal: string): bigint {
  try {
    return parseAmount(text, currency);
  } catch (error) {
    if (error instanceof MoneyError) throw new DomainError('EarningsInvalid', `a basis of ${deal}: ${error.reason}`);
    throw error;
  }
}

export interface LedgerCommand {
  readonly type: 'keep-earnings';
  readonly entries: readonly KeptEarnings[];
}

export interface LedgerEvent {
  readonly type: 'EarningsKept';
  readonly version: 1;
  /** The latest of its entries. */
  readonly occurredAt: string;
  readonly data: { readonly entries: readonly KeptEarnings[] };
}

/**
 * Newest revisions of the batch, by stream and deal. A duplicate in another batch is kept again, which does no harm: whoever
 * reads takes the newest revision.
 */
export type LedgerState = Map<string, number>;

export const rewardsLedger: Decider<LedgerState, LedgerCommand, LedgerEvent> = {
  category: REWARDS_LEDGER,
  initialState: () => new Map(),
  decide({ entries }, remembered) {
    const fresh: KeptEarnings[] = [];
    const own = new Map<string, number>();
    for (const entry of entries) {
      const name = nameOf(entry);
      const revision = own.get(name) ?? remembered.get(name) ?? -1;
      if (entry.origin.revision <= revision) continue;
      own.set(name, entry.origin.revision);
      fresh.push(entry);
    }
    if (fresh.length === 0) return [];
    const occurredAt = fresh.reduce((latest, { at }) => (at > latest ? at : latest), '');
    return [{ type: 'EarningsKept', version: 1, occurredAt, data: { entries: fresh } }];
  },
  evolve(remembered, { data }) {
    for (const entry of data.entries) remembered.set(nameOf(entry), entry.origin.revision);
    return remembered;
  },
  commandOf: ({ data }) => ({ type: 'keep-earnings', entries: data.entries }),
  sizeOf: (remembered) => remembered.size * 150,
};

function nameOf({ origin, deal }: KeptEarnings): string {
  return `${origin.stream} ${deal}`;
}
