/** Deals that wait for a quota: a part of this service's read model, listed with those that wait to be credited. */
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import type { EarningEvent } from './earning.js';
import type { LackingRow, LackingTables } from '../credit/pending-deals.tables.js';

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
  for (const some of rowChunks(said)) {
    const keys = sql.join(some.map(({ key }) => sql`(${sql.join([...key])})`));
    await sql`delete from commission_lacking where (payee, plan, component, deal) in (values ${keys})`.execute(trx);
  }
  for (const rows of rowChunks(said.flatMap((one) => one.rows)))
    await trx.insertInto('commission_lacking').values(rows).execute();
}

const SAYING: ReadonlySet<string> = new Set<EarningEvent['type']>([
  'Earned',
  'ChildEarningTaken',
  'GrantTaken',
  'AccountFactsTaken',
]);
