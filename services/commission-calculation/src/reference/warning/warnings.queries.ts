import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely, SelectQueryBuilder } from 'kysely';
import { PlanCatalog } from '../../plan/plan-catalog.service.js';
import type { WarningKind, WarningListed } from './warnings.dto.js';
import { isWithdrawnIn } from '../stream/reference.tables.js';
import type { ReferenceTables } from '../stream/reference.tables.js';
import { componentUnknown, payeeUnknown, planUnknown } from './warnings.js';
import type { WarningCode } from './warnings.js';
import { UNKNOWN_NAMES_MAX } from '../../limits.js';

export interface WarningsFilter {
  readonly kind?: WarningKind | undefined;
  readonly code?: WarningCode | undefined;
  readonly payee?: string | undefined;
  readonly plan?: string | undefined;
}

/**
 * Agreements and quotas that refer to a plan, component or partner that does not exist now, in order of kind, payee,
 * plan, component and code.
 */
export class ListWarnings {
  constructor(
    readonly filter: WarningsFilter,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

const KEY = ['kind', 'payee', 'plan', 'component', 'code'] as const;
type Row = Readonly<Record<(typeof KEY)[number], string>>;

@QueryHandler(ListWarnings)
export class ListWarningsHandler implements IQueryHandler<ListWarnings, Page<WarningListed>> {
  constructor(
    @Inject(DATABASE) private readonly db: Kysely<ReferenceTables>,
    @Inject(PlanCatalog) private readonly catalog: PlanCatalog,
  ) {}

  async execute({ filter, limit, cursor }: ListWarnings): Promise<Page<WarningListed>> {
    const after = decodeCursor(cursor, KEY.length);
    // Another process may have drafted a plan.
    await this.catalog.reload();
    const [first, ...others] = await this.unknownReferences();
    let query = this.db
      .selectFrom(others.reduce((union, one) => union.unionAll(one), first).as('warnings'))
      .selectAll('warnings');
    for (const column of ['kind', 'code', 'payee', 'plan'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined)
      query = query.where(sql<boolean>`(kind, payee, plan, component, code) > (${sql.join([...after])})`);
    for (const column of KEY) query = query.orderBy(column);
    const page = pageOf<Row>(await query.limit(limit + 1).execute(), limit, (row) => KEY.map((column) => row[column]));
    return { ...page, items: page.items.map((row) => this.listed(row)) };
  }

  /** Quotas of unknown payees, and, where there are any, agreements and quotas with unknown plans and components. */
  private async unknownReferences(): Promise<[Rows, ...Rows[]]> {
    const { db, catalog } = this;
    const agreed = await db.selectFrom('commission_agreements').select('plan').distinct().orderBy('plan').execute();
    const named = await db
      .selectFrom('commission_quotas')
      .select(['plan', 'component'])
      .where('withdrawn', '=', '')
      .where(sql<boolean>`not ${isWithdrawnIn('commission_quotas')}`)
      .distinct()
      .orderBy('plan')
      .orderBy('component')
      .execute();
    const isUnknown = ({ plan }: { readonly plan: string }): boolean => catalog.componentsOf(plan) === undefined;
    const agreedUnknown = agreed.filter(isUnknown).map(({ plan }) => plan);
    const plansUnknown = [...new Set(named.filter(isUnknown).map(({ plan }) => plan))];
    const componentsUnknown = named.filter(
      ({ plan, component }) => catalog.componentsOf(plan)?.includes(component) === false,
    );
    const rows: [Rows, ...Rows[]] = [
      this.quotas('PayeeUnknown').where((where) =>
        where.not(
          where.exists(
            where
              .selectFrom('commission_partners')
              .select('partner')
              .whereRef('commission_partners.partner', '=', 'commission_quotas.payee'),
          ),
        ),
      ),
    ];
    if (plansUnknown.length > 0)
      rows.push(this.quotas('PlanUnknown').where('plan', 'in', plansUnknown.slice(0, UNKNOWN_NAMES_MAX)));
    if (componentsUnknown.length > 0) {
      const pairs = componentsUnknown
        .slice(0, UNKNOWN_NAMES_MAX)
        .map(({ plan, component }) => sql`(${plan}, ${component})`);
      rows.push(this.quotas('ComponentUnknown').where(sql<boolean>`(plan, component) in (values ${sql.join(pairs)})`));
    }
    if (agreedUnknown.length > 0)
      rows.push(
        db
          .selectFrom('commission_agreements')
          .select([
            sql<string>`'agreement'`.as('kind'),
            'partner as payee',
            'plan',
            sql<string>`''`.as('component'),
            sql<string>`'PlanUnknown'`.as('code'),
          ])
          .where('plan', 'in', agreedUnknown.slice(0, UNKNOWN_NAMES_MAX)),
      );
    return rows;
  }

  /** Payee, plan and component of quotas, each once. */
  private quotas(code: WarningCode) {
    return this.db
      .selectFrom('commission_quotas')
      .select([sql<string>`'quota'`.as('kind'), 'payee', 'plan', 'component', sql<string>`${sql.lit(code)}`.as('code')])
      .where('withdrawn', '=', '')
      .where(sql<boolean>`not ${isWithdrawnIn('commission_quotas')}`)
      .distinct();
  }

  private listed({ kind, payee, plan, component, code }: Row): WarningListed {
    const warning =
      code === 'PlanUnknown'
        ? planUnknown(plan, this.catalog.ids())
        : code === 'PayeeUnknown'
          ? payeeUnknown(payee)
          : componentUnknown(plan, component, this.catalog.componentsOf(plan) ?? []);
    return omitUndefined({
      kind: kind === 'quota' ? 'quota' : 'agreement',
      payee,
      plan,
      component: component === '' ? undefined : component,
      ...warning,
    } as const);
  }
}

type Rows = SelectQueryBuilder<ReferenceTables, keyof ReferenceTables, Row>;
