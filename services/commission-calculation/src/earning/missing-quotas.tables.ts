/** Read model of the deals that earn nothing until a quota is recorded. */
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import type { PendingDealRow } from '../credit/pending-deals.tables.js';
import { payeePlanOf } from './earning.js';
import { EARNING_EVENTS } from './earning-events.js';
import type { EarningEvent } from './earning-events.js';

export interface MissingQuotaRow extends PendingDealRow {
  readonly payee: string;
  readonly plan: string;
  readonly component: string;
}

export interface MissingQuotaTables {
  commission_missing_quotas: MissingQuotaRow;
}

export async function writeMissingQuotas(
  trx: Transaction<MissingQuotaTables>,
  events: readonly StoredEvent[],
): Promise<void> {
  // Events list all missing quotas of a deal's component, so only the last event per payee, plan, component and deal
  // counts.
  const newest = new Map<string, { readonly key: readonly string[]; readonly rows: readonly MissingQuotaRow[] }>();
  for (const stored of events) {
    const { data } = domainEventOf<EarningEvent>(stored, EARNING_EVENTS);
    if (!('missingQuotas' in data) || data.missingQuotas === undefined) continue;
    const { payee, plan } = payeePlanOf(stored.stream);
    for (const { deal, component, windows } of data.missingQuotas) {
      const rows = windows.map((window) => ({
        deal,
        code: 'QuotaMissing',
        subject: `quota:${payee}|${plan}|${component}|${window}`,
        message: `${payee} has no quota for ${component} of ${plan} in ${window}`,
        since: stored.occurredAt,
        payee,
        plan,
        component,
      }));
      const key = [payee, plan, component, deal];
      newest.set(key.join('\n'), { key, rows });
    }
  }
  const changed = [...newest.values()];
  for (const chunk of rowChunks(changed)) {
    const keys = sql.join(chunk.map(({ key }) => sql`(${sql.join([...key])})`));
    await sql`delete from commission_missing_quotas where (payee, plan, component, deal) in (values ${keys})`.execute(
      trx,
    );
  }
  for (const rows of rowChunks(changed.flatMap((one) => one.rows)))
    await trx.insertInto('commission_missing_quotas').values(rows).execute();
}
