/** Deals that wait for a quota: a part of this service's read model, listed with those that wait to be credited. */
import { domainEventOf } from '@tantieme/event-sourcing/runtime';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import type { EarningEvent } from './domain/earning.js';
import type { LackingRow, LackingTables } from './waiting-tables.js';

/** SQLite takes 32,766 parameters a statement, PostgreSQL 65,535; a row has eight. */
const ROWS_A_STATEMENT = 2000;

/** What a deal waits for is said whole, a payee, plan and component: of several in the page the last one counts. */
export async function writeLacking(trx: Transaction<LackingTables>, events: readonly StoredEvent[]): Promise<void> {
  const newest = new Map<string, { readonly key: readonly string[]; readonly rows: readonly LackingRow[] }>();
  for (const stored of events) {
    if (!SAYING.has(stored.type)) continue;
    const { data } = domainEventOf<EarningEvent>(stored, {});
    if (!('lacking' in data) || data.lacking === undefined) continue;
    const { payee, plan } = data.account;
    for (const { deal, component, windows } of data.lacking) {
      const rows = windows.map((window) => ({
        deal,
        code: 'QuotaMissing',
        subject: `quota:${payee}|${plan}|${component}|${window}`,
        message: `no quota of ${payee} for ${component} of ${plan} in ${window} is known`,
        since: stored.occurredAt,
        payee,
        plan,
        component,
      }));
      const key = [payee, plan, component, deal];
      newest.set(key.join('\n'), { key, rows });
    }
  }
  const said = [...newest.values()];
  for (let at = 0; at < said.length; at += ROWS_A_STATEMENT) {
    const keys = sql.join(said.slice(at, at + ROWS_A_STATEMENT).map(({ key }) => sql`(${sql.join([...key])})`));
    await sql`delete from commission_lacking where (payee, plan, component, deal) in (values ${keys})`.execute(trx);
  }
  const rows = said.flatMap((one) => one.rows);
  for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT)
    await trx
      .insertInto('commission_lacking')
      .values(rows.slice(at, at + ROWS_A_STATEMENT))
      .execute();
}

const SAYING: ReadonlySet<string> = new Set<EarningEvent['type']>([
  'Earned',
  'ChildEarningTaken',
  'GrantTaken',
  'AccountFactsTaken',
]);
