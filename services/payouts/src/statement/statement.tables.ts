/** Statements as rows. Their lines are not in the read model: see `statement-document.service.ts`. */
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import type { Insertable, Selectable, Transaction } from 'kysely';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';

import type { AccountEvent } from '../account/account.js';
import { parseStatementId } from '../account/statement.js';
import type { ListedStatement } from './statement.dto.js';

export interface StatementTables {
  payouts_statements: {
    id: string;
    payee: string;
    currency: string;
    calendar: string;
    period: string;
    opening: string;
    total: string;
    payable: string;
    /** `payable` as a number, to sort by. */
    payable_number: number;
    carried: string;
    forgiven: string | null;
    /** JSON. */
    parts: string | null;
    /** JSON. */
    exchanged: string | null;
    line_count: number;
    hash: string;
    /** Revision of its event in the stream of the account. */
    revision: number;
    approved_by: string | null;
    approved_at: string | null;
    /** Number of the closing that issued it. */
    closing: number;
    withdrawn_at: string | null;
    /** The id in lower case, to search in. */
    search_text: string;
  };
}

export type StatementRow = Selectable<StatementTables['payouts_statements']>;

export function statementRow(
  { data: { statement } }: Extract<AccountEvent, { readonly type: 'StatementIssued' }>,
  revision: number,
): Insertable<StatementTables['payouts_statements']> {
  const { lineCount, forgiven = null, parts, exchanged, ...rest } = statement;
  return {
    ...rest,
    forgiven,
    parts: parts === undefined ? null : JSON.stringify(parts),
    exchanged: exchanged === undefined ? null : JSON.stringify(exchanged),
    payable_number: Number(statement.payable),
    line_count: lineCount,
    revision,
    approved_by: null,
    approved_at: null,
    closing: parseStatementId(statement.id)?.closing ?? 1,
    withdrawn_at: null,
    search_text: statement.id.toLowerCase(),
  };
}

export function listedStatement(row: StatementRow): ListedStatement {
  const { id, payee, currency, calendar, period, opening, total, payable, carried, hash } = row;
  return omitUndefined({
    id,
    payee,
    currency,
    calendar,
    period,
    opening,
    total,
    payable,
    carried,
    forgiven: row.forgiven ?? undefined,
    parts: row.parts === null ? undefined : (JSON.parse(row.parts) as NonNullable<ListedStatement['parts']>),
    exchanged:
      row.exchanged === null ? undefined : (JSON.parse(row.exchanged) as NonNullable<ListedStatement['exchanged']>),
    lineCount: row.line_count,
    hash,
    approvedBy: row.approved_by ?? undefined,
    approvedAt: row.approved_at ?? undefined,
    withdrawnAt: row.withdrawn_at ?? undefined,
  });
}

export async function insertStatements(
  trx: Transaction<StatementTables>,
  rows: readonly Insertable<StatementTables['payouts_statements']>[],
): Promise<void> {
  for (const some of rowChunks(rows)) await trx.insertInto('payouts_statements').values(some).execute();
}

export async function approveStatements(
  trx: Transaction<StatementTables>,
  events: readonly Extract<AccountEvent, { readonly type: 'StatementApproved' }>[],
): Promise<void> {
  // Most approvals of a batch have the same approver and instant, because a whole period was approved at once.
  const approvals = Map.groupBy(events, ({ occurredAt, data }) => JSON.stringify([data.by, occurredAt]));
  for (const together of approvals.values())
    for (const some of rowChunks(together)) {
      const [first] = some;
      if (first === undefined) continue;
      await trx
        .updateTable('payouts_statements')
        .set({ approved_by: first.data.by, approved_at: first.occurredAt })
        .where(
          'id',
          'in',
          some.map(({ data }) => data.statement),
        )
        .execute();
    }
}

export async function withdrawStatements(
  trx: Transaction<StatementTables>,
  events: readonly Extract<AccountEvent, { readonly type: 'StatementWithdrawn' }>[],
): Promise<void> {
  // The statements of a period are withdrawn at one instant.
  for (const [at, together] of Map.groupBy(events, ({ occurredAt }) => occurredAt))
    for (const some of rowChunks(together))
      await trx
        .updateTable('payouts_statements')
        .set({ withdrawn_at: at })
        .where(
          'id',
          'in',
          some.map(({ data }) => data.statement),
        )
        .execute();
}
