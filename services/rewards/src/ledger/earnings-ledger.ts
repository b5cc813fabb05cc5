/**
 * Every earning that rewards receives, whether a programme measures it today or not: its basis by component, period of
 * origin and period of posting. A programme that is published later reads it here, so nothing depends on how long a
 * broker keeps its messages. One event holds a whole batch: a deal costs no event of its own.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import type { EarningsOfDeal } from '@tantieme/contracts/ledger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { MoneyError } from '@tantieme/money/money-error';

export const REWARDS_LEDGER = 'rewardsledger';

/**
 * One stream per batch, so that no stream grows without end. A batch that is redelivered after a crash starts at the
 * same message, and so has the same stream.
 */
export function ledgerStream(partition: number, offset: bigint): string {
  return `${REWARDS_LEDGER}-${partition}:${offset}`;
}

export interface PostedBasis {
  readonly component: string;
  /** The period that it belongs to. */
  readonly origin: string;
  /** The period in which commission-calculation posted it. */
  readonly period: string;
  /** Decimal text in the currency of the earnings; never zero. */
  readonly basis: string;
}

/** The part of a payee's earnings from one deal under one plan that programmes can measure. */
export interface ReceivedEarnings {
  /** Stream of commission-calculation and its revision: the newest of a deal replaces earlier ones. */
  readonly origin: { readonly stream: string; readonly revision: number };
  /** ISO 8601 instant at which commission-calculation published them. */
  readonly at: string;
  readonly payee: string;
  readonly plan: string;
  readonly currency: string;
  readonly calendar: string;
  readonly deal: string;
  readonly measured: readonly PostedBasis[];
}

/** @throws {DomainError} `EarningsInvalid` if a basis is not an amount of the currency */
export function receivedEarningsOf(
  earnings: EarningsOfDeal,
  origin: ReceivedEarnings['origin'],
  at: string,
): ReceivedEarnings {
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
    if (error instanceof MoneyError)
      throw new DomainError('EarningsInvalid', `a basis of ${deal} is invalid: ${error.reason}`);
    throw error;
  }
}

export interface EarningsCommand {
  readonly type: 'receive-earnings';
  readonly entries: readonly ReceivedEarnings[];
}

export interface EarningsEvent {
  readonly type: 'EarningsReceived';
  readonly version: 1;
  /** The latest instant of its earnings. */
  readonly occurredAt: string;
  readonly data: { readonly streams: readonly StreamEarnings[] };
}

/** Earnings of one stream of commission-calculation: those of one payee under one plan. */
interface StreamEarnings extends Pick<ReceivedEarnings, 'payee' | 'plan' | 'currency' | 'calendar'> {
  readonly stream: string;
  readonly deals: readonly (Pick<ReceivedEarnings, 'deal' | 'at'> & {
    readonly revision: number;
    readonly measured: readonly MeasuredText[];
  })[];
}

/** With the period of origin where it is not the one of posting. */
type MeasuredText = readonly [component: string, basis: string, period: string, origin?: string];

/** By stream, in order of its first entry. */
function streamsOf(entries: readonly ReceivedEarnings[]): readonly StreamEarnings[] {
  const streams = new Map<string, StreamEarnings & { readonly deals: StreamEarnings['deals'][number][] }>();
  for (const { origin, at, payee, plan, currency, calendar, deal, measured } of entries) {
    const { stream, revision } = origin;
    let found = streams.get(stream);
    if (found === undefined) streams.set(stream, (found = { stream, payee, plan, currency, calendar, deals: [] }));
    found.deals.push({ deal, at, revision, measured: measured.map(measuredText) });
  }
  return [...streams.values()];
}

function measuredText({ component, basis, period, origin }: PostedBasis): MeasuredText {
  return origin === period ? [component, basis, period] : [component, basis, period, origin];
}

/** The earnings of an event, by stream. */
export function earningsIn({ data }: EarningsEvent): readonly ReceivedEarnings[] {
  return data.streams.flatMap(({ stream, deals, ...shared }) =>
    deals.map(({ revision, measured, ...one }) => ({
      ...shared,
      ...one,
      origin: { stream, revision },
      measured: measured.map(([component, basis, period, origin = period]) => ({ component, origin, period, basis })),
    })),
  );
}

/**
 * Newest revisions of the batch, by stream and deal. A duplicate in another batch is stored again, which is harmless:
 * readers use the newest revision.
 */
export type EarningsState = Map<string, number>;

export const LEDGER_EVENTS: EventTypes<EarningsEvent> = { EarningsReceived: { version: 1 } };

export const earningsLedger: Decider<EarningsState, EarningsCommand, EarningsEvent> = {
  category: REWARDS_LEDGER,
  events: LEDGER_EVENTS,
  initialState: () => new Map(),
  decide({ entries }, stored) {
    const fresh: ReceivedEarnings[] = [];
    const ofCommand = new Map<string, number>();
    for (const entry of entries) {
      const name = nameOf(entry);
      const revision = ofCommand.get(name) ?? stored.get(name) ?? -1;
      if (entry.origin.revision <= revision) continue;
      ofCommand.set(name, entry.origin.revision);
      fresh.push(entry);
    }
    if (fresh.length === 0) return [];
    const occurredAt = fresh.reduce((latest, { at }) => (at > latest ? at : latest), '');
    return [{ type: 'EarningsReceived', version: 1, occurredAt, data: { streams: streamsOf(fresh) } }];
  },
  evolve(stored, event) {
    for (const entry of earningsIn(event)) stored.set(nameOf(entry), entry.origin.revision);
    return stored;
  },
  commandOf: (event) => ({ type: 'receive-earnings', entries: earningsIn(event) }),
  sizeOf: (stored) => stored.size * 150,
};

function nameOf({ origin, deal }: ReceivedEarnings): string {
  return `${origin.stream} ${deal}`;
}
