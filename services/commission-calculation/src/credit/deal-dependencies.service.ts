/**
 * The index from facts to deals, and the follower of the log in global order that keeps it: a new fact about a partner, a plan or
 * an exchange rate credits its deals again, and a credit that appears after a fact which it did not see is credited again.
 */
import { addDays } from '@tantieme/time/day';
import { migrate } from '@tantieme/event-sourcing/read-model/migrations';
import { metadataOf } from '@tantieme/event-sourcing/process/relay';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventFilter, StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Expression, ExpressionBuilder, Kysely, SqlBool } from 'kysely';
import type { Accounts } from '../earning/payee-terms.service.js';
import type { Crediting } from './crediting.service.js';
import { CREDIT, dealOfStream } from './credit.js';
import type { DealCredited } from './credit.js';
import { PLAN, planOfStream } from '../plan/plan.js';
import type { ExchangeRateTaken } from '../reference/exchange-rate.js';
import {
  exchangeRateKey,
  pairOfKey,
  partnerKey,
  partnerOfStream,
  planKey,
  REFERENCE,
  referenceDecider,
} from '../reference/reference.js';
import { ACTOR } from '../events-out.js';
import { MIGRATIONS } from '../migrations.js';
import type { PartnerCache } from '../reference/partner-cache.service.js';
import { changesTerms } from '../plan/plan-catalog.service.js';
import type { PlanCatalog } from '../plan/plan-catalog.service.js';
import type { Pair, ExchangeRateCache } from '../reference/exchange-rate-cache.service.js';

export const FOLLOWED: EventFilter = { categories: [CREDIT, PLAN, REFERENCE] };

export interface DependencyRow {
  /**
   * `partner:<id>` or `plan:<id>`; of an exchange rate the day that was asked for, `exchange-rate:USD/EUR@2026-03-05`, and of an
   * average its days, `exchange-rate:USD/EUR~2026-03-01..2026-04-01`.
   */
  readonly key: string;
  /** `source|id` */
  readonly deal: string;
  /** Revision of the fact that the deal is credited with, −1 where none was known. */
  readonly revision: number;
}

export interface DependencyTables {
  commission_index: DependencyRow;
}

/** Of three columns. */
const ROWS_A_STATEMENT = 5000;

/** Deals that are credited again in one go. */
const DEALS_AT_ONCE = 1000;

/** What made it necessary, for the ids and the metadata of what follows. */
interface Cause {
  readonly id: string;
  readonly at: string;
  readonly correlationId: string;
}

/** What credits deals, and the facts in memory that it does so with. */
export interface IndexedCrediting {
  readonly crediting: Crediting;
  readonly partnerBook: PartnerCache;
  readonly planBook: PlanCatalog;
  readonly rateBook: ExchangeRateCache;
  readonly accounts: Accounts;
}

export class DealDependencies {
  private readonly crediting: Crediting;
  private readonly partners: PartnerCache;
  private readonly plans: PlanCatalog;
  private readonly rates: ExchangeRateCache;
  private readonly accounts: Accounts;

  constructor(
    private readonly db: Kysely<DependencyTables>,
    { crediting, partnerBook, planBook, rateBook, accounts }: IndexedCrediting,
  ) {
    this.crediting = crediting;
    this.partners = partnerBook;
    this.plans = planBook;
    this.rates = rateBook;
    this.accounts = accounts;
  }

  async migrate(): Promise<void> {
    await migrate(this.db, MIGRATIONS);
  }

  /** Idempotent: the same events again find the deals credited. */
  async follow(events: readonly StoredEvent[]): Promise<void> {
    await this.plans.fill();
    this.partners.take(events);
    this.plans.take(events);
    this.rates.take(events);
    // Of the credits of one deal in the page the last one replaces; of the revisions of one fact likewise.
    const credits = new Map<string, StoredEvent>();
    const facts = new Map<string, StoredEvent>();
    const rates: StoredEvent[] = [];
    for (const event of events) {
      const key = factKey(event);
      if (key !== undefined) facts.set(key, event);
      else if (event.type === 'ExchangeRateTaken') rates.push(event);
      else if (event.type === 'DealCredited') credits.set(dealOfStream(event.stream), event);
    }
    await this.keep(credits);
    for (const event of facts.values()) await this.tellAccounts(event);
    for (const [key, event] of facts) await this.creditDealsOf((where) => where('key', '=', key), event);
    await this.rates.ensure(rates.map(pairOf));
    for (const events of Map.groupBy(rates, ({ stream }) => stream).values()) await this.creditDealsOfRates(events);
  }

  /** Brings what a fact says of payees to their earning streams, where the plan asks for it. */
  private async tellAccounts(event: StoredEvent): Promise<void> {
    const { id, at, correlationId } = causeOf(event);
    const context = { actor: ACTOR, correlationId, causationId: id, cause: `${id} account` };
    if (event.type === 'PartnerTaken') await this.accounts.ofPartners([partnerOfStream(event.stream)], at, context);
    else await this.accounts.ofPlan(planOfStream(event.stream), at, context);
  }

  /**
   * What is new of one pair. Only deals can be touched that asked for a day from the first date to before the one that is published
   * next after the last, or for an average of days among which those dates are.
   */
  private async creditDealsOfRates(events: readonly StoredEvent[]): Promise<void> {
    const newest = events.at(-1);
    if (newest === undefined) return;
    const { base, quote } = rateOf(newest);
    const dates = events.map((event) => rateOf(event).date).sort();
    const [first = '', last = ''] = [dates.at(0), dates.at(-1)];
    for (const [one, other] of [
      [base, quote],
      [quote, base],
    ] as const) {
      const key = exchangeRateKey(one, other);
      const next = this.rates.find(one, other).nextDate(last) ?? LAST_DAY;
      await this.creditDealsOf(
        (where) => where.and([where('key', '>=', `${key}@${first}`), where('key', '<', `${key}@${next}`)]),
        newest,
      );
      await this.creditDealsOf(
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

  /** Writes what credits have seen, and credits those again that have not seen the newest facts. */
  private async keep(credits: ReadonlyMap<string, StoredEvent>): Promise<void> {
    if (credits.size === 0) return;
    const used = [...credits].map(([deal, stored]) => ({ deal, stored, keys: usedKeys(stored) }));
    await this.partners.ensure(used.flatMap(({ keys }) => keys.flatMap(({ partner }) => partner ?? [])));
    await this.plans.ensure(used.flatMap(({ keys }) => keys.flatMap(({ plan }) => plan ?? [])));
    await this.rates.ensure(used.flatMap(({ keys }) => keys.flatMap(({ pair }) => pair ?? [])));
    const rows: DependencyRow[] = [];
    const stale: { readonly deal: string; readonly cause: Cause }[] = [];
    for (const { deal, stored, keys } of used) {
      let isStale = false;
      for (const used of keys) {
        const { key, revision } = used;
        const newest = Math.max(revision, this.newestOf(used) ?? -1);
        if (newest > revision) isStale = true;
        rows.push({ key, deal, revision: newest });
      }
      if (isStale) stale.push({ deal, cause: causeOf(stored) });
    }
    // Before the rows say that a deal has seen the newest facts, it has.
    for (let at = 0; at < stale.length; at += DEALS_AT_ONCE) await this.again(stale.slice(at, at + DEALS_AT_ONCE));
    for (const some of rowChunks(rows, ROWS_A_STATEMENT))
      await this.db
        .insertInto('commission_index')
        .values(some)
        .onConflict((conflict) =>
          conflict.columns(['key', 'deal']).doUpdateSet((set) => ({ revision: set.ref('excluded.revision') })),
        )
        .execute();
  }

  private newestOf({ partner, plan, pair }: UsedKey): number | undefined {
    if (partner !== undefined) return this.partners.find(partner)?.revision;
    if (pair !== undefined) return this.rates.find(pair.base, pair.quote).revision;
    return this.plans.find(plan ?? '')?.revision;
  }

  private async creditDealsOf(
    keys: (where: ExpressionBuilder<DependencyTables, 'commission_index'>) => Expression<SqlBool>,
    event: StoredEvent,
  ): Promise<void> {
    const cause = causeOf(event);
    const behind = (where: ExpressionBuilder<DependencyTables, 'commission_index'>): Expression<SqlBool> =>
      where.and([keys(where), where('revision', '<', event.revision)]);
    for (;;) {
      const rows = await this.db
        .selectFrom('commission_index')
        .select('deal')
        .distinct()
        .where(behind)
        .limit(DEALS_AT_ONCE)
        .execute();
      if (rows.length === 0) return;
      const deals = rows.map(({ deal }) => deal);
      await this.again(deals.map((deal) => ({ deal, cause })));
      await this.db
        .updateTable('commission_index')
        .set({ revision: event.revision })
        .where(behind)
        .where('deal', 'in', deals)
        .execute();
    }
  }

  private async again(stale: readonly { readonly deal: string; readonly cause: Cause }[]): Promise<void> {
    const results = await this.crediting.creditAgain(
      stale.map(({ deal, cause: { id, at, correlationId } }) => ({
        deal,
        at,
        context: { actor: ACTOR, correlationId, causationId: id, cause: id },
      })),
    );
    for (const result of results) if (result.outcome === 'refused') throw result.error;
  }
}

/** After every day that a rate can be published on. */
const LAST_DAY = '9999-12-31';

/** A fiscal year of 53 weeks is the longest period. */
const AVERAGED_DAYS_MAX = 371;

function factKey({ type, stream }: StoredEvent): string | undefined {
  if (type === 'PartnerTaken') return partnerKey(partnerOfStream(stream));
  if (changesTerms(type)) return planKey(planOfStream(stream));
  return undefined;
}

function rateOf(stored: StoredEvent): ExchangeRateTaken['data']['exchangeRate'] {
  return domainEventOf<ExchangeRateTaken>(stored, referenceDecider).data.exchangeRate;
}

function pairOf(stored: StoredEvent): Pair {
  const { base, quote } = rateOf(stored);
  return { base, quote };
}

function causeOf(stored: StoredEvent): Cause {
  return { id: stored.id, at: stored.occurredAt, correlationId: metadataOf(stored).correlationId };
}

interface UsedKey {
  readonly key: string;
  readonly partner?: string;
  readonly plan?: string;
  readonly pair?: Pair;
  readonly revision: number;
}

function usedKeys(stored: StoredEvent): readonly UsedKey[] {
  const { partners, plans, exchangeRates = [] } = domainEventOf<DealCredited>(stored, {}).data.input;
  return [
    ...partners.map(({ key, revision }) => ({
      key,
      partner: key.slice(partnerKey('').length),
      revision: revision ?? -1,
    })),
    ...plans.map(({ key, revision }) => ({ key, plan: key.slice(planKey('').length), revision: revision ?? -1 })),
    ...exchangeRates.flatMap(({ key, revision, on, averages = [] }) => {
      const days = new Set([
        ...on.map(({ day }) => `${key}@${day}`),
        ...averages.map(({ from, until }) => `${key}~${from}..${until}`),
      ]);
      return [...days].map((one) => ({ key: one, pair: pairOfKey(key), revision: revision ?? -1 }));
    }),
  ];
}
