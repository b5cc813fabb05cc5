/** Read model of earnings: posted lines, and the earning streams with lines in a period. */
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import { dealPostings, EARNING_EVENTS } from './earning-events.js';
import type { EarningEvent } from './earning-events.js';
import { payeePlanOf } from './earning-stream.js';
import type { PostedLine } from './posting.js';
import { WRITTEN_STREAMS_MAX } from '../limits.js';

/** Postings of one deal to one payee under one plan in one period. */
export interface PostingRow {
  readonly payee: string;
  readonly plan: string;
  readonly deal: string;
  readonly period: string;
  readonly currency: string;
  /** JSON of the posted lines, in canonical order. */
  readonly lines: string;
  readonly line_count: number;
  /** Sum of the lines. */
  readonly amount: string;
}

/** Period of the row of a stream that takes part in every closing, also without lines. Sorts before all others. */
export const EVERY_PERIOD = '';

/** An earning stream with a line in a period. */
export interface StreamRow {
  readonly calendar: string;
  readonly period: string;
  readonly stream: string;
  readonly payee: string;
  readonly plan: string;
  /** JSON of the manifest's entry; null while the period is open. */
  readonly entry: string | null;
}

export interface EarningTables {
  commission_postings: PostingRow;
  commission_streams: StreamRow;
}

export const EARNING_TABLES = [
  'commission_postings',
  'commission_streams',
] as const satisfies readonly (keyof EarningTables)[];

/** Rows of open periods that are in `commission_streams` already, so that they are not written again for every page. */
export class WrittenStreams {
  private through = 0n;
  private readonly names = new Set<string>();

  has(name: string): boolean {
    return this.names.has(name);
  }

  /** After a failure the same events come again, and what was written for them may have been rolled back. */
  beforePage(first: StoredEvent | undefined): void {
    if (first === undefined || first.position <= this.through) this.names.clear();
  }

  afterPage(names: Iterable<string>, last: StoredEvent | undefined): void {
    if (this.names.size > WRITTEN_STREAMS_MAX) this.names.clear();
    for (const name of names) this.names.add(name);
    this.through = last?.position ?? this.through;
  }
}

interface Posting {
  readonly payee: string;
  readonly plan: string;
  readonly currency: string;
  readonly deal: string;
  readonly lines: readonly PostedLine[];
  /** True where the table cannot have rows of the deal. */
  readonly isFirst: boolean;
}

export async function writeEarnings(
  trx: Transaction<EarningTables>,
  events: readonly StoredEvent[],
  written: WrittenStreams,
): Promise<void> {
  written.beforePage(events[0]);
  // Events hold all postings of a deal, so only the last event per deal counts.
  const postings = new Map<string, Posting>();
  const streams = new Map<string, StreamRow>();
  /** By stream, which closes at most one period more than it reopens in a batch. */
  const closed = new Map<string, StreamRow>();
  const reopened: Pick<StreamRow, 'calendar' | 'period' | 'stream'>[] = [];
  for (const stored of events) {
    const { stream } = stored;
    const event = domainEventOf<EarningEvent>(stored, EARNING_EVENTS);
    const { currency, calendar } = event.data;
    const { payee, plan } = payeePlanOf(stream);
    const first = event.type === 'Earned' && event.data.input.number === 1 ? event.data.input.deal : undefined;
    const isReopened = event.type === 'EarningPeriodReopened';
    for (const { deal, lines } of dealPostings(event)) {
      const key = `${payee}\n${plan}\n${deal}`;
      const isFirst = postings.get(key)?.isFirst ?? deal === first;
      postings.set(key, { payee, plan, currency, deal, lines, isFirst });
      for (const { period } of lines) {
        const name = `${calendar}\n${period}\n${stream}`;
        // The closing may have deleted the rows of earlier periods, which the lines go back to.
        if ((!isReopened && written.has(name)) || streams.has(name)) continue;
        streams.set(name, { calendar, period, stream, payee, plan, entry: null });
      }
    }
    // A payee with a guarantee or a draw takes part in every closing, also without lines.
    if (event.type === 'PayeeTermsReceived') {
      const period = EVERY_PERIOD;
      streams.set(`${calendar}\n${period}\n${stream}`, { calendar, period, stream, payee, plan, entry: null });
    }
    if (event.type === 'EarningPeriodClosed') {
      const { period, entry } = event.data;
      const row = { calendar, period, stream, payee, plan, entry: JSON.stringify(entry satisfies ManifestEntry) };
      streams.set(`${calendar}\n${period}\n${stream}`, row);
      closed.set(stream, row);
    }
    if (event.type === 'EarningPeriodReopened') {
      const { period } = event.data.input;
      const name = `${calendar}\n${period}\n${stream}`;
      const row = streams.get(name);
      if (row !== undefined) streams.set(name, { ...row, entry: null });
      closed.delete(stream);
      reopened.push({ calendar, period, stream });
    }
  }
  await writePostings(trx, [...postings.values()]);
  await clearEntries(trx, reopened);
  await writeStreams(trx, [...streams.values()], [...closed.values()]);
  written.afterPage(streams.keys(), events.at(-1));
}

async function writePostings(trx: Transaction<EarningTables>, postings: readonly Posting[]): Promise<void> {
  const replaced = postings.filter(({ isFirst }) => !isFirst);
  for (const chunk of rowChunks(replaced)) {
    const keys = sql.join(chunk.map(({ payee, plan, deal }) => sql`(${payee}, ${plan}, ${deal})`));
    await sql`delete from commission_postings where (payee, plan, deal) in (values ${keys})`.execute(trx);
  }
  for (const rows of rowChunks(postings.flatMap(postingRows)))
    await trx.insertInto('commission_postings').values(rows).execute();
}

async function clearEntries(
  trx: Transaction<EarningTables>,
  reopened: readonly Pick<StreamRow, 'calendar' | 'period' | 'stream'>[],
): Promise<void> {
  for (const chunk of rowChunks(reopened)) {
    const keys = sql.join(chunk.map(({ calendar, period, stream }) => sql`(${calendar}, ${period}, ${stream})`));
    await sql`update commission_streams set entry = null where (calendar, period, stream) in (values ${keys})`.execute(
      trx,
    );
  }
}

async function writeStreams(
  trx: Transaction<EarningTables>,
  streams: readonly StreamRow[],
  closed: readonly StreamRow[],
): Promise<void> {
  for (const rows of rowChunks(streams))
    await trx
      .insertInto('commission_streams')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['calendar', 'period', 'stream']).doUpdateSet({
          entry: sql<string | null>`coalesce(excluded.entry, commission_streams.entry)`,
        }),
      )
      .execute();
  // Lines of earlier open periods have moved into the closed one.
  for (const { calendar, period, stream } of closed)
    await trx
      .deleteFrom('commission_streams')
      .where('calendar', '=', calendar)
      .where('stream', '=', stream)
      .where('period', '<', period)
      .where('period', '!=', EVERY_PERIOD)
      .where('entry', 'is', null)
      .execute();
}

/** One row per period; nearly always one, as the lines of a deal are posted together. */
function postingRows({ payee, plan, currency, deal, lines }: Posting): readonly PostingRow[] {
  const [first] = lines;
  if (first === undefined) return [];
  const decimals = decimalsOf(currency);
  const row = (period: string, ofPeriod: readonly PostedLine[]): PostingRow => ({
    payee,
    plan,
    deal,
    period,
    currency,
    lines: JSON.stringify(ofPeriod),
    line_count: ofPeriod.length,
    amount: formatMinor(
      ofPeriod.reduce((sum, { amount }) => sum + parseMinor(amount, decimals), 0n),
      decimals,
    ),
  });
  if (lines.every(({ period }) => period === first.period)) return [row(first.period, lines)];
  return Array.from(
    Map.groupBy(lines, ({ period }) => period),
    ([period, ofPeriod]) => row(period, ofPeriod),
  );
}
