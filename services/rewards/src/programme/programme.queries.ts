import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely, Selectable } from 'kysely';

import type { ProgrammeDocument } from './programme.js';
import type { RewardsTables } from '../rewards.tables.js';

export interface ProgrammeRead {
  readonly programme: string;
  readonly hash: string;
  readonly publishedAt: string;
  readonly publishedBy: string;
  readonly document: ProgrammeDocument;
}

export class ListProgrammes {
  constructor(
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListProgrammes)
export class ListProgrammesHandler implements IQueryHandler<ListProgrammes, Page<ProgrammeRead>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<RewardsTables>) {}

  async execute({ limit, cursor }: ListProgrammes): Promise<Page<ProgrammeRead>> {
    const after = decodeCursor(cursor, 1);
    let query = this.db.selectFrom('rewards_programmes').selectAll();
    if (after !== undefined) query = query.where('id', '>', String(after[0]));
    const rows = await query
      .orderBy('id')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, ({ id }) => [id]);
    return { ...page, items: page.items.map(programmeOf) };
  }
}

export class ReadProgramme {
  constructor(readonly id: string) {}
}

@QueryHandler(ReadProgramme)
export class ReadProgrammeHandler implements IQueryHandler<ReadProgramme, ProgrammeRead> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<RewardsTables>) {}

  /** @throws {DomainError} `ProgrammeUnknown` */
  async execute({ id }: ReadProgramme): Promise<ProgrammeRead> {
    const row = await this.db.selectFrom('rewards_programmes').selectAll().where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw new DomainError('ProgrammeUnknown', `there is no programme ${id}`, 'not-found');
    return programmeOf(row);
  }
}

function programmeOf(row: Selectable<RewardsTables['rewards_programmes']>): ProgrammeRead {
  const document: ProgrammeDocument = JSON.parse(row.document);
  return {
    programme: row.id,
    hash: row.hash,
    publishedAt: row.published_at,
    publishedBy: row.published_by,
    document,
  };
}
