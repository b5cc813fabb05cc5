/** Queries about partners. */
import { Inject } from '@nestjs/common';
import { Query, QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { Partner } from '@tantieme/contracts/partner';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { contains, startsWith } from '@tantieme/service-kit/http/text-filter';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { PartnersQuery, PartnerWarning } from './partner.dto.js';
import type { PartnerRegistryTables } from './partner.tables.js';
import { Registry } from './registry.service.js';
import { TERM_KINDS } from './terms.js';
import { unknownCountry, unknownUpline } from './warnings.js';

export class FindPartner extends Query<Partner> {
  constructor(readonly id: string) {
    super();
  }
}

@QueryHandler(FindPartner)
export class FindPartnerHandler implements IQueryHandler<FindPartner> {
  constructor(@Inject(Registry) private readonly registry: Registry) {}

  /** @throws {DomainError} `PartnerUnknown` */
  async execute({ id }: FindPartner): Promise<Partner> {
    const partner = await this.registry.find(id);
    if (partner === undefined) throw new DomainError('PartnerUnknown', `no partner ${id} is registered`, 'not-found');
    return partner;
  }
}

export class ListPartners extends Query<Page<Partner>> {
  constructor(readonly query: PartnersQuery) {
    super();
  }
}

@QueryHandler(ListPartners)
export class ListPartnersHandler implements IQueryHandler<ListPartners> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<PartnerRegistryTables>) {}

  async execute({ query: asked }: ListPartners): Promise<Page<Partner>> {
    const { limit, cursor, channel, country, text } = asked;
    const { on = Temporal.Now.plainDateISO('UTC').toString() } = asked;
    let query = this.database.selectFrom('partner_registry_partners').selectAll();
    if (channel !== undefined) query = query.where('channel', '=', channel);
    if (country !== undefined) query = query.where('country', '=', country);
    if (text !== undefined) query = query.where((eb) => eb.or([startsWith('id', text), contains('name', text)]));
    for (const kind of TERM_KINDS) {
      const value = asked[kind];
      if (value === undefined) continue;
      query = query.where('id', 'in', (eb) =>
        eb
          .selectFrom('partner_registry_terms')
          .select('partner')
          .where('kind', '=', kind)
          .where('value', '=', value)
          .where('from_day', '<=', on)
          .where((span) => span.or([span('until_day', 'is', null), span('until_day', '>', on)])),
      );
    }
    const { sortedBy, direction } = orderOf(asked);
    const after = decodeCursor(cursor, 2)?.map(String);
    if (after !== undefined) {
      const [value = '', id = ''] = after;
      query = query.where((eb) =>
        eb(eb.refTuple(sortedBy, 'id'), direction === 'asc' ? '>' : '<', eb.tuple(value, id)),
      );
    }
    const rows = await query
      .orderBy(sortedBy, direction)
      .orderBy('id', direction)
      .limit(limit + 1)
      .execute();
    const { items, ...more } = pageOf(rows, limit, (row) => [row[sortedBy], row.id]);
    return { items: items.map(({ document }) => JSON.parse(document) as Partner), ...more };
  }
}

function orderOf({ sort }: PartnersQuery) {
  const name = sort.replace(/^-/, '');
  const sortedBy = (['name', 'country', 'channel'] as const).find((column) => column === name) ?? 'id';
  return { sortedBy, direction: sort.startsWith('-') ? 'desc' : 'asc' } as const;
}

export class ListPartnerWarnings extends Query<Page<PartnerWarning>> {
  constructor(
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(ListPartnerWarnings)
export class ListPartnerWarningsHandler implements IQueryHandler<ListPartnerWarnings> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<PartnerRegistryTables>) {}

  async execute({ limit, cursor }: ListPartnerWarnings): Promise<Page<PartnerWarning>> {
    const countries = this.database
      .selectFrom('partner_registry_partners')
      .select(['id as partner', sql<string>`'country'`.as('field'), 'country as value'])
      .where('country_known', '=', 0);
    const uplines = this.database
      .selectFrom('partner_registry_terms as term')
      .leftJoin('partner_registry_partners as above', 'above.id', 'term.value')
      .select(['term.partner as partner', 'term.kind as field', 'term.value as value'])
      .where('term.kind', '=', 'upline')
      .where('above.id', 'is', null);
    let query = this.database.selectFrom(countries.union(uplines).as('warning')).selectAll();
    const after = decodeCursor(cursor, 3)?.map(String);
    if (after !== undefined) {
      const [partner = '', field = '', value = ''] = after;
      query = query.where((eb) => eb(eb.refTuple('partner', 'field', 'value'), '>', eb.tuple(partner, field, value)));
    }
    const rows = await query
      .orderBy('partner')
      .orderBy('field')
      .orderBy('value')
      .limit(limit + 1)
      .execute();
    const { items, ...more } = pageOf(rows, limit, ({ partner, field, value }) => [partner, field, value]);
    return {
      items: items.map(({ partner, field, value }) => ({
        partner,
        value,
        ...(field === 'country'
          ? { field: 'country', reason: unknownCountry(value) }
          : { field: 'upline', reason: unknownUpline(value) }),
      })),
      ...more,
    };
  }
}
