import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely, Selectable } from 'kysely';

import type { PayoutsTables } from '../payouts.tables.js';

export interface SettlementRead {
  readonly calendar: string;
  readonly period: string;
  /**
   * `awaiting-manifests`: commissions or rewards have not closed the period yet. `issuing`: statements wait for their lines,
   * or are being written. `issued`: every statement can be read.
   */
  readonly state: 'awaiting-manifests' | 'issuing' | 'issued';
  /** Pages of the manifests that have arrived. */
  readonly manifests: {
    readonly commissions: { readonly taken: number; readonly pages: number };
    readonly rewards: { readonly taken: number; readonly pages: number };
  };
  readonly statements?: number;
}

/** How far the settlement of a period is. One that nobody has closed yet awaits its manifests. */
export class ReadSettlement {
  constructor(
    readonly calendar: string,
    readonly period: string,
  ) {}
}

@QueryHandler(ReadSettlement)
export class ReadSettlementHandler implements IQueryHandler<ReadSettlement, SettlementRead> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<PayoutsTables>) {}

  async execute({ calendar, period }: ReadSettlement): Promise<SettlementRead> {
    const row = await this.db
      .selectFrom('payouts_settlements')
      .selectAll()
      .where('calendar', '=', calendar)
      .where('period', '=', period)
      .executeTakeFirst();
    return row === undefined ? { calendar, period, state: 'awaiting-manifests', manifests: NONE } : settlementOf(row);
  }
}

export class ListSettlements {
  constructor(readonly calendar: string | undefined) {}
}

@QueryHandler(ListSettlements)
export class ListSettlementsHandler implements IQueryHandler<ListSettlements, readonly SettlementRead[]> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<PayoutsTables>) {}

  async execute({ calendar }: ListSettlements): Promise<readonly SettlementRead[]> {
    let query = this.db.selectFrom('payouts_settlements').selectAll();
    if (calendar !== undefined) query = query.where('calendar', '=', calendar);
    return (await query.orderBy('calendar').orderBy('period').execute()).map(settlementOf);
  }
}

const NONE = { commissions: { taken: 0, pages: 0 }, rewards: { taken: 0, pages: 0 } };

function settlementOf(row: Selectable<PayoutsTables['payouts_settlements']>): SettlementRead {
  const { calendar, period, statements } = row;
  const commissions = { taken: row.commissions_taken, pages: row.commissions_pages };
  const rewards = { taken: row.rewards_taken, pages: row.rewards_pages };
  const manifests = { commissions, rewards };
  if (statements !== null) return { calendar, period, state: 'issued', manifests, statements };
  const isComplete = [commissions, rewards].every(({ taken, pages }) => pages > 0 && taken === pages);
  return { calendar, period, state: isComplete ? 'issuing' : 'awaiting-manifests', manifests };
}
