import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { RewardsTables } from '../rewards.tables.js';

/** What a participant's window measures and pays at the moment. */
export interface BonusRead {
  readonly payee: string;
  readonly programme: string;
  readonly currency: string;
  readonly calendar: string;
  readonly window: string;
  readonly measured: string;
  /** Sum of the lines. */
  readonly amount: string;
  readonly lines: readonly LedgerLine[];
}

export class ListBonuses {
  constructor(
    readonly filter: {
      readonly payee?: string | undefined;
      readonly programme?: string | undefined;
      readonly window?: string | undefined;
    },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListBonuses)
export class ListBonusesHandler implements IQueryHandler<ListBonuses, Page<BonusRead>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<RewardsTables>) {}

  async execute({ filter, limit, cursor }: ListBonuses): Promise<Page<BonusRead>> {
    const after = decodeCursor(cursor, 3);
    let query = this.db.selectFrom('rewards_bonuses').selectAll();
    if (filter.payee !== undefined) query = query.where('payee', '=', filter.payee);
    if (filter.programme !== undefined) query = query.where('programme', '=', filter.programme);
    if (filter.window !== undefined) query = query.where('window_id', '=', filter.window);
    if (after !== undefined)
      query = query.where(sql<boolean>`(payee, programme, window_id) > (${sql.join([...after])})`);
    const rows = await query
      .orderBy('payee')
      .orderBy('programme')
      .orderBy('window_id')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, (row) => [row.payee, row.programme, row.window_id]);
    return {
      ...page,
      items: page.items.map(({ stream: _, window_id: window, lines: text, ...rest }) => {
        const lines: readonly LedgerLine[] = JSON.parse(text);
        return { ...rest, window, lines };
      }),
    };
  }
}
