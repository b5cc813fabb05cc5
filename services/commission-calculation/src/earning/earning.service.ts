import { Inject, Injectable } from '@nestjs/common';
import type { FactoryProvider } from '@nestjs/common';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import type { GrantMessage } from '../budget/budget.events-out.js';
import type { RefusedMessage } from '../budget/budget.service.js';
import { Calendars } from '../calendar/calendars.service.js';
import type { CreditMessage } from '../credit/credit.events-out.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import { READ_MODEL } from '../service-identity.js';
import { earningMessages } from './earning.events-out.js';
import type { ChildEarningMessage } from './earning.events-out.js';
import { bookIndex } from './book-index.tables.js';
import type { BookTables } from './book-index.tables.js';
import { earningBooks } from './books.js';
import { earningDecider, earningStream } from './earning.js';
import type { EarningCommand, EarningState } from './earning.js';
import type { EarningEvent, PlanConstants } from './earning-events.js';
import { EARNINGS_BYTES_MAX, EARNINGS_SHRUNK_BYTES_MAX } from '../limits.js';

export type EarningRuntime = Runtime<EarningState, EarningCommand, EarningEvent>;

export const EARNING_RUNTIME = Symbol('runtime of earning streams');

export const earningRuntime: FactoryProvider<EarningRuntime> = {
  provide: EARNING_RUNTIME,
  inject: [EVENT_STORE, PlanCatalog, DATABASE],
  useFactory: (store: EventStore, plans: PlanCatalog, db: Kysely<BookTables>) => {
    const decider = earningDecider(plans);
    return createRuntime({
      store,
      decider,
      books: earningBooks(decider, bookIndex(db, READ_MODEL)),
      cacheBytesMax: EARNINGS_BYTES_MAX,
      shrunkBytesMax: EARNINGS_SHRUNK_BYTES_MAX,
      messagesOf: earningMessages,
    });
  },
};

/** The messages that change earnings. */
export type EarningMessage = CreditMessage | ChildEarningMessage | GrantMessage;

interface Entry {
  readonly index: number;
  readonly message: EarningMessage;
  readonly plan: PlanConstants;
}

/** Earns credits in batches. */
@Injectable()
export class Earning {
  constructor(
    @Inject(EARNING_RUNTIME) private readonly runtime: EarningRuntime,
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(PlanCatalog) private readonly plans: PlanCatalog,
  ) {}

  async earn(messages: readonly EarningMessage[]): Promise<readonly RefusedMessage[]> {
    const refused: RefusedMessage[] = [];
    const entries = await this.entriesOf(messages, refused);
    // Read after the batch was fetched and before any of it is decided: a closing waits for the batches fetched before
    // its seal.
    const openFrom = await this.calendars.openPeriods(entries.map(({ plan }) => plan.calendar));
    const results = await this.runtime.handleMany(
      entries.map(({ message, plan }) => ({
        stream: earningStream(message.payee, message.plan),
        command: commandOf(message, plan, openFrom.get(plan.calendar) ?? null),
        context: {
          correlationId: message.correlationId,
          causationId: message.id,
          cause: message.id,
        },
      })),
    );
    for (const [at, result] of results.entries()) {
      const entry = entries[at];
      if (entry !== undefined && result.outcome === 'refused')
        refused.push({ index: entry.index, error: result.error });
    }
    return refused;
  }

  private async entriesOf(messages: readonly EarningMessage[], refused: RefusedMessage[]): Promise<readonly Entry[]> {
    await this.plans.ensure(messages.map(({ plan }) => plan));
    const unknown = messages.filter((message) => !this.isReady(message)).map(({ plan }) => plan);
    // Another process has published a version in the meantime, or the plan was a draft when it was read.
    if (unknown.length > 0) await this.plans.refresh([...new Set(unknown)]);
    return messages.flatMap((message, index): Entry[] => {
      const plan = this.plans.find(message.plan)?.versions.at(-1)?.plan;
      if (plan === undefined || !this.isReady(message)) {
        const error = new DomainError('PlanUnknown', `there is no published plan ${message.plan}`, 'not-found');
        refused.push({ index, error });
        return [];
      }
      return [{ index, message, plan: { currency: plan.currency, calendar: plan.calendarKey } }];
    });
  }

  private isReady(message: EarningMessage): boolean {
    if ('groups' in message) return message.groups.every(({ planVersion }) => this.plans.has(planVersion));
    return this.plans.find(message.plan) !== undefined;
  }
}

function commandOf(message: EarningMessage, plan: PlanConstants, openFrom: string | null): EarningCommand {
  const { deal, time: at } = message;
  if ('child' in message) {
    const { child, revision, earned } = message;
    return { type: 'receive-child-earning', ...plan, deal, child, revision, earned, openFrom, at };
  }
  if ('kind' in message) {
    const { component, revision, granted } = message;
    return { type: 'receive-grant', ...plan, deal, component, revision, granted, openFrom, at };
  }
  const { number, groups, above } = message;
  const credit = { type: 'credit', ...plan, deal, number, groups, openFrom, at } as const;
  return above === undefined ? credit : { ...credit, above };
}
