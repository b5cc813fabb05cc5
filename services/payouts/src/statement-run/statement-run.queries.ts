import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { StatementRunProgress, StatementRunState } from './statement-run.dto.js';
import type { StatementRunRow, StatementRunTables } from './statement-run.tables.js';

/** The progress of one period. A period that nobody has closed awaits its manifests. */
export class ReadStatementRun {
  constructor(
    readonly calendar: string,
    readonly period: string,
  ) {}
}

@QueryHandler(ReadStatementRun)
export class ReadStatementRunHandler implements IQueryHandler<ReadStatementRun, StatementRunProgress> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<StatementRunTables>) {}

  async execute({ calendar, period }: ReadStatementRun): Promise<StatementRunProgress> {
    const row = await this.db
      .selectFrom('payouts_statement_runs')
      .selectAll()
      .where('calendar', '=', calendar)
      .where('period', '=', period)
      .executeTakeFirst();
    if (row !== undefined) return progressOf(row);
    const nothing = { received: 0, pages: 0 };
    return { calendar, period, state: 'awaiting-manifests', manifests: { commissions: nothing, rewards: nothing } };
  }
}

export class ListStatementRuns {
  constructor(
    readonly filter: {
      readonly calendar?: string | undefined;
      readonly period?: string | undefined;
      readonly state?: StatementRunState | undefined;
    },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

const MANIFESTS_COMPLETE = sql<boolean>`(commissions_pages > 0 and commissions_received = commissions_pages
  and rewards_pages > 0 and rewards_received = rewards_pages)`;

@QueryHandler(ListStatementRuns)
export class ListStatementRunsHandler implements IQueryHandler<ListStatementRuns, Page<StatementRunProgress>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<StatementRunTables>) {}

  async execute({ filter, limit, cursor }: ListStatementRuns): Promise<Page<StatementRunProgress>> {
    const after = decodeCursor(cursor, 2);
    let query = this.db.selectFrom('payouts_statement_runs').selectAll();
    for (const column of ['calendar', 'period'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (filter.state !== undefined) {
      query = query.where('withdrawn', '=', filter.state === 'withdrawn' ? 1 : 0);
      if (filter.state !== 'withdrawn')
        query = query.where('statements', filter.state === 'issued' ? 'is not' : 'is', null);
    }
    if (filter.state === 'issuing') query = query.where(MANIFESTS_COMPLETE);
    if (filter.state === 'awaiting-manifests') query = query.where(sql<boolean>`not ${MANIFESTS_COMPLETE}`);
    if (after !== undefined) query = query.where(sql<boolean>`(calendar, period) > (${sql.join([...after])})`);
    const rows = await query
      .orderBy('calendar')
      .orderBy('period')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, ({ calendar, period }) => [calendar, period]);
    return { ...page, items: page.items.map(progressOf) };
  }
}

function progressOf(row: StatementRunRow): StatementRunProgress {
  const { calendar, period } = row;
  const commissions = { received: row.commissions_received, pages: row.commissions_pages };
  const rewards = { received: row.rewards_received, pages: row.rewards_pages };
  const isComplete = [commissions, rewards].every(({ received, pages }) => pages > 0 && received === pages);
  const reached = row.statements !== null ? 'issued' : isComplete ? 'issuing' : 'awaiting-manifests';
  const state: StatementRunState = row.withdrawn === 1 ? 'withdrawn' : reached;
  return omitUndefined({
    calendar,
    period,
    closing: row.closing,
    state,
    manifests: { commissions, rewards },
    statements: row.statements ?? undefined,
  });
}
