/** Exchange rates and quotas as they are listed: a part of this service's read model. */
import type { ExchangeRate, Quota } from '@tantieme/contracts/reference';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Transaction } from 'kysely';
import { referenceDecider } from './reference.js';
import type { ReferenceEvent } from './reference.js';

export interface ExchangeRateRow extends Pick<ExchangeRate, 'base' | 'quote' | 'date' | 'source'> {
  /** −1 for none. */
  readonly revision: number;
  /** JSON of the fact. */
  readonly fact: string;
}

export interface QuotaRow extends Pick<Quota, 'payee' | 'plan' | 'component' | 'revision'> {
  readonly from_day: string;
  /** JSON of the fact. */
  readonly fact: string;
}

export interface ReferenceTables {
  commission_exchange_rates: ExchangeRateRow;
  commission_quotas: QuotaRow;
}

export const REFERENCES_LISTED = ['ExchangeRateTaken', 'QuotaTaken'] as const;

export async function writeReferences(
  trx: Transaction<ReferenceTables>,
  events: readonly StoredEvent[],
): Promise<void> {
  const rates: ExchangeRateRow[] = [];
  const quotas: QuotaRow[] = [];
  for (const stored of events) {
    if (!REFERENCES_LISTED.some((type) => type === stored.type)) continue;
    const { type, data } = domainEventOf<ReferenceEvent>(stored, referenceDecider);
    if (type === 'ExchangeRateTaken') {
      const { base, quote, date, source, revision = -1 } = data.exchangeRate;
      rates.push({ base, quote, date, source, revision, fact: JSON.stringify(data.exchangeRate) });
    } else if (type === 'QuotaTaken') {
      const { payee, plan, component, from, revision } = data.quota;
      quotas.push({ payee, plan, component, from_day: from, revision, fact: JSON.stringify(data.quota) });
    }
  }
  for (const rows of rowChunks(rates)) await trx.insertInto('commission_exchange_rates').values(rows).execute();
  for (const rows of rowChunks(quotas)) await trx.insertInto('commission_quotas').values(rows).execute();
}
