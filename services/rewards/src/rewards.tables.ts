/** The read model: programmes, and what every participant's windows measure and pay at the moment. */
import type { Projection } from '@tantieme/event-sourcing/process/projection';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { sql } from 'kysely';
import type { Insertable, Kysely, Transaction } from 'kysely';

import { BONUS } from './bonus/bonus.js';
import type { BonusEvent, DecidedWindow } from './bonus/bonus.js';
import { compileProgramme, PROGRAMME } from './programme/programme.js';
import type { Programme, ProgrammeDocument, ProgrammeEvent } from './programme/programme.js';
import * as programmesAndBonuses from './migrations/0001-programmes-and-bonuses.js';

export interface RewardsTables {
  rewards_programmes: {
    id: string;
    hash: string;
    /** JSON of the document. */
    document: string;
    published_at: string;
    published_by: string;
  };
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
  /** Periods in which a window has a line: what a closing lists. */
  rewards_bonus_periods: { calendar: string; period: string; stream: string; window_id: string };
}

export const readModel: Projection<RewardsTables> = {
  name: 'rewards-read-model',
  filter: { categories: [PROGRAMME, BONUS], types: ['ProgrammePublished', 'BonusDecided'] },
  migrations: { owner: 'rewards', files: { '0001-programmes-and-bonuses': programmesAndBonuses } },
  tables: ['rewards_programmes', 'rewards_bonuses', 'rewards_bonus_periods'],
  apply,
};

interface NewestWindow {
  readonly stream: string;
  readonly payee: string;
  readonly hash: string;
  readonly decided: DecidedWindow;
}

/** Of many decisions on one window only the last is written. */
async function apply(trx: Transaction<RewardsTables>, events: readonly StoredEvent[]): Promise<void> {
  const windows = new Map<string, NewestWindow>();
  for (const stored of events) {
    const event = domainEventOf<BonusEvent | ProgrammeEvent>(stored, {});
    if (event.type === 'ProgrammePublished') await insertProgramme(trx, event);
    if (event.type !== 'BonusDecided') continue;
    const { payee, programme: hash } = event.data;
    for (const decided of event.data.windows)
      windows.set(`${stored.stream} ${decided.window}`, { stream: stored.stream, payee, hash, decided });
  }
  if (windows.size === 0) return;
  const programmes = await programmesByHash(trx);
  const rows: Insertable<RewardsTables['rewards_bonuses']>[] = [];
  const periods: Insertable<RewardsTables['rewards_bonus_periods']>[] = [];
  for (const { stream, payee, hash, decided } of windows.values()) {
    const programme = programmes.get(hash);
    if (programme === undefined) throw new Error(`${stream} names a programme that was not published: ${hash}`);
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
  for (const some of rowChunks(rows)) await replaceWindows(trx, some);
  for (const some of rowChunks(periods)) await trx.insertInto('rewards_bonus_periods').values(some).execute();
}

async function insertProgramme(
  trx: Transaction<RewardsTables>,
  { data, occurredAt }: Extract<ProgrammeEvent, { readonly type: 'ProgrammePublished' }>,
): Promise<void> {
  const { document, hash, by } = data;
  await trx
    .insertInto('rewards_programmes')
    .values({
      id: document.programme,
      hash,
      document: JSON.stringify(document),
      published_at: occurredAt,
      published_by: by,
    })
    .execute();
}

/** Programmes are few: tens, not thousands. */
async function programmesByHash(trx: Transaction<RewardsTables>): Promise<ReadonlyMap<string, Programme>> {
  const rows = await trx.selectFrom('rewards_programmes').select(['hash', 'document']).execute();
  return new Map(
    rows.map(({ hash, document }) => {
      const parsed: ProgrammeDocument = JSON.parse(document);
      return [hash, compileProgramme(parsed)];
    }),
  );
}

async function replaceWindows(
  trx: Transaction<RewardsTables>,
  rows: readonly Insertable<RewardsTables['rewards_bonuses']>[],
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

/** Streams of the bonuses that have a line in a period, page by page, in order. */
export async function* bonusesWithLinesIn(
  db: Kysely<RewardsTables>,
  calendar: string,
  period: string,
  limit: number,
): AsyncGenerator<readonly string[]> {
  for (let last = ''; ;) {
    const rows = await db
      .selectFrom('rewards_bonus_periods')
      .select('stream')
      .distinct()
      .where('calendar', '=', calendar)
      .where('period', '=', period)
      .where('stream', '>', last)
      .orderBy('stream')
      .limit(limit)
      .execute();
    if (rows.length > 0) yield rows.map(({ stream }) => stream);
    if (rows.length < limit) return;
    last = rows.at(-1)?.stream ?? last;
  }
}
