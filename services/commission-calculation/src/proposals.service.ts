/** The actions of this service that need two people. */
import type { FactoryProvider } from '@nestjs/common';
import type { EventStore } from '@tantieme/event-store/event-store';
import { Background } from '@tantieme/service-kit/background/background';
import { DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { ProposalTables } from '@tantieme/service-kit/two-people/proposal.tables';
import { Proposals } from '@tantieme/service-kit/two-people/proposals';
import type { Kysely } from 'kysely';
import { WaiveDealAction } from './pending-deal/waive-deal.service.js';
import { ClosePeriodAction } from './period/close-period.service.js';
import { ReopenPeriodAction } from './period/reopen-period.service.js';

export const PROPOSALS = Symbol('PROPOSALS');

/** First part of the names of its background work and its table. */
export const PROPOSALS_OF = 'commission';

export const proposals: FactoryProvider<Proposals> = {
  provide: PROPOSALS,
  useFactory: (
    store: EventStore,
    db: Kysely<ProposalTables>,
    background: Background,
    closePeriod: ClosePeriodAction,
    reopenPeriod: ReopenPeriodAction,
    waiveDeal: WaiveDealAction,
  ) => new Proposals({ service: PROPOSALS_OF, store, db, background, actions: [closePeriod, reopenPeriod, waiveDeal] }),
  inject: [EVENT_STORE, DATABASE, Background, ClosePeriodAction, ReopenPeriodAction, WaiveDealAction],
};
