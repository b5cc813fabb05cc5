/** Earns credits in batches, and posts what a large change has left over. */
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext, Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EarnedMessage } from '../credit/credit.events-out.js';
import type { CalendarCommand, CalendarEvent, CalendarState } from '../calendar/calendar.js';
import { calendarStream, openFromOf } from '../calendar/calendar.js';
import type { EarningAccount, EarningCommand, EarningEvent, EarningState } from './earning.js';
import { earningStream } from './earning.js';
import { ACTOR } from '../events-out.js';
import type { PlanCatalog } from '../plan/plan-catalog.service.js';

export type EarningRuntime = Runtime<EarningState, EarningCommand, EarningEvent>;
export type CalendarRuntime = Runtime<CalendarState, CalendarCommand, CalendarEvent>;

/** A credit that can never be earned, by its place in the batch. */
export interface RefusedCredit {
  readonly index: number;
  readonly error: DomainError;
}

interface Place {
  readonly index: number;
  readonly message: EarnedMessage;
  readonly account: EarningAccount;
}

export class Earning {
  constructor(
    private readonly runtime: EarningRuntime,
    private readonly calendars: CalendarRuntime,
    private readonly plans: PlanCatalog,
  ) {}

  async earn(messages: readonly EarnedMessage[]): Promise<readonly RefusedCredit[]> {
    const refused: RefusedCredit[] = [];
    const places = await this.placesOf(messages, refused);
    // Read after the batch was fetched and before anything of it is decided: a closing waits for the batches of before.
    const openFrom = await this.openPeriods(places.map(({ account }) => account.calendar));
    const results = await this.runtime.handleMany(
      places.map(({ message, account }) => ({
        stream: earningStream(message.payee, message.plan),
        command: commandOf(message, account, openFrom.get(account.calendar) ?? null),
        context: {
          actor: ACTOR,
          correlationId: message.correlationId,
          causationId: message.id,
          cause: message.id,
        },
      })),
    );
    const unfinished = new Map<string, { readonly place: Place }>();
    for (const [at, result] of results.entries()) {
      const place = places[at];
      if (place === undefined) continue;
      if (result.outcome === 'refused') refused.push({ index: place.index, error: result.error });
      else if (result.state.unposted.size > 0) unfinished.set(result.stream, { place });
    }
    for (const [stream, { place }] of unfinished) {
      const { id, correlationId, time } = place.message;
      const context = { actor: ACTOR, correlationId, causationId: id, cause: `${id} rest` };
      await this.postRest(stream, openFrom.get(place.account.calendar) ?? null, time, context);
    }
    return refused;
  }

  /** Posts all that large changes of the stream have left over, event by event. */
  async postRest(stream: string, openFrom: string | null, at: string, context: CommandContext): Promise<void> {
    for (;;) {
      const [result] = await this.runtime.handleMany([
        { stream, command: { type: 'post-more', openFrom, at }, context },
      ]);
      if (result?.outcome === 'refused') throw result.error;
      if (result === undefined || result.stored.length === 0) return;
    }
  }

  /** First open period by calendar; a calendar that has closed none is left out. */
  async openPeriods(calendars: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const openFrom = new Map<string, string>();
    for (const calendar of new Set(calendars)) {
      const first = openFromOf(calendar, (await this.calendars.load(calendarStream(calendar))).state);
      if (first !== null) openFrom.set(calendar, first);
    }
    return openFrom;
  }

  private async placesOf(messages: readonly EarnedMessage[], refused: RefusedCredit[]): Promise<readonly Place[]> {
    await this.plans.ensure(messages.map(({ plan }) => plan));
    const unknown = messages.filter((message) => !this.knows(message)).map(({ plan }) => plan);
    // Another process has published a version since.
    if (unknown.length > 0) await this.plans.reload([...new Set(unknown)]);
    return messages.flatMap((message, index): Place[] => {
      const plan = this.plans.find(message.plan)?.versions.at(-1)?.plan;
      if (plan === undefined || !this.knows(message)) {
        refused.push({ index, error: new DomainError('PlanUnknown', `there is no plan ${message.plan}`, 'not-found') });
        return [];
      }
      const { payee } = message;
      const account = { payee, plan: plan.id, currency: plan.currency, calendar: plan.calendarKey };
      return [{ index, message, account }];
    });
  }

  private knows(message: EarnedMessage): boolean {
    return !('groups' in message) || message.groups.every(({ planHash }) => this.plans.has(planHash));
  }
}

function commandOf(message: EarnedMessage, account: EarningAccount, openFrom: string | null): EarningCommand {
  const { deal, time: at } = message;
  if ('child' in message) {
    const { child, revision, earned } = message;
    return { type: 'take-child', account, deal, child, revision, earned, openFrom, at };
  }
  if ('kind' in message) {
    const { component, revision, granted } = message;
    return { type: 'take-grant', account, deal, component, revision, granted, openFrom, at };
  }
  const { number, groups, above } = message;
  return { type: 'credit', account, deal, number, groups, openFrom, ...(above === undefined ? {} : { above }), at };
}
