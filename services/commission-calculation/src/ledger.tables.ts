/** What is listed: ledger lines, periods with their streams, exchange rates and quotas. Filled from the log; may be deleted and is built anew. */
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import type { Projection } from '@tantieme/event-sourcing/process/projection';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import type { CalendarEvent } from './period/calendar.js';
import { CALENDAR } from './period/calendar.js';
import { EARNING } from './earning/earning.js';
import type { EarningAccount, EarningEvent } from './earning/earning.js';
import type { PostedLine } from './earning/posting.js';
import { REFERENCE } from './reference/reference.js';
import { writeLacking } from './earning/missing-quota.tables.js';
import type { LackingTables } from './credit/pending-deals.tables.js';
import { MIGRATIONS } from './migrations.js';
import { REFERENCES_LISTED, writeReferences } from './reference/reference.tables.js';
import type { ReferenceTables } from './reference/reference.tables.js';

/** What is posted of one deal to one payee under one plan in one period. */
export interface PostingRow {
  readonly payee: string;
  readonly plan: string;
  readonly deal: string;
  readonly period: string;
  readonly currency: string;
  /** JSON of the posted lines, in canonical order. */
  readonly lines: string;
}

export interface PeriodRow {
  readonly calendar: string;
  readonly period: string;
  readonly state: 'closing' | 'closed';
  readonly closing_since: string;
  readonly closed_by: string;
}

/** Period of the row of a stream that every closing settles. It comes before all others. */
export const EVERY_PERIOD = '';

/** An earning stream with a line in a period. */
export interface StreamRow {
  readonly calendar: string;
  readonly period: string;
  readonly stream: string;
  readonly payee: string;
  readonly plan: string;
  /** JSON of the manifest's entry; null while it is open. */
  readonly entry: string | null;
}

export interface CommissionTables extends ReferenceTables, LackingTables {
  commission_postings: PostingRow;
  commission_periods: PeriodRow;
  commission_streams: StreamRow;
}

/** Streams of open periods that are remembered as noted. */
const NOTED_MAX = 100_000;

export function createReadModel(): Projection<CommissionTables> {
  return { ...READ_MODEL, apply: applyTo(new Noted()) };
}

const READ_MODEL = {
  name: 'commission-read-model',
  filter: {
    categories: [EARNING, CALENDAR, REFERENCE],
    types: [
      'Earned',
      'ChildEarningTaken',
      'GrantTaken',
      'AccountFactsTaken',
      'EarningsPosted',
      'EarningPeriodClosed',
      'PeriodClosing',
      'PeriodSealed',
      'PeriodFinished',
      ...REFERENCES_LISTED,
    ],
  },
  migrations: MIGRATIONS,
  tables: [
    'commission_postings',
    'commission_periods',
    'commission_streams',
    'commission_exchange_rates',
    'commission_quotas',
    'commission_lacking',
  ],
} satisfies Omit<Projection<CommissionTables>, 'apply'>;

/** Streams that the table names already, so that not every page writes them again. */
class Noted {
  through = 0n;
  readonly streams = new Set<string>();
}

function applyTo(noted: Noted): Projection<CommissionTables>['apply'] {
  return async (trx, events) => {
    const first = events[0];
    // After a failure the same events come again, and what was noted for them may have been rolled back.
    if (first === undefined || first.position <= noted.through) noted.streams.clear();
    const changes = new Changes(noted.streams);
    for (const stored of events) changes.take(stored);
    await changes.write(trx);
    await writeReferences(trx, events);
    await writeLacking(trx, events);
    noted.through = events.at(-1)?.position ?? noted.through;
  };
}

interface Posting {
  readonly account: EarningAccount;
  readonly deal: string;
  readonly lines: readonly PostedLine[];
  /** Nothing of the deal can be in the table. */
  readonly isFirst: boolean;
}

/** What a page of events comes to: states are whole, so of several in the page the last one counts. */
class Changes {
  private readonly postings = new Map<string, Posting>();
  private readonly periods = new Map<string, PeriodRow>();
  private readonly finished = new Set<string>();
  private readonly streams = new Map<string, StreamRow>();
  /** Streams whose lines of periods before have moved into the closed one. */
  private readonly closed: StreamRow[] = [];

  constructor(private readonly noted: Set<string>) {}

  take(stored: StoredEvent): void {
    switch (stored.type) {
      case 'Earned':
      case 'ChildEarningTaken':
      case 'GrantTaken':
      case 'AccountFactsTaken':
      case 'EarningsPosted':
      case 'EarningPeriodClosed':
        return this.takeEarning(stored, domainEventOf<EarningEvent>(stored, {}));
      case 'PeriodClosing':
      case 'PeriodSealed':
      case 'PeriodFinished':
        return this.takeCalendar(stored, domainEventOf<CalendarEvent>(stored, {}));
    }
  }

  private takeEarning({ stream }: StoredEvent, event: EarningEvent): void {
    const { account, deals } = event.data;
    const { calendar, payee, plan } = account;
    const first = event.type === 'Earned' && event.data.input.number === 1 ? event.data.input.deal : undefined;
    for (const { deal, lines } of deals) {
      const key = `${payee}\n${plan}\n${deal}`;
      const isFirst = this.postings.get(key)?.isFirst ?? deal === first;
      this.postings.set(key, { account, deal, lines, isFirst });
      for (const { period } of lines) {
        const name = `${calendar}\n${period}\n${stream}`;
        if (this.noted.has(name) || this.streams.has(name)) continue;
        this.streams.set(name, { calendar, period, stream, payee, plan, entry: null });
      }
    }
    // A payee with a guarantee or a draw is settled with every closing, also without any line.
    if (event.type === 'AccountFactsTaken')
      this.streams.set(`${calendar}\n${EVERY_PERIOD}\n${stream}`, {
        calendar,
        period: EVERY_PERIOD,
        stream,
        payee,
        plan,
        entry: null,
      });
    if (event.type === 'EarningPeriodClosed') {
      const { period, entry } = event.data;
      const row = { calendar, period, stream, payee, plan, entry: JSON.stringify(entry satisfies ManifestEntry) };
      this.streams.set(`${calendar}\n${period}\n${stream}`, row);
      this.closed.push(row);
    }
  }

  private takeCalendar({ stream }: StoredEvent, event: CalendarEvent): void {
    const calendar = stream.slice(CALENDAR.length + 1);
    const { period } = event.data;
    const name = `${calendar}\n${period}`;
    if (event.type === 'PeriodClosing')
      this.periods.set(name, {
        calendar,
        period,
        state: 'closing',
        closing_since: event.occurredAt,
        closed_by: event.data.by,
      });
    else if (event.type === 'PeriodFinished') this.finished.add(name);
  }

  async write(trx: Transaction<CommissionTables>): Promise<void> {
    await this.writePostings(trx);
    await this.writePeriods(trx);
    await this.writeStreams(trx);
  }

  private async writePostings(trx: Transaction<CommissionTables>): Promise<void> {
    const postings = [...this.postings.values()];
    const again = postings.filter(({ isFirst }) => !isFirst);
    for (const some of rowChunks(again)) {
      const keys = sql.join(some.map(({ account, deal }) => sql`(${account.payee}, ${account.plan}, ${deal})`));
      await sql`delete from commission_postings where (payee, plan, deal) in (values ${keys})`.execute(trx);
    }
    for (const rows of rowChunks(postings.flatMap(postingRows)))
      await trx.insertInto('commission_postings').values(rows).execute();
  }

  private async writePeriods(trx: Transaction<CommissionTables>): Promise<void> {
    for (const row of this.periods.values())
      await trx
        .insertInto('commission_periods')
        .values(row)
        .onConflict((conflict) => conflict.columns(['calendar', 'period']).doNothing())
        .execute();
    for (const name of this.finished) {
      const [calendar = '', period = ''] = name.split('\n');
      await trx
        .updateTable('commission_periods')
        .set({ state: 'closed' })
        .where('calendar', '=', calendar)
        .where('period', '=', period)
        .execute();
    }
  }

  private async writeStreams(trx: Transaction<CommissionTables>): Promise<void> {
    for (const rows of rowChunks([...this.streams.values()]))
      await trx
        .insertInto('commission_streams')
        .values(rows)
        .onConflict((conflict) =>
          conflict.columns(['calendar', 'period', 'stream']).doUpdateSet({
            entry: sql<string | null>`coalesce(excluded.entry, commission_streams.entry)`,
          }),
        )
        .execute();
    for (const { calendar, period, stream } of this.closed)
      await trx
        .deleteFrom('commission_streams')
        .where('calendar', '=', calendar)
        .where('stream', '=', stream)
        .where('period', '<', period)
        .where('period', '!=', EVERY_PERIOD)
        .where('entry', 'is', null)
        .execute();
    if (this.noted.size > NOTED_MAX) this.noted.clear();
    for (const name of this.streams.keys()) this.noted.add(name);
  }
}

/** A row a period: nearly always one, as a deal's lines are posted together. */
function postingRows({ account: { payee, plan, currency }, deal, lines }: Posting): readonly PostingRow[] {
  const [first] = lines;
  if (first === undefined) return [];
  const row = (period: string, some: readonly PostedLine[]): PostingRow => ({
    payee,
    plan,
    deal,
    period,
    currency,
    lines: JSON.stringify(some),
  });
  if (lines.every(({ period }) => period === first.period)) return [row(first.period, lines)];
  return Array.from(
    Map.groupBy(lines, ({ period }) => period),
    ([period, some]) => row(period, some),
  );
}
