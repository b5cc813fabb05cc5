/**
 * The deciders of this service wired together without a store, for specs of behaviour and order: facts in, postings
 * out.
 */
import { parsePlan } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { PlanDocument } from '@tantieme/commission-engine/plan/document';
import { EngineError } from '@tantieme/commission-engine/engine-error';
import type { PlanByVersion } from '@tantieme/commission-engine/earn/component-rules';
import type { Deal, DealLine, DealPartner } from '@tantieme/contracts/deal';
import type { Partner } from '@tantieme/contracts/partner';
import type { ExchangeRate } from '@tantieme/contracts/reference';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import type { Decider, DomainEvent } from '@tantieme/event-sourcing/decide/decider';
import { BooksRequired, HEAD, isInRange, NEWEST } from '@tantieme/event-sourcing/decide/books';
import type { NeededBooks } from '@tantieme/event-sourcing/decide/books';
import { budgetDecider } from '../budget/budget.js';
import type { Budget, BudgetEvent, ClaimsInput } from '../budget/budget.js';
import { calendarDecider, openFromOf } from '../calendar/calendar.js';
import { creditsIn, creditDecider } from '../credit/credit.js';
import type { CreditEvent, CreditView, PlanCredit } from '../credit/credit.js';
import { entriesOf } from '../earning/book-entries.js';
import { earningBooks, shrink } from '../earning/books.js';
import { dealsOf, earningDecider, earningStream, payeePlanOf, postingOf } from '../earning/earning.js';
import type { EarningCommand } from '../earning/earning.js';
import { dealPostings } from '../earning/earning-events.js';
import type { EarningEvent } from '../earning/earning-events.js';
import type { GrantInput } from '../earning/earning-inputs.js';
import { planDecider } from '../plan/plan.js';
import type { PlanCommand, PlanEvent, PlanState } from '../plan/plan.js';
import { averageOf, rateOn, ratesInForce } from '../reference/facts/exchange-rate.js';
import { partnerAsOf, plansOfPartner } from '../reference/facts/partner.js';
import { exchangeRateStream } from '../reference/stream/reference-keys.js';
import { referenceDecider } from '../reference/stream/reference.js';

export const AT = '2026-01-01T00:00:00Z';

/** Who closes, with nothing outstanding. */
export const CLOSE = {
  proposal: 'close-period|…|1',
  by: 'fiona',
  confirmedBy: 'ada',
  plans: 1,
  earliestOpen: null,
  outstanding: [],
} as const;

/**
 * One stream of a decider: its events and state. Checks that every decision, decided again from its event, is the same.
 */
export class Stream<State, Command, Event extends DomainEvent> {
  readonly events: Event[] = [];
  state: State;

  constructor(private readonly decider: Decider<State, Command, Event>) {
    this.state = decider.initialState();
  }

  handle(command: Command): readonly Event[] {
    const events = this.decider.decide(command, this.state);
    for (const event of events) {
      const stored = JSON.parse(canonicalJson(event)) as Event;
      const again = this.decider.decide(this.decider.commandOf(stored), this.state);
      if (canonicalJson(again) !== canonicalJson(events))
        throw new Error(`decided from its event: ${canonicalJson(again)} instead of ${canonicalJson(events)}`);
      this.state = this.decider.evolve(this.state, stored);
      this.events.push(stored);
    }
    return events;
  }

  /** Computes the state from all events, as a load from the store does. */
  reload(): void {
    this.state = this.events.reduce((state, event) => this.decider.evolve(state, event), this.decider.initialState());
  }
}

export type Fact =
  | { readonly kind: 'deal'; readonly deal: Deal; readonly revision: number }
  | { readonly kind: 'partner'; readonly partner: Partner; readonly revision: number }
  | { readonly kind: 'plan'; readonly text: string; readonly effectiveFrom: string }
  | { readonly kind: 'exchange-rate'; readonly exchangeRate: ExchangeRate };

export interface CreditInTransit extends PlanCredit {
  readonly deal: string;
  readonly number: number;
}

type Change =
  | Omit<Extract<EarningCommand, { type: 'credit' }>, 'currency' | 'calendar' | 'openFrom' | 'at'>
  | Omit<Extract<EarningCommand, { type: 'receive-grant' }>, 'currency' | 'calendar' | 'openFrom' | 'at'>;

/** Messages between budgets and earning streams. */
export type InternalMessage =
  | ({ readonly kind: 'claims'; readonly budget: Budget } & ClaimsInput)
  | ({ readonly kind: 'grant'; readonly payee: string; readonly plan: string } & Omit<GrantInput, 'openFrom'>);

export class World implements PlanByVersion {
  readonly plans = new Map<string, PlanStream>();
  readonly partners = new Map<string, ReturnType<World['newReference']>>();
  /** By name of the stream. */
  readonly rates = new Map<string, ReturnType<World['newReference']>>();
  readonly credits = new Map<string, ReturnType<World['newCredit']>>();
  readonly earnings = new Map<string, ReturnType<World['newEarning']>>();
  /** By component. */
  readonly budgets = new Map<string, ReturnType<World['newBudget']>>();
  readonly calendar = new Stream(calendarDecider);
  /** Credits on their way to their payees. */
  readonly creditsInTransit: CreditInTransit[] = [];
  /** Claims and grants on their way. */
  readonly messagesInTransit: InternalMessage[] = [];
  decidedWithSomeBooks = 0;
  loadedBooks = 0;
  loadedWhole = 0;

  plan(version: string) {
    for (const { state } of this.plans.values())
      for (const { plan } of state.published) if (plan.version === version) return plan;
    throw new EngineError('PlanUnknown', version);
  }

  private newReference() {
    return new Stream(referenceDecider);
  }

  private newCredit() {
    return new Stream(creditDecider(this));
  }

  private newEarning() {
    return new Stream(earningDecider(this));
  }

  private newBudget() {
    return new Stream(budgetDecider(this));
  }

  private readonly view: CreditView = {
    partner: (id) => {
      const stream = this.partners.get(id);
      const partner = stream?.state.partner;
      if (stream === undefined || partner === undefined) return undefined;
      return {
        revision: stream.events.length - 1,
        plans: plansOfPartner(partner),
        asOf: (day) => partnerAsOf(partner, day),
      };
    },
    plan: (id) => {
      const stream = this.plans.get(id);
      return stream === undefined
        ? undefined
        : { revision: stream.events.length - 1, versions: stream.state.published };
    },
    exchangeRate: (base, quote) => {
      const stream = this.rates.get(exchangeRateStream(base, quote));
      const rates = ratesInForce(stream?.state.rates?.values() ?? [], base, quote);
      return {
        revision: stream === undefined ? undefined : stream.events.length - 1,
        rateOn: (day, maxAgeDays) => rateOn(rates, day, maxAgeDays),
        averageOf: (from, until) => averageOf(rates, from, until),
      };
    },
  };

  /** Applies a fact, and credits the deals that it affects. */
  apply(fact: Fact): void {
    switch (fact.kind) {
      case 'deal': {
        const { deal, revision } = fact;
        const name = `${deal.source}|${deal.id}`;
        const origin = { stream: `deal-${name}`, revision };
        const stream = this.credits.get(name) ?? this.newCredit();
        this.credits.set(name, stream);
        this.send(name, stream.handle({ type: 'credit', deal, origin, view: this.view, at: AT }));
        return;
      }
      case 'partner': {
        const { partner, revision } = fact;
        const stream = this.partners.get(partner.id) ?? this.newReference();
        this.partners.set(partner.id, stream);
        stream.handle({ partner, origin: { stream: `partner-${partner.id}`, revision }, at: AT });
        return this.recredit();
      }
      case 'plan': {
        const document = documentOf(fact.text);
        const stream = this.plans.get(document.plan) ?? new Stream(planDecider);
        this.plans.set(document.plan, stream);
        publishPlan(stream, fact.text, fact.effectiveFrom);
        return this.recredit();
      }
      case 'exchange-rate': {
        const { exchangeRate } = fact;
        const name = exchangeRateStream(exchangeRate.base, exchangeRate.quote);
        const stream = this.rates.get(name) ?? this.newReference();
        this.rates.set(name, stream);
        stream.handle({ exchangeRate, at: AT });
        return this.recredit();
      }
      default:
        return fact satisfies never;
    }
  }

  private recredit(): void {
    for (const [name, stream] of this.credits)
      this.send(name, stream.handle({ type: 'recredit', view: this.view, at: AT }));
  }

  private send(deal: string, events: readonly CreditEvent[]): void {
    for (const event of events.filter((one) => one.type === 'DealCredited'))
      for (const credit of creditsIn(event)) this.creditsInTransit.push({ ...credit, deal, number: event.data.number });
  }

  /** Brings a credit to its payee. */
  earn({ payee, plan, deal, number, groups }: CreditInTransit): readonly EarningEvent[] {
    return this.change(payee, plan, { type: 'credit', deal, number, groups });
  }

  /** Brings claims to their budget, or a grant to its payee. */
  deliver(message: InternalMessage): void {
    if (message.kind === 'grant') {
      const { kind: _, payee, plan, ...grant } = message;
      this.change(payee, plan, { type: 'receive-grant', ...grant });
      return;
    }
    const { kind: _, budget, ...claims } = message;
    const stream = this.budgets.get(budget.component) ?? this.newBudget();
    this.budgets.set(budget.component, stream);
    const openFrom = openFromOf(budget.calendar, this.calendar.state);
    if (openFrom !== null) stream.handle({ type: 'close-periods', budget, openFrom, at: AT });
    for (const event of stream.handle({ type: 'receive-claims', budget, ...claims, at: AT }))
      this.emitGrants(event, stream);
  }

  private emitGrants(event: BudgetEvent, { events }: ReturnType<World['newBudget']>): void {
    if (event.type === 'BudgetPeriodsClosed') return;
    const { plan, component } = event.data.budget;
    const revision = events.length - 1;
    for (const grant of event.data.grants)
      this.messagesInTransit.push({ kind: 'grant', plan, component, revision, ...grant });
  }

  private change(payee: string, plan: string, input: Change): readonly EarningEvent[] {
    const name = earningStream(payee, plan);
    const stream = this.earnings.get(name) ?? this.newEarning();
    this.earnings.set(name, stream);
    const compiled = this.plans.get(plan)?.state.published.at(-1)?.plan;
    if (compiled === undefined) throw new Error(`no plan ${plan}`);
    const { currency, calendarKey: calendar } = compiled;
    const openFrom = openFromOf(calendar, this.calendar.state);
    const events = [...this.decide(stream, { ...input, currency, calendar, openFrom, at: AT })];
    for (const { data } of events) {
      if (!('claims' in data) || data.claims === undefined) continue;
      const revision = stream.events.length - 1;
      for (const { component, ...claims } of data.claims)
        this.messagesInTransit.push({
          kind: 'claims',
          budget: { plan, component, currency, calendar },
          payee,
          revision,
          ...claims,
        });
    }
    return events;
  }

  /** Decides the command behind an event of another world, in the stream of the same name. */
  replay(name: string, event: EarningEvent): void {
    const stream = this.earnings.get(name) ?? this.newEarning();
    this.earnings.set(name, stream);
    this.decide(stream, earningDecider(this).commandOf(event));
  }

  private decide(stream: ReturnType<World['newEarning']>, command: EarningCommand): readonly EarningEvent[] {
    for (;;)
      try {
        const isWhole = stream.state.engine.loaded === undefined;
        const events = stream.handle(command);
        if (!isWhole && events.length > 0) this.decidedWithSomeBooks += 1;
        return events;
      } catch (error) {
        if (!(error instanceof BooksRequired)) throw error;
        this.load(stream, error.needed);
      }
  }

  private load(stream: ReturnType<World['newEarning']>, needed: NeededBooks): void {
    if (needed === 'all') {
      this.loadedWhole += 1;
      stream.reload();
      return;
    }
    this.loadedBooks += 1;
    const entries = stream.events.map((event) => ({ event, entries: entriesOf(event) }));
    const books = new Set(needed.books);
    for (const { book, groups } of entries.flatMap((one) => one.entries))
      if (groups.some((group) => needed.groups.some((range) => isInRange(group, range)))) books.add(book);
    const before = [...books].filter((book) => stream.state.engine.loaded?.deals.has(book) === false);
    const events = entries.filter((one) => one.entries.some(({ book }) => before.includes(book)));
    this.books().add(
      stream.state,
      { ...needed, books: [...books] },
      events.map(({ event }) => event),
    );
  }

  private books() {
    const none = { through: async () => 0n, find: async () => new Map<string, never>() };
    return earningBooks(earningDecider(this), none);
  }

  /** Leaves no deal of any payee in memory, as after a restart. */
  forgetBooks(): void {
    for (const stream of this.earnings.values()) {
      const entries = stream.events.map((event) => ({ event, books: entriesOf(event).map(({ book }) => book) }));
      const newest = entries.findLast(({ books }) => books.includes(NEWEST));
      const head = entries.filter((one) => one.books.includes(HEAD) || one === newest || one === entries.at(-1));
      const decider = earningDecider(this);
      stream.state = head.reduce((state, { event }) => decider.evolve(state, event), this.books().initialState());
    }
  }

  earnAll(): void {
    for (const credit of this.creditsInTransit.splice(0)) this.earn(credit);
    while (this.messagesInTransit.length > 0)
      for (const message of this.messagesInTransit.splice(0)) this.deliver(message);
  }

  /** Name of the newest version of a plan. */
  newestVersion(plan: string): string {
    return this.plans.get(plan)?.state.published.at(-1)?.plan.version ?? '';
  }

  /** Starts and finishes a closing with nothing in between. */
  close(period: string): void {
    this.beginClosing(period);
    this.endClosing(period);
  }

  beginClosing(period: string): void {
    const calendar = 'monthly@Europe/Paris';
    this.calendar.handle({ ...CLOSE, type: 'close', calendar, period, at: AT });
  }

  endClosing(period: string): void {
    this.calendar.handle({ type: 'seal', period, at: AT });
    for (const [name, stream] of this.earnings) {
      const payeePlan = payeePlanOf(name);
      const planVersion = this.newestVersion(payeePlan.plan);
      this.decide(stream, { type: 'close-period', ...payeePlan, period, planVersion, minimum: '0.00', at: AT });
    }
    this.calendar.handle({ type: 'finish', period, at: AT });
  }

  /** Leaves only the newest deals of every payee in memory, as a process that is short of memory does. */
  shrinkStates(linesMax: number): void {
    for (const { state } of this.earnings.values()) shrink(state, linesMax);
  }

  reload(): void {
    for (const stream of this.earnings.values()) stream.reload();
    for (const stream of this.budgets.values()) stream.reload();
  }

  /** All posted lines from the states, one text per line, in order. */
  ledger(): readonly string[] {
    return [...this.earnings]
      .flatMap(([name, { state }]) =>
        [...dealsOf(state)].flatMap((deal) =>
          postingOf(state, deal).map(
            ({ period, origin, component, line, kind, basis, amount }) =>
              `${name.slice('earning-'.length)} ${period} ${origin} ${component} ${deal} ${line} ${kind} ${basis} → ${amount}`,
          ),
        ),
      )
      .sort();
  }

  /** All posted lines from the events; has to equal `ledger`. */
  emittedLedger(): readonly string[] {
    return [...this.earnings]
      .flatMap(([name, { events }]) => {
        const newest = new Map(
          events.flatMap((event) => dealPostings(event).map(({ deal, lines }) => [deal, lines] as const)),
        );
        return [...newest].flatMap(([deal, lines]) =>
          lines.map(
            ({ period, origin, component, line, kind, basis, amount }) =>
              `${name.slice('earning-'.length)} ${period} ${origin} ${component} ${deal} ${line} ${kind} ${basis} → ${amount}`,
          ),
        );
      })
      .sort();
  }
}

export type PlanStream = Stream<PlanState, PlanCommand, PlanEvent>;

export function draftOf(text: string, by = 'designer'): PlanCommand {
  const document = documentOf(text);
  return { type: 'draft', document, hash: canonicalJson(document), findings: [], by, at: AT };
}

/** Drafts, approves and publishes. @returns the events of the publication */
export function publishPlan(
  plan: PlanStream,
  text: string,
  effectiveFrom: string,
  openFrom: string | null = null,
): readonly PlanEvent[] {
  plan.handle(draftOf(text));
  const number = plan.state.versions.length;
  plan.handle({ type: 'approve', number, by: 'approver', at: AT });
  return plan.handle({ type: 'publish', number, effectiveFrom, by: 'approver', openFrom, at: AT });
}

export function documentOf(text: string): PlanDocument {
  const { document, findings } = parsePlan(text);
  if (document === undefined) throw new Error(findings.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  return document;
}

export const PLAN = `
plan: resellers
title: Resellers
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
components:
  - id: hardware
    credit: { trigger: booked, to: seller, basis: net, where: { line.category: hardware } }
    measure: { over: quarter }
    rate:
      marginal: [{ below: 1000, pay: 4 % }, { below: 3000, pay: 6 % }, { pay: 8 % }]
  - id: service
    credit: { trigger: booked, to: seller, basis: net, where: { line.category: service } }
    rate: { percent: 2.9 % }
  - id: team
    credit: { override: [hardware, service], of: basis, levels: [2 %, 1 %] }
`;

export interface PartnerShape {
  readonly upline?: string | null;
  readonly tier?: string;
  readonly plans?: readonly string[];
  readonly from?: string;
  readonly until?: string;
}

export function partnerOf(id: string, shape: PartnerShape = {}): Partner {
  const { upline = null, tier = 'gold', plans = ['resellers'], from = '2026-01-01', until } = shape;
  return {
    id,
    name: id,
    channel: 'retail',
    country: 'FR',
    tiers: [{ from, value: tier }],
    uplines: [{ from, value: upline }],
    agreements: plans.map((plan) => ({ id: plan, plan, from, ...(until === undefined ? {} : { until }) })),
  };
}

export interface DealShape extends Partial<Omit<Deal, 'terms'>> {
  readonly partners?: readonly DealPartner[];
  readonly lines?: readonly DealLine[];
  readonly net?: string;
  readonly currency?: string;
}

/** One line of hardware, sold by `anna`, booked on 10 January 2026 unless `shape` differs. */
export function dealOf(id: string, shape: DealShape = {}): Deal {
  const { partners, lines, net = '100.00', currency = 'EUR', ...facts } = shape;
  return {
    source: 'crm',
    id,
    terms: {
      currency,
      lines: lines ?? [{ id: '1', category: 'hardware', net }],
      partners: partners ?? [{ role: 'seller', partner: 'anna' }],
    },
    bookedAt: '2026-01-10T10:00:00Z',
    invoices: [],
    payments: [],
    soldThrough: [],
    returns: [],
    ...facts,
  };
}
