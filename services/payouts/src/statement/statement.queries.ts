import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { Statement, StatementIssued } from '@tantieme/contracts/payout';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { EventStore } from '@tantieme/event-store/event-store';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely, Selectable } from 'kysely';

import { readStatement } from './statement-document.service.js';
import { statementDocument } from './statement.js';
import type { PayoutsTables, StatementsTable } from '../payouts.tables.js';

export interface ListedStatement extends StatementIssued {
  /** Who approved it; missing while nobody has. */
  readonly approvedBy?: string;
  readonly approvedAt?: string;
}

export class ListStatements {
  constructor(
    readonly filter: {
      readonly payee?: string | undefined;
      readonly currency?: string | undefined;
      readonly calendar?: string | undefined;
      readonly period?: string | undefined;
    },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListStatements)
export class ListStatementsHandler implements IQueryHandler<ListStatements, Page<ListedStatement>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<PayoutsTables>) {}

  async execute({ filter, limit, cursor }: ListStatements): Promise<Page<ListedStatement>> {
    const after = decodeCursor(cursor, 4);
    let query = this.db.selectFrom('payouts_statements').selectAll();
    for (const column of ['payee', 'currency', 'calendar', 'period'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined)
      query = query.where(sql<boolean>`(period, payee, currency, calendar) > (${sql.join([...after])})`);
    const rows = await query
      .orderBy('period')
      .orderBy('payee')
      .orderBy('currency')
      .orderBy('calendar')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, ({ period, payee, currency, calendar }) => [period, payee, currency, calendar]);
    return { ...page, items: page.items.map(listed) };
  }
}

function listed(row: Selectable<StatementsTable>): ListedStatement {
  const {
    line_count: lineCount,
    revision: _,
    approved_by: approvedBy,
    approved_at: approvedAt,
    forgiven,
    parts,
    exchanged,
    ...rest
  } = row;
  return {
    ...rest,
    lineCount,
    ...(forgiven === null ? {} : { forgiven }),
    ...(parts === null ? {} : { parts: JSON.parse(parts) }),
    ...(exchanged === null ? {} : { exchanged: JSON.parse(exchanged) }),
    ...(approvedBy === null ? {} : { approvedBy }),
    ...(approvedAt === null ? {} : { approvedAt }),
  };
}

/** One statement, with its lines. */
export class ReadStatement {
  constructor(readonly id: string) {}
}

export interface StatementRead {
  readonly statement: Statement;
  readonly listed: ListedStatement;
}

@QueryHandler(ReadStatement)
export class ReadStatementHandler implements IQueryHandler<ReadStatement, StatementRead> {
  constructor(
    @Inject(DATABASE) private readonly db: Kysely<PayoutsTables>,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** @throws {DomainError} `StatementUnknown` */
  async execute({ id }: ReadStatement): Promise<StatementRead> {
    const row = await this.db.selectFrom('payouts_statements').selectAll().where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw new DomainError('StatementUnknown', `there is no statement ${id}`, 'not-found');
    return { statement: await readStatement(this.store, row), listed: listed(row) };
  }
}

/** The canonical documents of all statements of a period, in order of payee and currency, one after the other. */
export class ExportStatements {
  constructor(
    readonly calendar: string,
    readonly period: string,
    /** Only of this payee, where one is named. */
    readonly payee: string | undefined,
  ) {}
}

const EXPORT_PAGE_ROWS = 200;

@QueryHandler(ExportStatements)
export class ExportStatementsHandler implements IQueryHandler<ExportStatements, AsyncGenerator<string>> {
  constructor(
    @Inject(DATABASE) private readonly db: Kysely<PayoutsTables>,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  async execute(query: ExportStatements): Promise<AsyncGenerator<string>> {
    return this.documents(query);
  }

  private async *documents({ calendar, period, payee }: ExportStatements): AsyncGenerator<string> {
    for (let last: { payee: string; currency: string } | undefined; ;) {
      let query = this.db
        .selectFrom('payouts_statements')
        .select(['id', 'payee', 'currency', 'revision'])
        .where('calendar', '=', calendar)
        .where('period', '=', period);
      if (payee !== undefined) query = query.where('payee', '=', payee);
      if (last !== undefined)
        query = query.where(sql<boolean>`(payee, currency) > (${sql.join([last.payee, last.currency])})`);
      const rows = await query.orderBy('payee').orderBy('currency').limit(EXPORT_PAGE_ROWS).execute();
      for (const row of rows) yield `${statementDocument(await readStatement(this.store, row))}\n`;
      last = rows.at(-1);
      if (last === undefined || rows.length < EXPORT_PAGE_ROWS) return;
    }
  }
}
