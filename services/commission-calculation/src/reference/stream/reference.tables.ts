/** Read model of exchange rates, quotas, and the partners with the plans they agreed to. */
import type { ExchangeRate, ExchangeRateFact, Quota, QuotaFact } from '@tantieme/contracts/reference';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { RawBuilder, Transaction } from 'kysely';
import { plansOfPartner } from '../facts/partner.js';
import { isWithdrawal } from '../facts/withdrawal.js';
import { REFERENCE_EVENTS } from './reference.js';
import type { ReferenceEvent } from './reference.js';

export interface ExchangeRateRow extends Pick<ExchangeRate, 'base' | 'quote' | 'date' | 'source'> {
  /** −1 for a rate without a revision. */
  readonly revision: number;
  /** `true` or `revision` for a withdrawal; empty for a fact with content. */
  readonly withdrawn: string;
  /** JSON of the fact. */
  readonly fact: string;
}

export interface QuotaRow extends Pick<Quota, 'payee' | 'plan' | 'component' | 'revision'> {
  readonly from_day: string;
  /** `true` or `revision` for a withdrawal; empty for a fact with content. */
  readonly withdrawn: string;
  /** JSON of the fact. */
  readonly fact: string;
}

export interface PartnerRow {
  readonly partner: string;
}

/** A plan that the partner ever agreed to. */
export interface AgreementRow {
  readonly partner: string;
  readonly plan: string;
}

export interface ReferenceTables {
  commission_exchange_rates: ExchangeRateRow;
  commission_quotas: QuotaRow;
  commission_partners: PartnerRow;
  commission_agreements: AgreementRow;
}

export const REFERENCE_TABLES = [
  'commission_exchange_rates',
  'commission_quotas',
  'commission_partners',
  'commission_agreements',
] as const satisfies readonly (keyof ReferenceTables)[];

export async function writeReferences(
  trx: Transaction<ReferenceTables>,
  events: readonly StoredEvent[],
): Promise<void> {
  const rates: ExchangeRateRow[] = [];
  const quotas: QuotaRow[] = [];
  const plansByPartner = new Map<string, readonly string[]>();
  for (const stored of events) {
    const { type, data } = domainEventOf<ReferenceEvent>(stored, REFERENCE_EVENTS);
    switch (type) {
      case 'PartnerSnapshotReceived':
        plansByPartner.set(data.partner.id, plansOfPartner(data.partner));
        break;
      case 'ExchangeRateRecorded': {
        const { base, quote, date, source, revision = -1 } = data.exchangeRate;
        rates.push({ base, quote, date, source, revision, ...factColumns(data.exchangeRate) });
        break;
      }
      case 'QuotaRecorded': {
        const { payee, plan, component, from, revision } = data.quota;
        quotas.push({ payee, plan, component, from_day: from, revision, ...factColumns(data.quota) });
        break;
      }
    }
  }
  for (const rows of rowChunks(rates)) await trx.insertInto('commission_exchange_rates').values(rows).execute();
  for (const rows of rowChunks(quotas)) await trx.insertInto('commission_quotas').values(rows).execute();
  await writePartners(trx, plansByPartner);
}

function factColumns(fact: ExchangeRateFact | QuotaFact): Pick<QuotaRow, 'withdrawn' | 'fact'> {
  return { withdrawn: isWithdrawal(fact) ? String(fact.withdrawn) : '', fact: JSON.stringify(fact) };
}

const KEYS = {
  commission_exchange_rates: ['base', 'quote', 'date', 'source'],
  commission_quotas: ['payee', 'plan', 'component', 'from_day'],
} as const;

/** True for a row whose fact a withdrawal withdraws: its revision alone, or all revisions up to one. */
export function isWithdrawnIn(table: keyof typeof KEYS): RawBuilder<boolean> {
  const sameFact = KEYS[table].map((column) => sql`withdrawal.${sql.ref(column)} = ${sql.ref(`${table}.${column}`)}`);
  const revision = sql.ref(`${table}.revision`);
  return sql<boolean>`exists (
    select 1 from ${sql.table(table)} as withdrawal where ${sql.join(sameFact, sql` and `)} and (
      (withdrawal.withdrawn = 'true' and withdrawal.revision >= ${revision}) or
      (withdrawal.withdrawn = 'revision' and withdrawal.revision = ${revision})))`;
}

async function writePartners(
  trx: Transaction<ReferenceTables>,
  plansByPartner: ReadonlyMap<string, readonly string[]>,
): Promise<void> {
  for (const partners of rowChunks([...plansByPartner.keys()])) {
    await trx
      .insertInto('commission_partners')
      .values(partners.map((partner) => ({ partner })))
      .onConflict((conflict) => conflict.column('partner').doNothing())
      .execute();
    await trx.deleteFrom('commission_agreements').where('partner', 'in', partners).execute();
  }
  const agreements = [...plansByPartner].flatMap(([partner, plans]) => plans.map((plan) => ({ partner, plan })));
  for (const rows of rowChunks(agreements)) await trx.insertInto('commission_agreements').values(rows).execute();
}
