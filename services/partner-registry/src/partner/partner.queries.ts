/** What can be asked of this service to tell. */
import { Inject } from '@nestjs/common';
import { Query, QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { ChannelType, Partner } from '@tantieme/contracts/partner';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import type { PartnerRegistryTables } from './partner.tables.js';
import { Registry } from './registry.service.js';

export class FindPartner extends Query<Partner> {
  constructor(readonly id: string) {
    super();
  }
}

@QueryHandler(FindPartner)
export class FindPartnerHandler implements IQueryHandler<FindPartner> {
  constructor(@Inject(Registry) private readonly registry: Registry) {}

  async execute({ id }: FindPartner): Promise<Partner> {
    const partner = await this.registry.find(id);
    if (partner === undefined) throw new DomainError('PartnerUnknown', `no partner ${id} is registered`, 'not-found');
    return partner;
  }
}

export interface PartnerFilter {
  readonly channel?: ChannelType | undefined;
  readonly country?: string | undefined;
}

export class ListPartners extends Query<Page<Partner>> {
  constructor(
    readonly limit: number,
    readonly cursor: string | undefined,
    readonly filter: PartnerFilter,
  ) {
    super();
  }
}

@QueryHandler(ListPartners)
export class ListPartnersHandler implements IQueryHandler<ListPartners> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<PartnerRegistryTables>) {}

  async execute({ limit, cursor, filter }: ListPartners): Promise<Page<Partner>> {
    const after = decodeCursor(cursor, 1);
    let query = this.database.selectFrom('partner_registry_partners').select(['id', 'document']);
    if (filter.channel !== undefined) query = query.where('channel', '=', filter.channel);
    if (filter.country !== undefined) query = query.where('country', '=', filter.country);
    if (after !== undefined) query = query.where('id', '>', String(after[0]));
    const rows = await query
      .orderBy('id')
      .limit(limit + 1)
      .execute();
    const { items, ...more } = pageOf(rows, limit, ({ id }) => [id]);
    return { items: items.map(({ document }): Partner => JSON.parse(document)), ...more };
  }
}
