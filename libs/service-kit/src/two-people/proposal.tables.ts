/** Read model of the proposals of one service: a table and a projection of its own, since services share no tables. */
import type { Projection } from '@tantieme/event-sourcing/read-model/projection';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { PROPOSAL, PROPOSAL_EVENTS, proposalAfter } from './proposal.js';
import type { Proposal, ProposalEvent } from './proposal.js';

export interface ProposalRow {
  readonly id: string;
  /** Names of stream and proposal: rows of a stream are in order of their number. */
  readonly stream: string;
  readonly number: number;
  readonly action: string;
  readonly state: string;
  readonly proposed_at: string;
  /** The proposal as JSON. */
  readonly document: string;
}

/** The table's name is that of the service. */
export type ProposalTables = Record<string, ProposalRow>;

/** @param service first part of the names of its work and tables: `commission` */
export function proposalTable(service: string): string {
  return `${service}_proposals`;
}

export function proposalStream(service: string, action: string, subject: string): string {
  return `${proposalStreams(service)}${action}|${subject}`;
}

function proposalStreams(service: string): string {
  return `${PROPOSAL}-${service}|`;
}

export function proposalProjection(service: string): Projection<ProposalTables> {
  const table = proposalTable(service);
  return {
    name: `${service}-proposals`,
    filter: { categories: [PROPOSAL] },
    migrations: {
      owner: table,
      files: {
        '0001-proposals': {
          up: async (db) => {
            await db.schema
              .createTable(table)
              .ifNotExists()
              .addColumn('id', 'text', (column) => column.notNull().primaryKey())
              .addColumn('stream', 'text', (column) => column.notNull())
              .addColumn('number', 'integer', (column) => column.notNull())
              .addColumn('action', 'text', (column) => column.notNull())
              .addColumn('state', 'text', (column) => column.notNull())
              .addColumn('proposed_at', 'text', (column) => column.notNull())
              .addColumn('document', 'text', (column) => column.notNull())
              .execute();
          },
        },
      },
    },
    tables: [table],
    async apply(trx, events) {
      const write = async (stream: string, proposal: Proposal): Promise<void> => {
        const { id, number, action, state, proposedAt } = proposal;
        const document = JSON.stringify(proposal);
        await trx
          .insertInto(table)
          .values({ id, stream, number, action, state, proposed_at: proposedAt, document })
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ state, document }))
          .execute();
      };
      for (const stored of events) {
        if (!stored.stream.startsWith(proposalStreams(service))) continue;
        const event = parseDomainEvent<ProposalEvent>(stored, PROPOSAL_EVENTS);
        const { number } = event.data;
        const rows = await trx
          .selectFrom(table)
          .select('document')
          .where('stream', '=', stored.stream)
          .where('number', '=', event.type === 'Proposed' ? number - 1 : number)
          .execute();
        const before = rows[0] === undefined ? undefined : (JSON.parse(rows[0].document) as Proposal);
        if (event.type === 'Proposed' && before?.state === 'open')
          await write(stored.stream, { ...before, state: 'superseded' });
        const after = proposalAfter(before, event);
        if (after !== undefined) await write(stored.stream, after);
      }
    },
  };
}
