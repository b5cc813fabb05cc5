import { Inject, Injectable } from '@nestjs/common';
import { addDays } from '@tantieme/time/day';
import { migrate } from '@tantieme/event-sourcing/read-model/migrations';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf, metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import type { Process } from '@tantieme/event-sourcing/process/process';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Expression, ExpressionBuilder, Kysely, SqlBool } from 'kysely';
import { MIGRATIONS } from '../migrations.js';
import { changesTerms, PLAN, planOfStream } from '../plan/plan.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import { ExchangeRateCache } from '../reference/cache/exchange-rate-cache.service.js';
import type { LoadedRates } from '../reference/cache/exchange-rate-cache.service.js';
import type { ExchangeRateRecorded } from '../reference/facts/exchange-rate.js';
import { PartnerCache } from '../reference/cache/partner-cache.service.js';
import type { LoadedPartners } from '../reference/cache/partner-cache.service.js';
import {
  exchangeRateKey,
  pairOfKey,
  partnerKey,
  partnerOfStream,
  planKey,
  REFERENCE,
} from '../reference/stream/reference-keys.js';
import type { CurrencyPair } from '../reference/stream/reference-keys.js';
import { REFERENCE_EVENTS } from '../reference/stream/reference.js';
import { CREDIT, CREDIT_EVENTS, dealOfStream } from './credit.js';
import type { DealCredited } from './credit.js';
import { Crediting } from './crediting.service.js';
import { RECREDIT_DEALS, AVERAGED_DAYS_MAX } from '../limits.js';

/** Keeps the dependencies, and credits deals again. */
export function dealDependenciesProcess(dependencies: DealDependencies): Process<StoredEvent> {
  return {
    name: 'commission-deal-dependencies',
    replicas: 'one-replica',
    source: logSource({ categories: [CREDIT, PLAN, REFERENCE] }),
    prepare: () => dependencies.prepare(),
    step: (events) => dependencies.follow(events),
  };
}

export interface DependencyRow {
  /**
   * `partner:<id>` or `plan:<id>`; for an exchange rate with the day of the look-up,
   * `exchange-rate:USD/EUR@2026-03-05`; for an average with its days, `exchange-rate:USD/EUR~2026-03-01..2026-04-01`.
   */
  readonly key: string;
  /** `source|id` */
  readonly deal: string;
  /** Revision of the fact with which the deal was credited, −1 where there was none. */
  readonly revision: number;
}

export interface DependencyTables {
  commission_deal_dependencies: DependencyRow;
}

/** Rows per statement; a row has three columns. */
const STATEMENT_ROWS = 5000;

/** The event that made recrediting necessary: ids and metadata of what follows derive from it. */
interface Cause {
  readonly id: string;
  readonly at: string;
  readonly correlationId: string;
}

/** Updates the terms of payees after new facts, before their deals are credited again. */
export interface PayeeTermsListener {
  updatePartners(ids: readonly string[], at: string, context: CommandContext): Promise<void>;
  updatePlan(plan: string, at: string, context: CommandContext): Promise<void>;
}

export const PAYEE_TERMS_LISTENER = Symbol('listener for new facts about payees and plans');

type Where = ExpressionBuilder<DependencyTables, 'commission_deal_dependencies'>;

/**
 * Which deals depend on which facts. Follows the log in global order: a new fact about a partner, a plan or an exchange
 * rate recredits the deals that depend on it, and so does a credit that appears after a fact that it has not seen.
 */
@Injectable()
export class DealDependencies {
  constructor(
    @Inject(DATABASE) private readonly db: Kysely<DependencyTables>,
    @Inject(Crediting) private readonly crediting: Crediting,
    @Inject(PartnerCache) private readonly partners: PartnerCache,
    @Inject(PlanCatalog) private readonly plans: PlanCatalog,
    @Inject(ExchangeRateCache) private readonly rates: ExchangeRateCache,
    @Inject(PAYEE_TERMS_LISTENER) private readonly payeeTerms: PayeeTermsListener,
  ) {}

  /** Before following the log. While another replica followed it, the caches here missed new facts. */
  async prepare(): Promise<void> {
    this.partners.clear();
    this.rates.clear();
    await this.plans.reload();
    await migrate(this.db, MIGRATIONS);
  }

  /** Idempotent: when the same events come again, their deals are credited already. */
  async follow(events: readonly StoredEvent[]): Promise<void> {
    await this.plans.load();
    this.partners.record(events);
    this.plans.record(events);
    this.rates.record(events);
    // Only the last credit per deal and the last revision per fact count.
    const credits = new Map<string, StoredEvent>();
    const facts = new Map<string, StoredEvent>();
    const rates: StoredEvent[] = [];
    for (const event of events) {
      const key = factKey(event);
      if (key !== undefined) facts.set(key, event);
      else if (event.type === 'ExchangeRateRecorded') rates.push(event);
      else if (event.type === 'DealCredited') credits.set(dealOfStream(event.stream), event);
    }
    await this.recordCredits(credits);
    for (const event of facts.values()) await this.updatePayeeTerms(event);
    for (const [key, event] of facts) await this.recreditWhere((where) => where('key', '=', key), event);
    for (const ofPair of Map.groupBy(rates, ({ stream }) => stream).values()) await this.recreditForRates(ofPair);
  }

  private async updatePayeeTerms(event: StoredEvent): Promise<void> {
    const { id, at, correlationId } = causeOf(event);
    const context = { correlationId, causationId: id, cause: `${id} payee-terms` };
    if (event.type === 'PartnerSnapshotReceived')
      await this.payeeTerms.updatePartners([partnerOfStream(event.stream)], at, context);
    else await this.payeeTerms.updatePlan(planOfStream(event.stream), at, context);
  }

  /**
   * After new rates of one pair. They can only affect deals that looked up a day from the first new date to before the
   * next published date after the last one, or an average over days that include new dates.
   */
  private async recreditForRates(events: readonly StoredEvent[]): Promise<void> {
    const newest = events.at(-1);
    if (newest === undefined) return;
    const { base, quote } = rateOf(newest);
    const rates = await this.rates.load([{ base, quote }]);
    const dates = events.map((event) => rateOf(event).date).sort();
    const [first = '', last = ''] = [dates.at(0), dates.at(-1)];
    for (const [from, to] of [
      [base, quote],
      [quote, base],
    ] as const) {
      const key = exchangeRateKey(from, to);
      const next = rates.find(from, to).nextDate(last) ?? LAST_DAY;
      await this.recreditWhere(
        (where) => where.and([where('key', '>=', `${key}@${first}`), where('key', '<', `${key}@${next}`)]),
        newest,
      );
      await this.recreditWhere(
        (where) =>
          where.and([
            where('key', '>=', `${key}~${addDays(first, -AVERAGED_DAYS_MAX)}`),
            where('key', '<', `${key}~${addDays(last, 1)}`),
            // The last ten characters are the day on which the average ends.
            sql<boolean>`substr(key, length(key) - 9) > ${first}`,
          ]),
        newest,
      );
    }
  }

  /** Stores what the credits depend on, and recredits those that have not seen the newest facts. */
  private async recordCredits(credits: ReadonlyMap<string, StoredEvent>): Promise<void> {
    if (credits.size === 0) return;
    const used = [...credits].map(([deal, stored]) => ({ deal, stored, keys: usedKeys(stored) }));
    const partners = await this.partners.load(used.flatMap(({ keys }) => keys.flatMap(({ partner }) => partner ?? [])));
    await this.plans.ensure(used.flatMap(({ keys }) => keys.flatMap(({ plan }) => plan ?? [])));
    const rates = await this.rates.load(used.flatMap(({ keys }) => keys.flatMap(({ pair }) => pair ?? [])));
    const rows: DependencyRow[] = [];
    const stale: { readonly deal: string; readonly cause: Cause }[] = [];
    for (const { deal, stored, keys } of used) {
      let isStale = false;
      for (const usedKey of keys) {
        const { key, revision } = usedKey;
        const newest = Math.max(revision, this.newestRevision(usedKey, partners, rates) ?? -1);
        if (newest > revision) isStale = true;
        rows.push({ key, deal, revision: newest });
      }
      if (isStale) stale.push({ deal, cause: causeOf(stored) });
    }
    // Recredit before writing the rows, which state that the deals have seen the newest facts.
    for (let start = 0; start < stale.length; start += RECREDIT_DEALS)
      await this.recredit(stale.slice(start, start + RECREDIT_DEALS));
    for (const chunk of rowChunks(rows, STATEMENT_ROWS))
      await this.db
        .insertInto('commission_deal_dependencies')
        .values(chunk)
        .onConflict((conflict) =>
          conflict.columns(['key', 'deal']).doUpdateSet((set) => ({ revision: set.ref('excluded.revision') })),
        )
        .execute();
  }

  private newestRevision(
    { partner, plan, pair }: UsedKey,
    partners: LoadedPartners,
    rates: LoadedRates,
  ): number | undefined {
    if (partner !== undefined) return partners.find(partner)?.revision;
    if (pair !== undefined) return rates.find(pair.base, pair.quote).revision;
    return this.plans.find(plan ?? '')?.revision;
  }

  private async recreditWhere(keys: (where: Where) => Expression<SqlBool>, event: StoredEvent): Promise<void> {
    const cause = causeOf(event);
    const isStale = (where: Where): Expression<SqlBool> =>
      where.and([keys(where), where('revision', '<', event.revision)]);
    for (;;) {
      const rows = await this.db
        .selectFrom('commission_deal_dependencies')
        .select('deal')
        .distinct()
        .where(isStale)
        .limit(RECREDIT_DEALS)
        .execute();
      if (rows.length === 0) return;
      const deals = rows.map(({ deal }) => deal);
      await this.recredit(deals.map((deal) => ({ deal, cause })));
      await this.db
        .updateTable('commission_deal_dependencies')
        .set({ revision: event.revision })
        .where(isStale)
        .where('deal', 'in', deals)
        .execute();
    }
  }

  private async recredit(stale: readonly { readonly deal: string; readonly cause: Cause }[]): Promise<void> {
    const results = await this.crediting.recredit(
      stale.map(({ deal, cause: { id, at, correlationId } }) => ({
        deal,
        at,
        context: { correlationId, causationId: id, cause: id },
      })),
    );
    for (const result of results) if (result.outcome === 'refused') throw result.error;
  }
}

/** After every day on which a rate can be published. */
const LAST_DAY = '9999-12-31';

function factKey({ type, stream }: StoredEvent): string | undefined {
  if (type === 'PartnerSnapshotReceived') return partnerKey(partnerOfStream(stream));
  if (changesTerms(type)) return planKey(planOfStream(stream));
  return undefined;
}

function rateOf(stored: StoredEvent): ExchangeRateRecorded['data']['exchangeRate'] {
  return domainEventOf<ExchangeRateRecorded>(stored, REFERENCE_EVENTS).data.exchangeRate;
}

function causeOf(stored: StoredEvent): Cause {
  return { id: stored.id, at: stored.occurredAt, correlationId: metadataOf(stored).correlationId };
}

/** A key with which a credit looked something up: of a partner, a plan or a pair of currencies. */
interface UsedKey {
  readonly key: string;
  readonly partner?: string;
  readonly plan?: string;
  readonly pair?: CurrencyPair;
  readonly revision: number;
}

function usedKeys(stored: StoredEvent): readonly UsedKey[] {
  const { partners, plans, exchangeRates = [] } = domainEventOf<DealCredited>(stored, CREDIT_EVENTS).data.input;
  return [
    ...partners.map(({ key, revision }) => ({
      key,
      partner: key.slice(partnerKey('').length),
      revision: revision ?? -1,
    })),
    ...plans.map(({ key, revision }) => ({ key, plan: key.slice(planKey('').length), revision: revision ?? -1 })),
    ...exchangeRates.flatMap(({ key, revision, on, averages = [] }) => {
      const lookups = new Set([
        ...on.map(({ day }) => `${key}@${day}`),
        ...averages.map(({ from, until }) => `${key}~${from}..${until}`),
      ]);
      return [...lookups].map((one) => ({ key: one, pair: pairOfKey(key), revision: revision ?? -1 }));
    }),
  ];
}
