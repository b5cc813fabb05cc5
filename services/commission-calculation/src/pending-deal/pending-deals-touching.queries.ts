/** Pending deals, and those that may touch a period. */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { PendingDealTables } from '../credit/pending-deals.tables.js';
import type { EarningTables } from '../earning/earning.tables.js';
import type { MissingQuotaTables } from '../earning/missing-quotas.tables.js';

export type PendingTables = PendingDealTables & MissingQuotaTables & EarningTables;

/** A period, with what decides whether a deal may touch it. */
export interface TouchedPeriod {
  readonly calendar: string;
  readonly period: string;
  /** The instant at which it ends. */
  readonly until: string;
  /** Ids of the plans with this calendar. */
  readonly plans: readonly string[];
}

/** Deals that cannot be credited: all, or those that may touch a period. Without what was waived. */
export function uncreditable(db: Kysely<PendingTables>, touched: TouchedPeriod | undefined) {
  let query = db.selectFrom('commission_pending_deals as pending').where(notWaived);
  if (touched !== undefined)
    query = query
      .where('pending.touches_from', '<', touched.until)
      .where((where) =>
        where.or([
          where('pending.touches_calendars', '=', ''),
          where('pending.touches_calendars', 'like', `%|${touched.calendar}|%`),
        ]),
      );
  return query;
}

/** Deals without a quota: all, or those with a line in a period or an earlier one. Without what was waived. */
export function withoutQuota(db: Kysely<PendingTables>, touched: TouchedPeriod | undefined) {
  let query = db.selectFrom('commission_missing_quotas as pending').where(notWaived);
  if (touched !== undefined)
    query = query
      .where('pending.plan', 'in', touched.plans.length === 0 ? [''] : touched.plans)
      .where((where) =>
        where.exists(
          where
            .selectFrom('commission_postings as postings')
            .select('postings.deal')
            .whereRef('postings.payee', '=', 'pending.payee')
            .whereRef('postings.plan', '=', 'pending.plan')
            .whereRef('postings.deal', '=', 'pending.deal')
            .where('postings.period', '<=', touched.period),
        ),
      );
  return query;
}

const notWaived = () =>
  sql<boolean>`not exists (select 1 from commission_waived as waived where waived.deal = pending.deal and waived.code = pending.code and waived.subject = pending.subject)`;

/** Numbers of pending deals that may touch a period. */
export async function countPendingDeals(
  db: Kysely<PendingTables>,
  touched: TouchedPeriod,
): Promise<{ readonly deals: number; readonly quotas: number }> {
  const [deals, quotas] = await Promise.all([
    uncreditable(db, touched)
      .select(({ fn }) => fn.count<number | string>('pending.deal').distinct().as('deals'))
      .executeTakeFirstOrThrow(),
    withoutQuota(db, touched)
      .select(({ fn }) => fn.count<number | string>('pending.deal').distinct().as('deals'))
      .executeTakeFirstOrThrow(),
  ]);
  return { deals: Number(deals.deals), quotas: Number(quotas.deals) };
}
