import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { PaymentRecorded } from '@tantieme/contracts/payout';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';

import type { PaymentState } from './payment.dto.js';
import type { PaymentTables } from './payment.tables.js';

/** Every recorded payment, in the order in which they were recorded. */
export class ListPayments {
  constructor(
    readonly filter: {
      readonly payout?: string | undefined;
      readonly payee?: string | undefined;
      readonly currency?: string | undefined;
      readonly calendar?: string | undefined;
      readonly period?: string | undefined;
      readonly state?: PaymentState | undefined;
    },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListPayments)
export class ListPaymentsHandler implements IQueryHandler<ListPayments, Page<PaymentRecorded>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<PaymentTables>) {}

  async execute({ filter, limit, cursor }: ListPayments): Promise<Page<PaymentRecorded>> {
    const after = decodeCursor(cursor, 1);
    let query = this.db.selectFrom('payouts_payments').select(['position', 'payment']);
    for (const column of ['payout', 'payee', 'currency', 'calendar', 'period', 'state'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined) query = query.where('position', '>', String(after[0]));
    const rows = await query
      .orderBy('position')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, ({ position }) => [position]);
    return { ...page, items: page.items.map(({ payment }) => JSON.parse(payment) as PaymentRecorded) };
  }
}
