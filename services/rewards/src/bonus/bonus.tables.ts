import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { sql } from 'kysely';
import type { Insertable, Kysely, Transaction } from 'kysely';

import type { DecidedWindow } from './bonus.js';
import type { Programme } from '../programme/programme.js';

export interface BonusTables {
  rewards_bonuses: {
    stream: string;
    window_id: string;
    payee: string;
    programme: string;
    calendar: string;
    currency: string;
    measured: string;
    /** Sum of the lines. */
    amount: string;
    /** JSON of the lines. */
    lines: string;
  };
  /** Periods in which a window has a line; a closing reads it. */
  rewards_bonus_periods: { calendar: string; period: string; stream: string; window_id: string };
}

/** The newest decision on a window. */
export interface NewestWindow {
  readonly stream: string;
  readonly payee: string;
  readonly programme: Programme;
  readonly decided: DecidedWindow;
}

/** @param windows at most one of each stream and window */
export async function replaceWindows(trx: Transaction<BonusTables>, windows: Iterable<NewestWindow>): Promise<void> {
  const rows: Insertable<BonusTables['rewards_bonuses']>[] = [];
  const periods: Insertable<BonusTables['rewards_bonus_periods']>[] = [];
  for (const { stream, payee, programme, decided } of windows) {
    const { currency } = programme.document;
    const calendar = programme.calendarKey;
    const { window: window_id, measured, lines } = decided;
    const amountMinor = lines.reduce((sumMinor, { amount }) => sumMinor + parseAmount(amount, currency), 0n);
    rows.push({
      stream,
      window_id,
      payee,
      programme: programme.id,
      calendar,
      currency,
      measured,
      amount: formatAmount(amountMinor, currency),
      lines: JSON.stringify(lines),
    });
    for (const period of new Set(lines.map((line) => line.period)))
      periods.push({ calendar, period, stream, window_id });
  }
  for (const some of rowChunks(rows)) await replaceRows(trx, some);
  for (const some of rowChunks(periods)) await trx.insertInto('rewards_bonus_periods').values(some).execute();
}

async function replaceRows(
  trx: Transaction<BonusTables>,
  rows: readonly Insertable<BonusTables['rewards_bonuses']>[],
): Promise<void> {
  await trx
    .insertInto('rewards_bonuses')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['stream', 'window_id']).doUpdateSet({
        measured: sql`excluded.measured`,
        amount: sql`excluded.amount`,
        lines: sql`excluded.lines`,
      }),
    )
    .execute();
  const keys = sql.join(rows.map(({ stream, window_id }) => sql`(${stream}, ${window_id})`));
  await sql`delete from rewards_bonus_periods where (stream, window_id) in (values ${keys})`.execute(trx);
}

/** Streams of the bonuses of a calendar, in order, `limit` at a time. */
export function bonusesOfCalendar(
  db: Kysely<BonusTables>,
  calendar: string,
  limit: number,
): AsyncGenerator<readonly string[]> {
  const query = db.selectFrom('rewards_bonuses').select('stream').distinct().where('calendar', '=', calendar);
  return pagesOf(limit, (last) => query.where('stream', '>', last).orderBy('stream').limit(limit).execute());
}

/** Streams of the bonuses with a line in a period, in order, `limit` at a time. */
export function bonusesWithLinesIn(
  db: Kysely<BonusTables>,
  calendar: string,
  period: string,
  limit: number,
): AsyncGenerator<readonly string[]> {
  const query = db
    .selectFrom('rewards_bonus_periods')
    .select('stream')
    .distinct()
    .where('calendar', '=', calendar)
    .where('period', '=', period);
  return pagesOf(limit, (last) => query.where('stream', '>', last).orderBy('stream').limit(limit).execute());
}

/** @param after the rows of the page after a stream */
async function* pagesOf(
  limit: number,
  after: (last: string) => Promise<readonly { readonly stream: string }[]>,
): AsyncGenerator<readonly string[]> {
  for (let last = ''; ;) {
    const streams = (await after(last)).map(({ stream }) => stream);
    if (streams.length > 0) yield streams;
    if (streams.length < limit) return;
    last = streams.at(-1) ?? last;
  }
}
