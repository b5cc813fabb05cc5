/** What is listed: ledger lines, deals that wait, periods with their streams. Filled from the log; may be deleted and is built anew. */
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import type { Projection } from '@tantieme/event-sourcing/projection';
import { domainEventOf } from '@tantieme/event-sourcing/runtime';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import type { CalendarEvent } from './domain/calendar.js';
import { CALENDAR } from './domain/calendar.js';
import { CREDIT, dealOfStream } from './domain/credit.js';
import type { DealCredited } from './domain/credit.js';
import { EARNING } from './domain/earning.js';
import type { EarningAccount, EarningEvent } from './domain/earning.js';
import type { PostedLine } from './domain/posting.js';
import type { LineKind } from '@tantieme/contracts/ledger';

export interface LineRow {
  readonly payee: string;
  readonly plan: string;
  readonly deal: string;
  readonly period: string;
  readonly origin: string;
  readonly component: string;
  readonly line: string;
  readonly kind: LineKind;
  readonly currency: string;
  readonly basis: string;
  readonly amount: string;
}

export interface WaitingRow {
  readonly deal: string;
  readonly code: string;
  readonly subject: string;
  readonly message: string;
  /** When what the deal was last credited for happened. */
  readonly since: string;
}

export interface PeriodRow {
  readonly calendar: string;
  readonly period: string;
  readonly state: 'closing' | 'closed';
  readonly closing_since: string;
  readonly closed_by: string;
}

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

export interface CommissionTables {
  commission_lines: LineRow;
  commission_waiting: WaitingRow;
  commission_periods: PeriodRow;
  commission_streams: StreamRow;
}

/** SQLite takes 32,766 parameters a statement, PostgreSQL 65,535; a line has eleven. */
const LINES_A_STATEMENT = 1000;
const PAIRS_A_STATEMENT = 1000;

export const readModel: Projection<CommissionTables> = {
  name: 'commission-read-model',
  filter: {
    categories: [CREDIT, EARNING, CALENDAR],
    types: [
      'DealCredited',
      'Earned',
      'EarningsPosted',
      'EarningPeriodClosed',
      'PeriodClosing',
      'PeriodSealed',
      'PeriodFinished',
    ],
  },
  async migrate(db) {
    await db.schema
      .createTable('commission_lines')
      .ifNotExists()
      .addColumn('payee', 'text', (column) => column.notNull())
      .addColumn('plan', 'text', (column) => column.notNull())
      .addColumn('deal', 'text', (column) => column.notNull())
      .addColumn('period', 'text', (column) => column.notNull())
      .addColumn('origin', 'text', (column) => column.notNull())
      .addColumn('component', 'text', (column) => column.notNull())
      .addColumn('line', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('currency', 'text', (column) => column.notNull())
      .addColumn('basis', 'text', (column) => column.notNull())
      .addColumn('amount', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('commission_lines_key', [...LINE_KEY])
      .execute();
    await db.schema
      .createTable('commission_waiting')
      .ifNotExists()
      .addColumn('deal', 'text', (column) => column.notNull())
      .addColumn('code', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('message', 'text', (column) => column.notNull())
      .addColumn('since', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('commission_waiting_key', ['deal', 'code', 'subject'])
      .execute();
    await db.schema
      .createTable('commission_periods')
      .ifNotExists()
      .addColumn('calendar', 'text', (column) => column.notNull())
      .addColumn('period', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('closing_since', 'text', (column) => column.notNull())
      .addColumn('closed_by', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('commission_periods_key', ['calendar', 'period'])
      .execute();
    await db.schema
      .createTable('commission_streams')
      .ifNotExists()
      .addColumn('calendar', 'text', (column) => column.notNull())
      .addColumn('period', 'text', (column) => column.notNull())
      .addColumn('stream', 'text', (column) => column.notNull())
      .addColumn('payee', 'text', (column) => column.notNull())
      .addColumn('plan', 'text', (column) => column.notNull())
      .addColumn('entry', 'text')
      .addPrimaryKeyConstraint('commission_streams_key', ['calendar', 'period', 'stream'])
      .execute();
  },
  async apply(trx, events) {
    const changes = new Changes();
    for (const stored of events) changes.take(stored);
    await changes.write(trx);
  },
};

export const LINE_KEY = ['payee', 'plan', 'deal', 'period', 'origin', 'component', 'line', 'kind'] as const;

interface Posting {
  readonly account: EarningAccount;
  readonly deal: string;
  readonly lines: readonly PostedLine[];
}

/** What a page of events comes to: states are whole, so of several in the page the last one counts. */
class Changes {
  private readonly postings = new Map<string, Posting>();
  private readonly waiting = new Map<string, readonly WaitingRow[]>();
  private readonly waited = new Set<string>();
  private readonly periods = new Map<string, PeriodRow>();
  private readonly finished = new Set<string>();
  private readonly streams = new Map<string, StreamRow>();
  /** Streams whose lines of periods before have moved into the closed one. */
  private readonly closed: StreamRow[] = [];

  take(stored: StoredEvent): void {
    switch (stored.type) {
      case 'DealCredited':
        return this.takeCredit(stored, domainEventOf<DealCredited>(stored, {}));
      case 'Earned':
      case 'EarningsPosted':
      case 'EarningPeriodClosed':
        return this.takeEarning(stored, domainEventOf<EarningEvent>(stored, {}));
      case 'PeriodClosing':
      case 'PeriodSealed':
      case 'PeriodFinished':
        return this.takeCalendar(stored, domainEventOf<CalendarEvent>(stored, {}));
    }
  }

  private takeCredit({ stream }: StoredEvent, { occurredAt, data }: DealCredited): void {
    const deal = dealOfStream(stream);
    if (data.number > 1) this.waited.add(deal);
    this.waiting.set(
      deal,
      data.waiting.map((one) => ({ deal, ...one, since: occurredAt })),
    );
  }

  private takeEarning({ stream }: StoredEvent, event: EarningEvent): void {
    const { account, deals } = event.data;
    const { calendar, payee, plan } = account;
    for (const { deal, lines } of deals) {
      this.postings.set(`${account.payee}\n${account.plan}\n${deal}`, { account, deal, lines });
      for (const { period } of lines) {
        const name = `${calendar}\n${period}\n${stream}`;
        if (!this.streams.has(name)) this.streams.set(name, { calendar, period, stream, payee, plan, entry: null });
      }
    }
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
    await this.writeLines(trx);
    await this.writeWaiting(trx);
    await this.writePeriods(trx);
    await this.writeStreams(trx);
  }

  private async writeLines(trx: Transaction<CommissionTables>): Promise<void> {
    const postings = [...this.postings.values()];
    for (let at = 0; at < postings.length; at += PAIRS_A_STATEMENT) {
      const some = postings.slice(at, at + PAIRS_A_STATEMENT);
      const keys = sql.join(some.map(({ account, deal }) => sql`(${account.payee}, ${account.plan}, ${deal})`));
      await sql`delete from commission_lines where (payee, plan, deal) in (values ${keys})`.execute(trx);
    }
    const rows = postings.flatMap(({ account: { payee, plan, currency }, deal, lines }) =>
      lines.map(({ period, origin, component, line, kind, basis, amount }): LineRow => ({
        payee,
        plan,
        deal,
        period,
        origin,
        component,
        line,
        kind,
        currency,
        basis,
        amount,
      })),
    );
    for (let at = 0; at < rows.length; at += LINES_A_STATEMENT)
      await trx
        .insertInto('commission_lines')
        .values(rows.slice(at, at + LINES_A_STATEMENT))
        .execute();
  }

  private async writeWaiting(trx: Transaction<CommissionTables>): Promise<void> {
    const again = [...this.waited];
    for (let at = 0; at < again.length; at += PAIRS_A_STATEMENT)
      await trx
        .deleteFrom('commission_waiting')
        .where('deal', 'in', again.slice(at, at + PAIRS_A_STATEMENT))
        .execute();
    const rows = [...this.waiting.values()].flat();
    for (let at = 0; at < rows.length; at += LINES_A_STATEMENT)
      await trx
        .insertInto('commission_waiting')
        .values(rows.slice(at, at + LINES_A_STATEMENT))
        .onConflict((conflict) =>
          conflict
            .columns(['deal', 'code', 'subject'])
            .doUpdateSet((set) => ({ message: set.ref('excluded.message'), since: set.ref('excluded.since') })),
        )
        .execute();
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
    const rows = [...this.streams.values()];
    for (let at = 0; at < rows.length; at += LINES_A_STATEMENT)
      await trx
        .insertInto('commission_streams')
        .values(rows.slice(at, at + LINES_A_STATEMENT))
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
        .where('entry', 'is', null)
        .execute();
  }
}
