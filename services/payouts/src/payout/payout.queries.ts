import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { PaymentRecorded, PayoutDue } from '@tantieme/contracts/payout';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { PayoutsTables } from '../payouts.tables.js';

export interface PayoutRead extends PayoutDue {
  /** The newest answer of finance; left out while there is none. */
  readonly payment?: PaymentRecorded;
}

/** The payouts in the order in which they were approved: finance reads on from its cursor. */
export class ListPayouts {
  constructor(
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListPayouts)
export class ListPayoutsHandler implements IQueryHandler<ListPayouts, Page<PayoutRead>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<PayoutsTables>) {}

  async execute({ limit, cursor }: ListPayouts): Promise<Page<PayoutRead>> {
    const after = decodeCursor(cursor, 1);
    let query = this.db.selectFrom('payouts_payouts').selectAll();
    if (after !== undefined) query = query.where('position', '>', String(after[0]));
    const rows = await query
      .orderBy('position')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, ({ position }) => [position]);
    return {
      ...page,
      items: page.items.map(({ position: _, approved_by: approvedBy, parts, exchanged, payment, ...rest }) => ({
        ...rest,
        ...(parts === null ? {} : { parts: JSON.parse(parts) }),
        ...(exchanged === null ? {} : { exchanged: JSON.parse(exchanged) }),
        approvedBy,
        ...(payment === null ? {} : { payment: JSON.parse(payment) }),
      })),
    };
  }
}

export interface Balance {
  readonly payee: string;
  readonly currency: string;
  readonly calendar: string;
  /** Period of the newest statement. */
  readonly period: string;
  /** What it carries to the next one: decimal text, negative where the payee owes. */
  readonly carried: string;
}

export class ListBalances {
  constructor(
    readonly payee: string | undefined,
    readonly currency: string | undefined,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListBalances)
export class ListBalancesHandler implements IQueryHandler<ListBalances, Page<Balance>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<PayoutsTables>) {}

  async execute({ payee, currency, limit, cursor }: ListBalances): Promise<Page<Balance>> {
    const after = decodeCursor(cursor, 3);
    let query = this.db.selectFrom('payouts_balances').selectAll();
    if (payee !== undefined) query = query.where('payee', '=', payee);
    if (currency !== undefined) query = query.where('currency', '=', currency);
    if (after !== undefined) query = query.where(sql<boolean>`(payee, currency, calendar) > (${sql.join([...after])})`);
    const rows = await query
      .orderBy('payee')
      .orderBy('currency')
      .orderBy('calendar')
      .limit(limit + 1)
      .execute();
    return pageOf(rows, limit, (row) => [row.payee, row.currency, row.calendar]);
  }
}
