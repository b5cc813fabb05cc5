/** Queries about refusals. */
import { Inject } from '@nestjs/common';
import { Query, QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { contains, startsWith } from '@tantieme/service-kit/http/text-filter';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { ENDS } from './refusal.dto.js';
import type { Refusal, RefusalError, RefusalsQuery } from './refusal.dto.js';
import type { RefusalRow, RefusalTables } from './refusal.tables.js';

export class ListRefusals extends Query<Page<Refusal>> {
  constructor(readonly query: RefusalsQuery) {
    super();
  }
}

@QueryHandler(ListRefusals)
export class ListRefusalsHandler implements IQueryHandler<ListRefusals> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<RefusalTables>) {}

  async execute({ query: asked }: ListRefusals): Promise<Page<Refusal>> {
    const { limit, cursor, id, state, kind, source, file, import: importId, text, sort } = asked;
    let query = this.database.selectFrom('deal_ingestion_refusals').selectAll();
    // A range, which the primary key serves; "g" sorts after every digit of an id.
    if (id !== undefined) query = query.where('id', '>=', id).where('id', '<', `${id}g`);
    if (state !== undefined) query = query.where('state', '=', state);
    if (kind !== undefined) query = query.where('kind', '=', kind);
    if (source !== undefined) query = query.where('source', '=', source);
    if (file !== undefined) query = query.where('file', '=', file);
    if (importId !== undefined)
      query = query.where('id', 'in', (eb) =>
        eb.selectFrom('deal_ingestion_import_refusals').select('refusal').where('import_id', '=', importId),
      );
    if (text !== undefined)
      query = query.where((eb) => eb.or([startsWith('deal', text), contains('raw', text), contains('errors', text)]));
    const direction = sort === 'at' ? 'asc' : 'desc';
    const after = decodeCursor(cursor, 2)?.map(String);
    if (after !== undefined) {
      const [afterTime = '', afterId = ''] = after;
      query = query.where((eb) =>
        eb(eb.refTuple('refused_at', 'id'), direction === 'asc' ? '>' : '<', eb.tuple(afterTime, afterId)),
      );
    }
    const rows = await query
      .orderBy('refused_at', direction)
      .orderBy('id', direction)
      .limit(limit + 1)
      .execute();
    const { items, ...more } = pageOf(rows, limit, (row) => [row.refused_at, row.id]);
    return { items: items.map(refusalIn), ...more };
  }
}

export class FindRefusal extends Query<Refusal> {
  constructor(readonly id: string) {
    super();
  }
}

@QueryHandler(FindRefusal)
export class FindRefusalHandler implements IQueryHandler<FindRefusal> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<RefusalTables>) {}

  /** @throws {DomainError} `RefusalUnknown` */
  async execute({ id }: FindRefusal): Promise<Refusal> {
    const row = await this.database
      .selectFrom('deal_ingestion_refusals')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (row === undefined) throw new DomainError('RefusalUnknown', `there is no refusal ${id}`, 'not-found');
    return wholeRefusal(this.database, row);
  }
}

/** The refusal with all that was sent, of which a list shows the first piece. */
export async function wholeRefusal(database: Kysely<RefusalTables>, row: RefusalRow): Promise<Refusal> {
  const { truncated: _, ...refusal } = refusalIn(row);
  if (row.parts === 0) return refusal;
  const parts = await database
    .selectFrom('deal_ingestion_refusal_parts')
    .select('raw')
    .where('refusal', '=', row.id)
    .orderBy('part')
    .execute();
  return { ...refusal, raw: [row, ...parts].map(({ raw }) => raw).join('') };
}

export function refusalIn(row: RefusalRow): Refusal {
  return omitUndefined({
    id: row.id,
    at: row.refused_at,
    state: row.state === 'resolved' ? ('resolved' as const) : ('open' as const),
    kind: row.kind === 'conflict' ? ('conflict' as const) : ('invalid' as const),
    source: row.source ?? undefined,
    deal: row.deal ?? undefined,
    fact: row.fact ?? undefined,
    import: row.import_id ?? undefined,
    file: row.file ?? undefined,
    rows: row.row_numbers === null ? undefined : (JSON.parse(row.row_numbers) as readonly number[]),
    errors: JSON.parse(row.errors) as readonly RefusalError[],
    raw: row.raw,
    truncated: row.parts > 0 ? true : undefined,
    actor: row.actor,
    resolution: ENDS.find((end) => end === row.resolution),
    resolvedAt: row.resolved_at ?? undefined,
    discard: discardIn(row),
  });
}

function discardIn(row: RefusalRow): Refusal['discard'] {
  const { discard_reason: reason, discard_proposed_by: proposedBy, discarded_by: confirmedBy } = row;
  return reason === null || proposedBy === null || confirmedBy === null
    ? undefined
    : { reason, proposedBy, confirmedBy };
}
