/**
 * The index from facts to deals, and the follower of the log in global order that keeps it: a new fact about a partner or a
 * plan credits its deals again, and a credit that appears after a fact which it did not see is credited again.
 */
import { metadataOf } from '@tantieme/event-sourcing/relay';
import { domainEventOf } from '@tantieme/event-sourcing/runtime';
import type { EventFilter, StoredEvent } from '@tantieme/event-store/event-store';
import type { Kysely } from 'kysely';
import type { Crediting } from './crediting.js';
import { CREDIT, dealOfStream } from './domain/credit.js';
import type { DealCredited } from './domain/credit.js';
import { PLAN, planOfStream } from './domain/plan.js';
import { partnerKey, partnerOfStream, planKey, REFERENCE } from './domain/reference.js';
import { ACTOR } from './messages.js';
import type { PartnerBook } from './partner-book.js';
import { changesTerms } from './plan-book.js';
import type { PlanBook } from './plan-book.js';

export const FOLLOWED: EventFilter = { categories: [CREDIT, PLAN, REFERENCE] };

export interface IndexRow {
  /** `partner:<id>` or `plan:<id>` */
  readonly key: string;
  /** `source|id` */
  readonly deal: string;
  /** Revision of the fact that the deal is credited with, −1 where none was known. */
  readonly revision: number;
}

export interface IndexTables {
  commission_index: IndexRow;
}

/** SQLite takes 32,766 parameters a statement, PostgreSQL 65,535; a row has three. */
const ROWS_A_STATEMENT = 5000;

/** Deals that are credited again in one go. */
const DEALS_AT_ONCE = 1000;

/** What made it necessary, for the ids and the metadata of what follows. */
interface Cause {
  readonly id: string;
  readonly at: string;
  readonly correlationId: string;
}

export class CreditIndex {
  constructor(
    private readonly db: Kysely<IndexTables>,
    private readonly crediting: Crediting,
    private readonly partners: PartnerBook,
    private readonly plans: PlanBook,
  ) {}

  async migrate(): Promise<void> {
    await this.db.schema
      .createTable('commission_index')
      .ifNotExists()
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('deal', 'text', (column) => column.notNull())
      .addColumn('revision', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('commission_index_key', ['key', 'deal'])
      .execute();
  }

  /** Idempotent: the same events again find the deals credited. */
  async follow(events: readonly StoredEvent[]): Promise<void> {
    this.partners.take(events);
    this.plans.take(events);
    // Of the credits of one deal in the page the last one replaces; of the revisions of one fact likewise.
    const credits = new Map<string, StoredEvent>();
    const facts = new Map<string, StoredEvent>();
    for (const event of events) {
      const key = factKey(event);
      if (key !== undefined) facts.set(key, event);
      else if (event.type === 'DealCredited') credits.set(dealOfStream(event.stream), event);
    }
    await this.keep(credits);
    for (const [key, event] of facts) await this.creditDealsOf(key, event);
  }

  /** Writes what credits have seen, and credits those again that have not seen the newest facts. */
  private async keep(credits: ReadonlyMap<string, StoredEvent>): Promise<void> {
    if (credits.size === 0) return;
    const used = [...credits].map(([deal, stored]) => ({ deal, stored, keys: usedKeys(stored) }));
    await this.partners.ensure(used.flatMap(({ keys }) => keys.flatMap(({ partner }) => partner ?? [])));
    await this.plans.ensure(used.flatMap(({ keys }) => keys.flatMap(({ plan }) => plan ?? [])));
    const rows: IndexRow[] = [];
    const stale: { readonly deal: string; readonly cause: Cause }[] = [];
    for (const { deal, stored, keys } of used) {
      let isStale = false;
      for (const { key, partner, plan, revision } of keys) {
        const known = partner === undefined ? this.plans.find(plan ?? '') : this.partners.find(partner);
        const newest = Math.max(revision, known?.revision ?? -1);
        if (newest > revision) isStale = true;
        rows.push({ key, deal, revision: newest });
      }
      if (isStale) stale.push({ deal, cause: causeOf(stored) });
    }
    // Before the rows say that a deal has seen the newest facts, it has.
    for (let at = 0; at < stale.length; at += DEALS_AT_ONCE) await this.again(stale.slice(at, at + DEALS_AT_ONCE));
    for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT)
      await this.db
        .insertInto('commission_index')
        .values(rows.slice(at, at + ROWS_A_STATEMENT))
        .onConflict((conflict) =>
          conflict.columns(['key', 'deal']).doUpdateSet((set) => ({ revision: set.ref('excluded.revision') })),
        )
        .execute();
  }

  private async creditDealsOf(key: string, event: StoredEvent): Promise<void> {
    const cause = causeOf(event);
    for (;;) {
      const rows = await this.db
        .selectFrom('commission_index')
        .select('deal')
        .where('key', '=', key)
        .where('revision', '<', event.revision)
        .limit(DEALS_AT_ONCE)
        .execute();
      if (rows.length === 0) return;
      const deals = rows.map(({ deal }) => deal);
      await this.again(deals.map((deal) => ({ deal, cause })));
      await this.db
        .updateTable('commission_index')
        .set({ revision: event.revision })
        .where('key', '=', key)
        .where('deal', 'in', deals)
        .where('revision', '<', event.revision)
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

function factKey({ type, stream }: StoredEvent): string | undefined {
  if (type === 'PartnerTaken') return partnerKey(partnerOfStream(stream));
  if (changesTerms(type)) return planKey(planOfStream(stream));
  return undefined;
}

function causeOf(stored: StoredEvent): Cause {
  return { id: stored.id, at: stored.occurredAt, correlationId: metadataOf(stored).correlationId };
}

interface UsedKey {
  readonly key: string;
  readonly partner?: string;
  readonly plan?: string;
  readonly revision: number;
}

function usedKeys(stored: StoredEvent): readonly UsedKey[] {
  const { partners, plans } = domainEventOf<DealCredited>(stored, {}).data.input;
  return [
    ...partners.map(({ key, revision }) => ({
      key,
      partner: key.slice(partnerKey('').length),
      revision: revision ?? -1,
    })),
    ...plans.map(({ key, revision }) => ({ key, plan: key.slice(planKey('').length), revision: revision ?? -1 })),
  ];
}
