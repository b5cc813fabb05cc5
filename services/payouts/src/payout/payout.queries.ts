import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';

import type { Payout, PayoutState } from './payout.dto.js';
import { payoutOf } from './payout.tables.js';
import type { PayoutTables } from './payout.tables.js';

export interface PayoutFilter {
  readonly payee?: string | undefined;
  readonly currency?: string | undefined;
  readonly calendar?: string | undefined;
  readonly period?: string | undefined;
  readonly state?: PayoutState | undefined;
}

/** Payouts in the order in which they were approved, so that finance can read on from its last cursor. */
export class ListPayouts {
  constructor(
    readonly filter: PayoutFilter,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListPayouts)
export class ListPayoutsHandler implements IQueryHandler<ListPayouts, Page<Payout>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<PayoutTables>) {}

  async execute({ filter, limit, cursor }: ListPayouts): Promise<Page<Payout>> {
    const after = decodeCursor(cursor, 1);
    let query = this.db.selectFrom('payouts_payouts').selectAll();
    for (const column of ['payee', 'currency', 'calendar', 'period', 'state'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined) query = query.where('position', '>', String(after[0]));
    const rows = await query
      .orderBy('position')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, ({ position }) => [position]);
    return { ...page, items: page.items.map(payoutOf) };
  }
}
