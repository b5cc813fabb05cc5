import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { PublishedProgramme } from './programme.dto.js';
import { publishedProgramme } from './programme.tables.js';
import type { ProgrammeTables } from './programme.tables.js';

/** Programmes in order of id. */
export class ListProgrammes {
  constructor(
    /** Words that the id or the title contains, in upper or lower case. */
    readonly text: string | undefined,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListProgrammes)
export class ListProgrammesHandler implements IQueryHandler<ListProgrammes, Page<PublishedProgramme>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<ProgrammeTables>) {}

  async execute({ text, limit, cursor }: ListProgrammes): Promise<Page<PublishedProgramme>> {
    const after = decodeCursor(cursor, 1);
    let query = this.db.selectFrom('rewards_programmes').selectAll();
    for (const word of text?.toLowerCase().split(/\s+/) ?? []) {
      const pattern = `%${word.replaceAll(/[\\%_]/g, '\\$&')}%`;
      query = query.where(sql<boolean>`search_text like ${pattern} escape '\\'`);
    }
    if (after !== undefined) query = query.where('id', '>', String(after[0]));
    const rows = await query
      .orderBy('id')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, ({ id }) => [id]);
    return { ...page, items: page.items.map(publishedProgramme) };
  }
}

export class ReadProgramme {
  constructor(readonly id: string) {}
}

@QueryHandler(ReadProgramme)
export class ReadProgrammeHandler implements IQueryHandler<ReadProgramme, PublishedProgramme> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<ProgrammeTables>) {}

  /** @throws {DomainError} `ProgrammeUnknown` */
  async execute({ id }: ReadProgramme): Promise<PublishedProgramme> {
    const row = await this.db.selectFrom('rewards_programmes').selectAll().where('id', '=', id).executeTakeFirst();
    if (row === undefined)
      throw new DomainError(
        'ProgrammeUnknown',
        `there is no programme ${id}; GET /programmes lists the ids of all programmes`,
        'not-found',
      );
    return publishedProgramme(row);
  }
}
