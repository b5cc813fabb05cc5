import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { Statement } from '@tantieme/contracts/payout';
import { scaledBytes } from '@tantieme/event-sourcing/decide/cache-scale';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { EventStore } from '@tantieme/event-store/event-store';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { LRUCache } from 'lru-cache';

import { statementDocument, statementUnknown } from '../account/statement.js';
import { readStatement } from './statement-document.service.js';
import type { ListedStatement, StatementSort, StatementState } from './statement.dto.js';
import { listedStatement } from './statement.tables.js';
import type { StatementTables } from './statement.tables.js';
import { EXPORT_PAGE_ROWS, STATEMENT_LINE_BYTES, STATEMENTS_READ_BYTES_MAX } from '../limits.js';

export interface StatementFilter {
  readonly payee?: string | undefined;
  readonly currency?: string | undefined;
  readonly calendar?: string | undefined;
  readonly period?: string | undefined;
  readonly state?: StatementState | undefined;
  /** Words that the id contains, in upper or lower case. */
  readonly text?: string | undefined;
}

export class ListStatements {
  constructor(
    readonly filter: StatementFilter,
    readonly sort: StatementSort,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

/** Each order ends in columns that make it unique. */
const SORT_COLUMNS = {
  period: ['period', 'payee', 'currency', 'calendar'],
  payee: ['payee', 'period', 'currency', 'calendar'],
  payable: ['payable_number', 'payee', 'period', 'currency', 'calendar'],
} as const;

@QueryHandler(ListStatements)
export class ListStatementsHandler implements IQueryHandler<ListStatements, Page<ListedStatement>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<StatementTables>) {}

  /** @throws {DomainError} `CursorInvalid` */
  async execute({ filter, sort, limit, cursor }: ListStatements): Promise<Page<ListedStatement>> {
    let query = this.db.selectFrom('payouts_statements').selectAll();
    for (const column of ['payee', 'currency', 'calendar', 'period'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (filter.state !== undefined)
      query = query.where('approved_by', filter.state === 'approved' ? 'is not' : 'is', null);
    for (const word of filter.text?.toLowerCase().split(/\s+/) ?? []) {
      const pattern = `%${word.replaceAll(/[\\%_]/g, '\\$&')}%`;
      query = query.where(sql<boolean>`search_text like ${pattern} escape '\\'`);
    }
    const isDescending = sort.startsWith('-');
    const columns: readonly (keyof StatementTables['payouts_statements'])[] =
      SORT_COLUMNS[sort.replace('-', '') as keyof typeof SORT_COLUMNS];
    const [cursorSort, ...after] = decodeCursor(cursor, columns.length + 1) ?? [];
    if (cursorSort !== undefined) {
      if (cursorSort !== sort)
        throw new DomainError('CursorInvalid', 'the cursor belongs to another order of the list', 'invalid', [
          { field: 'cursor', reason: 'belongs to another order; repeat the `sort` of the page that it came from' },
        ]);
      const names = sql.join(columns.map((column) => sql.ref(column)));
      query = query.where(sql<boolean>`(${names}) ${sql.raw(isDescending ? '<' : '>')} (${sql.join(after)})`);
    }
    for (const column of columns) query = query.orderBy(column, isDescending ? 'desc' : 'asc');
    const page = pageOf(await query.limit(limit + 1).execute(), limit, (row) => [
      sort,
      ...columns.map((column) => row[column] ?? ''),
    ]);
    return { ...page, items: page.items.map(listedStatement) };
  }
}

/** One statement with all its lines. */
export class ReadStatement {
  constructor(readonly id: string) {}
}

export interface StatementWithLines {
  readonly statement: Statement;
  readonly listed: ListedStatement;
}

@QueryHandler(ReadStatement)
export class ReadStatementHandler implements IQueryHandler<ReadStatement, StatementWithLines> {
  /** An issued statement never changes. */
  private readonly statements = new LRUCache<string, Statement>({
    maxSize: scaledBytes(STATEMENTS_READ_BYTES_MAX),
    sizeCalculation: ({ lines }) => 1000 + lines.length * STATEMENT_LINE_BYTES,
  });

  constructor(
    @Inject(DATABASE) private readonly db: Kysely<StatementTables>,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** @throws {DomainError} `StatementUnknown` */
  async execute({ id }: ReadStatement): Promise<StatementWithLines> {
    const row = await this.db.selectFrom('payouts_statements').selectAll().where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw statementUnknown(id);
    const key = `${id} ${row.revision}`;
    const statement = this.statements.get(key) ?? (await readStatement(this.store, row));
    this.statements.set(key, statement);
    return { statement, listed: listedStatement(row) };
  }
}

/** The canonical documents of all statements of a period, by payee and currency, one per line. */
export class ExportStatements {
  constructor(
    readonly calendar: string,
    readonly period: string,
    /** Only of this payee, if given. */
    readonly payee: string | undefined,
  ) {}
}

@QueryHandler(ExportStatements)
export class ExportStatementsHandler implements IQueryHandler<ExportStatements, AsyncGenerator<string>> {
  constructor(
    @Inject(DATABASE) private readonly db: Kysely<StatementTables>,
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
