import type { Selectable, Transaction } from 'kysely';

import type { ProgrammeDocument, ProgrammeEvent } from './programme.js';
import type { PublishedProgramme } from './programme.dto.js';

export interface ProgrammeTables {
  rewards_programmes: {
    id: string;
    hash: string;
    /** JSON of a `ProgrammeDocument`. */
    document: string;
    published_at: string;
    published_by: string;
    /** Id and title in lower case, to search in. */
    search_text: string;
  };
}

export async function insertProgramme(
  trx: Transaction<ProgrammeTables>,
  { data, occurredAt }: Extract<ProgrammeEvent, { readonly type: 'ProgrammePublished' }>,
): Promise<void> {
  const { document, hash, by } = data;
  await trx
    .insertInto('rewards_programmes')
    .values({
      id: document.programme,
      hash,
      document: JSON.stringify(document),
      published_at: occurredAt,
      published_by: by,
      search_text: `${document.programme} ${document.title}`.toLowerCase(),
    })
    .execute();
}

export function publishedProgramme(row: Selectable<ProgrammeTables['rewards_programmes']>): PublishedProgramme {
  return {
    programme: row.id,
    hash: row.hash,
    publishedAt: row.published_at,
    publishedBy: row.published_by,
    document: JSON.parse(row.document) as ProgrammeDocument,
  };
}
