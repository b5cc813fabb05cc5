/** Discarding a refusal, as an action that needs two people: nobody has to correct the fact any longer. */
import type { FactoryProvider } from '@nestjs/common';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { Background } from '@tantieme/service-kit/background/background';
import { DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { JsonObject, Proposal } from '@tantieme/service-kit/two-people/proposal';
import type { ProposalTables } from '@tantieme/service-kit/two-people/proposal.tables';
import { Proposals } from '@tantieme/service-kit/two-people/proposals';
import type { TwoPersonAction } from '@tantieme/service-kit/two-people/proposals';
import type { Kysely } from 'kysely';
import { refusalIn } from './refusal.queries.js';
import type { RefusalTables } from './refusal.tables.js';
import { refusalResolved, refusalStream } from './refusal.js';
import { REFUSAL_RUNTIME } from './refusal-runtime.service.js';
import type { RefusalRuntime } from './refusal-runtime.service.js';

export const DISCARD_REFUSAL = 'discard-refusal';

export const PROPOSALS = Symbol('REFUSAL_PROPOSALS');

/** First part of the names of the proposals' background work and table. */
export const PROPOSALS_OF = 'refusal';

/** Of a refusal, so many reasons are shown to the second person. */
const REASONS_SHOWN_MAX = 3;

export const refusalProposals: FactoryProvider<Proposals> = {
  provide: PROPOSALS,
  useFactory: (
    store: EventStore,
    db: Kysely<ProposalTables>,
    background: Background,
    refusals: RefusalRuntime,
  ): Proposals =>
    new Proposals({
      service: PROPOSALS_OF,
      store,
      db,
      background,
      actions: [discardRefusal(refusals, db as unknown as Kysely<RefusalTables>)],
    }),
  inject: [EVENT_STORE, DATABASE, Background, REFUSAL_RUNTIME],
};

function discardRefusal(refusals: RefusalRuntime, db: Kysely<RefusalTables>): TwoPersonAction {
  return {
    name: DISCARD_REFUSAL,
    confirmers: ['operator', 'finance', 'approver'],
    /** @throws {DomainError} `RefusalUnknown`, `RefusalResolved` */
    read: async (id): Promise<JsonObject> => {
      const row = await db.selectFrom('deal_ingestion_refusals').selectAll().where('id', '=', id).executeTakeFirst();
      if (row === undefined) throw new DomainError('RefusalUnknown', `there is no refusal ${id}`, 'not-found');
      if ((await refusals.load(refusalStream(id))).state.status !== 'refused') throw refusalResolved();
      const { kind, source, deal, fact, file, rows, errors } = refusalIn(row);
      const refused = errors.slice(0, REASONS_SHOWN_MAX).map(({ field, reason }) => `${field}: ${reason}`);
      return omitUndefined({ kind, source, deal, fact, file, rows, refused });
    },
    carryOut: async ({ subject, request, proposedBy, ...decided }: Proposal, context: CommandContext) => {
      const { decidedBy: confirmedBy = '', decidedAt: at = '' } = decided;
      const { reason } = request as { readonly reason: string };
      await refusals.handle(refusalStream(subject), { reason, proposedBy, confirmedBy, at }, context);
    },
  };
}
