/**
 * Credit: a stream per deal. Who is credited with what is a function of the newest deal and of the partners, plans and
 * exchange rates known now. Each time the result changes, an event with the next number records it, together with
 * everything looked up.
 */
import { creditDeal } from '@tantieme/commission-engine/credit/credit';
import type { Pending } from '@tantieme/commission-engine/credit/pending';
import type { ExchangeRateAsOf } from '@tantieme/commission-engine/credit/lookup';
import type { PayeeCredit } from '@tantieme/commission-engine/credit/credit';
import type { Uncredited } from '@tantieme/commission-engine/credit/uncredited';
import type { PartnerAsOf } from '@tantieme/commission-engine/credit/partner';
import type { PlanVersion } from '@tantieme/commission-engine/plan/history';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { compareText } from '@tantieme/contracts/compare-text';
import { dealKey } from '@tantieme/commission-engine/deal/deal';
import type { PlanByVersion } from '@tantieme/commission-engine/earn/component-rules';
import type { CompiledComponent } from '@tantieme/commission-engine/plan/compiled';
import { EngineError } from '@tantieme/commission-engine/engine-error';
import { TimeError } from '@tantieme/time/time-error';
import type { Deal } from '@tantieme/contracts/deal';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { engineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import type { EngineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import { packLines } from './credit-lines.js';
import type { CreditGroup } from './credit-lines.js';
import { shareFields, withSharedFields } from './shared-fields.js';
import type { GroupOfCredits, SharedFields } from './shared-fields.js';
import { agreementsMissing, byCodeAndSubject, isAgreed, outcome, reasonsOf, touchesOf } from './credit-outcome.js';
import type { Credited, Touches } from './credit-outcome.js';
import type { FoundRate } from '../reference/facts/exchange-rate.js';
import { exchangeRateKey, partnerKey, planKey } from '../reference/stream/reference-keys.js';
import type { Origin } from '../reference/stream/reference.js';
import { CREDIT_BYTES_MAX } from '../limits.js';

export const CREDIT = 'credit';

export function creditStream(deal: string): string {
  return `${CREDIT}-${deal}`;
}

/** `source|id` of the deal, from the name of its credit stream. */
export function dealOfStream(stream: string): string {
  return stream.slice(CREDIT.length + 1);
}

/** Partners, plans and exchange rates at the time of a decision; undefined for what does not exist yet. */
export interface CreditView {
  partner(id: string): PartnerView | undefined;
  plan(id: string): PlanView | undefined;
  /** A pair without any rate has a view without a revision. */
  exchangeRate(base: string, quote: string): ExchangeRateView;
}

export interface PartnerView {
  /** Of the reference stream. */
  readonly revision: number;
  /** Every plan that the partner ever agreed to, in order of text. */
  readonly plans: readonly string[];
  asOf(day: string): PartnerAsOf;
}

export interface PlanView {
  /** Of the plan stream. */
  readonly revision: number;
  readonly versions: readonly PlanVersion[];
}

export interface ExchangeRateView {
  /** Of the pair's reference stream. */
  readonly revision: number | undefined;
  /** The last rate published on or before the day (`2026-03-05`), at most `maxAgeDays` old. */
  rateOn(day: string, maxAgeDays: number): FoundRate | undefined;
  /** The average of the rates published from one day to before another. */
  averageOf(from: string, until: string): FoundRate | undefined;
}

/** `engine` is set for the command of a stored event: the version that decided it. */
export type CreditCommand = { readonly engine?: number } & (
  | {
      readonly type: 'credit';
      readonly deal: Deal;
      /** Stream and revision in deal-ingestion: the newest counts. */
      readonly origin: Origin;
      readonly view: CreditView;
      readonly at: string;
    }
  /** Credits the stream's deal again after a new fact about a partner, a plan or an exchange rate. */
  | { readonly type: 'recredit'; readonly view: CreditView; readonly at: string }
  | ({ readonly type: 'waive'; readonly at: string } & Waiver)
);

/**
 * A partner as looked up, by value: the attributes on each day. Its plans are absent where they are those that the
 * credit looked up; those of a day are absent where they are all that the partner ever agreed to.
 */
interface StoredPartner extends Omit<UsedPartner, 'asOf' | 'plans'> {
  readonly plans?: readonly string[];
  readonly asOf: Readonly<Record<string, StoredAttributes>>;
}

type StoredAttributes = Pick<PartnerAsOf, 'channel' | 'country' | 'ended' | 'certifications'> & {
  readonly tier?: string;
  readonly upline?: string;
  readonly plans?: readonly string[];
};

/** The partners that a credit looked up, in order of key. */
export function usedPartners({ partners, plans: lookedUp }: DealCredited['data']['input']): readonly UsedPartner[] {
  const ids = lookedUp.map(({ key }) => key.slice(planKey('').length));
  return partners.map(({ key, revision, plans: all = ids, asOf }) => ({
    key,
    revision,
    plans: all,
    asOf: Object.entries(asOf).map(([day, { tier = null, upline = null, plans = all, ...attributes }]) => ({
      day,
      ...attributes,
      tier,
      upline,
      plans,
    })),
  }));
}

/** A partner as looked up: with the revision read; null where it did not exist yet. */
export interface UsedPartner {
  readonly key: string;
  readonly revision: number | null;
  readonly plans: readonly string[];
  /** In order of day. */
  readonly asOf: readonly (Omit<PartnerAsOf, 'id'> & { readonly day: string })[];
}

/** Rates of a pair as looked up: by value, with the revision read; null where there were none yet. */
export interface UsedExchangeRate {
  /** `exchange-rate:USD/EUR`: amounts in dollars were converted to euros. */
  readonly key: string;
  readonly revision: number | null;
  /** In order of day. */
  readonly on: readonly { readonly day: string; readonly maxAgeDays: number; readonly found: FoundRate | null }[];
  /** In order of day; absent where no average was looked up. */
  readonly averages?: readonly { readonly from: string; readonly until: string; readonly found: FoundRate | null }[];
}

/** A plan as it was looked up: the names of its versions, whose documents plan streams hold. */
export interface UsedPlan {
  readonly key: string;
  readonly revision: number | null;
  readonly versions: readonly { readonly version: string; readonly effectiveFrom: string; readonly lastDay?: string }[];
}

/** The whole credit of a deal to one payee under one plan; without groups for a payee who is no longer credited. */
export interface PlanCredit {
  readonly payee: string;
  readonly plan: string;
  readonly groups: readonly CreditGroup[];
  /**
   * Payees above, in text order, who are paid an override on what this one earns with the deal; absent where there are
   * none.
   */
  readonly above?: readonly string[];
}

export interface DealCredited {
  readonly type: 'DealCredited';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: {
    readonly input: {
      /** Absent where the stream's deal was credited again. */
      readonly deal?: StoredDeal;
      readonly origin?: Origin;
      /** In order of key. */
      readonly partners: readonly StoredPartner[];
      readonly plans: readonly UsedPlan[];
      /** Absent where none was looked up. */
      readonly exchangeRates?: readonly UsedExchangeRate[];
    };
    /** From 1, without gaps: of two credits the higher number counts. */
    readonly number: number;
    /** What the groups of the credits have in common. */
    readonly shared?: SharedFields;
    /** Credits that are new or differ from before, in order of plan and payee. */
    readonly credits: readonly (Omit<PlanCredit, 'groups'> & { readonly groups: readonly GroupOfCredits[] })[];
    /** What is missing to credit the deal, or to credit all of it; absent where nothing is. */
    readonly pending?: readonly Pending[];
    /** Which closings wait for the deal; absent where it is not pending. */
    readonly touches?: Touches;
    /** Why the deal is credited to nobody; absent where it is credited to somebody. */
    readonly uncredited?: readonly Uncredited[];
    /** Version of the calculation. */
    readonly engine: number;
  };
}

/** Somebody decided, and another person confirmed, that no closing waits any longer for what a deal is missing. */
export interface PendingWaived {
  readonly type: 'PendingWaived';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: Waiver;
}

export interface Waiver {
  /** In order of code and subject. If a fact arrives later, the deal is credited as usual. */
  readonly waived: readonly { readonly code: string; readonly subject: string }[];
  readonly reason: string;
  readonly by: string;
  readonly confirmedBy: string;
}

export type CreditEvent = DealCredited | PendingWaived;

type DealLists = Pick<Deal, 'invoices' | 'payments' | 'soldThrough' | 'returns'>;

/** Without empty lists. */
type StoredDeal = Omit<Deal, keyof DealLists> & Partial<DealLists>;

function storedDeal({ invoices, payments, soldThrough, returns, ...deal }: Deal): StoredDeal {
  const lists = Object.entries({ invoices, payments, soldThrough, returns }).filter(([, list]) => list.length > 0);
  return { ...deal, ...Object.fromEntries(lists) };
}

function dealOfStored(deal: StoredDeal): Deal {
  return { invoices: [], payments: [], soldThrough: [], returns: [], ...deal };
}

/** The credits that are new or differ from before. */
export function creditsIn({ data: { shared, credits } }: DealCredited): readonly PlanCredit[] {
  return withSharedFields(credits, shared);
}

export interface CreditState {
  deal: Deal | undefined;
  originRevision: number;
  number: number;
  /** By `payee|plan`. */
  readonly credits: Map<string, Pick<PlanCredit, 'groups' | 'above'>>;
  pending: readonly Pending[];
  uncredited: readonly Uncredited[];
  /** `code subject` of everything that was waived. */
  readonly waived: Set<string>;
}

export const CREDIT_EVENTS: EventTypes<CreditEvent> = {
  DealCredited: { version: 1 },
  PendingWaived: { version: 1 },
};

/** All credits of a deal under the plans of its partners, with what is missing. */
export type CreditEngine = (deal: Deal, used: UsedReferences) => Credited<PlanCredit>;

/** The versions of the crediting rules. A changed rule is a new version; old events replay under theirs (ADR 23). */
export const CREDIT_ENGINES: EngineVersions<CreditEngine> = engineVersions('crediting', {
  1: (deal, used) => withinLimits(deal, creditUnderAllPlans(deal, used)),
});

/** @param plans every plan document in the log */
export function creditDecider(
  plans: PlanByVersion,
  engines = CREDIT_ENGINES,
): Decider<CreditState, CreditCommand, CreditEvent> {
  return {
    category: CREDIT,
    events: CREDIT_EVENTS,
    initialState: () => ({
      deal: undefined,
      originRevision: -1,
      number: 0,
      credits: new Map(),
      pending: [],
      uncredited: [],
      waived: new Set(),
    }),
    decide: (command, state) => decide(command, state, engines),
    evolve: (state, event) => evolve(state, event, engines),
    commandOf: (event) => {
      if (event.type === 'PendingWaived') return { type: 'waive', ...event.data, at: event.occurredAt };
      const {
        occurredAt,
        data: { input, engine },
      } = event;
      const view = journalledView(input, plans);
      return input.deal === undefined || input.origin === undefined
        ? { type: 'recredit', view, engine, at: occurredAt }
        : { type: 'credit', deal: dealOfStored(input.deal), origin: input.origin, view, engine, at: occurredAt };
    },
    storesRuns: true,
    sizeOf: ({ deal, credits, pending }) => {
      let bytes = 1000 + LINE_BYTES * ((deal?.terms?.lines.length ?? 0) + pending.length);
      for (const { groups } of credits.values())
        for (const { lines } of groups) bytes += GROUP_BYTES + LINE_BYTES * lines.length;
      return bytes;
    },
  };
}

/** Approximate memory of a line and of a group, measured. */
const LINE_BYTES = 300;
const GROUP_BYTES = 600;

function decide(
  command: CreditCommand,
  state: CreditState,
  engines: EngineVersions<CreditEngine>,
): readonly CreditEvent[] {
  if (command.type === 'waive') return decideWaive(command, state);
  const { engine = engines.newest } = command;
  const credit = engines.of(engine);
  if (command.type === 'credit' && command.origin.revision <= state.originRevision) return [];
  const deal = command.type === 'credit' ? command.deal : state.deal;
  if (deal === undefined) return [];
  const used = new UsedReferences(command.view);
  const { credits, pending, uncredited } = credit(deal, used);
  const touches = pending.length === 0 ? undefined : touchesOf(deal, used);
  const changed = changedCredits(credits, state.credits);
  // A fact that changes nothing for the deal adds no event. A new revision of the deal does: later facts need it.
  if (
    command.type === 'recredit' &&
    changed.length === 0 &&
    isSame(pending, state.pending) &&
    isSame(uncredited, state.uncredited)
  )
    return [];
  return [
    {
      type: 'DealCredited',
      version: 1,
      occurredAt: command.at,
      data: {
        input: {
          ...(command.type === 'credit' ? { deal: storedDeal(deal), origin: command.origin } : {}),
          ...used.journal(),
        },
        number: state.number + 1,
        ...shareFields(changed),
        ...(pending.length === 0 ? {} : { pending }),
        ...(touches === undefined ? {} : { touches }),
        ...(uncredited.length === 0 ? {} : { uncredited }),
        engine,
      },
    },
  ];
}

/** Waiving again what is waived adds no event. */
function decideWaive(
  { type: _, at, ...data }: Extract<CreditCommand, { readonly type: 'waive' }>,
  { waived }: CreditState,
): readonly CreditEvent[] {
  if (data.waived.every((one) => waived.has(nameOfPending(one)))) return [];
  return [{ type: 'PendingWaived', version: 1, occurredAt: at, data }];
}

function nameOfPending({ code, subject }: { readonly code: string; readonly subject: string }): string {
  return `${code} ${subject}`;
}

function evolve(state: CreditState, event: CreditEvent, engines: EngineVersions<CreditEngine>): CreditState {
  if (event.type === 'PendingWaived') {
    for (const one of event.data.waived) state.waived.add(nameOfPending(one));
    return state;
  }
  const { input, number, pending = [], uncredited = [], engine } = event.data;
  // A state that a newer calculation made is none that this build can continue.
  engines.of(engine);
  if (input.deal !== undefined) state.deal = dealOfStored(input.deal);
  if (input.origin !== undefined) state.originRevision = input.origin.revision;
  state.number = number;
  for (const { payee, plan, groups, above } of creditsIn(event)) {
    const key = `${payee}|${plan}`;
    if (groups.length === 0) state.credits.delete(key);
    else state.credits.set(key, above === undefined ? { groups } : { groups, above });
  }
  state.pending = pending;
  state.uncredited = uncredited;
  return state;
}

function changedCredits(now: readonly PlanCredit[], before: CreditState['credits']): readonly PlanCredit[] {
  const changed = before.size === 0 ? now.slice() : now.filter((one) => !isSameCredit(one, before.get(nameOf(one))));
  if (before.size > 0) {
    const still = new Set(now.map(nameOf));
    for (const name of before.keys())
      if (!still.has(name)) {
        const bar = name.indexOf('|');
        changed.push({ payee: name.slice(0, bar), plan: name.slice(bar + 1), groups: [] });
      }
  }
  if (changed.length < 2) return changed;
  return changed.sort((left, right) => compareText(left.plan, right.plan) || compareText(left.payee, right.payee));
}

function isSameCredit(
  { groups, above }: PlanCredit,
  before: Pick<PlanCredit, 'groups' | 'above'> | undefined,
): boolean {
  return before !== undefined && isSame(groups, before.groups) && isSame(above ?? [], before.above ?? []);
}

function nameOf({ payee, plan }: PlanCredit): string {
  return `${payee}|${plan}`;
}

/** Compares canonical text: the order of keys differs between a value from the log and a new one. */
function isSame(left: unknown, right: unknown): boolean {
  return right !== undefined && canonicalJson(left) === canonicalJson(right);
}

/** Size of a posted line. */
const POSTED_LINE_BYTES = 220;

/** Up to this number of lines always fits: even with ids of the greatest length. */
const LINES_ALWAYS_STORED = 200;

const UTF8 = new TextEncoder();

/** The credits; or none, with the reason, for a deal whose credits exceed what events can hold. */
function withinLimits(deal: Deal, credited: Credited<PlanCredit>): Credited<PlanCredit> {
  const sizes = credited.credits.map(({ groups }) => groups.reduce((count, { lines }) => count + lines.length, 0));
  const lineCount = sizes.reduce((sum, count) => sum + count, 0);
  if (lineCount <= LINES_ALWAYS_STORED) return credited;
  let isTooLarge = false;
  for (const [index, { groups }] of credited.credits.entries()) {
    const own = UTF8.encode(canonicalJson(groups)).length;
    isTooLarge ||= own + (sizes[index] ?? 0) * POSTED_LINE_BYTES > CREDIT_BYTES_MAX;
  }
  if (!isTooLarge) return credited;
  const message = `its ${deal.terms?.lines.length ?? 0} lines make ${lineCount} credit lines, more than an event can hold, so it earns nothing; split the deal`;
  return outcome(deal, [], [{ code: 'DealTooLarge', subject: `deal:${dealKey(deal)}`, message }]);
}

// ── The deal under each plan that its partners agreed to ───────────────────────────────────────────────────────────

function creditUnderAllPlans(deal: Deal, used: UsedReferences): Credited<PlanCredit> {
  const lookup = {
    partner: (id: string, day: string) => used.partner(id)?.asOf(day),
    exchangeRate: (base: string, quote: string, day: string, maxAgeDays: number) =>
      asOf(used.exchangeRate(base, quote).rateOn(day, maxAgeDays)),
    exchangeAverage: (base: string, quote: string, from: string, until: string) =>
      asOf(used.exchangeRate(base, quote).averageOf(from, until)),
  };
  const credits: PlanCredit[] = [];
  const pending = new Map<string, Pending>();
  const addPending = (one: Pending): void => {
    const name = `${one.code} ${one.subject}`;
    const before = pending.get(name);
    // Of several messages the first in text order, whatever the order of the plans.
    if (before === undefined || one.message < before.message) pending.set(name, one);
  };
  const ids = [...new Set((deal.terms?.partners ?? []).map(({ partner }) => partner))].sort();
  const plans = new Set<string>();
  for (const id of ids) {
    const partner = used.partner(id);
    if (partner === undefined)
      addPending({ code: 'PartnerMissing', subject: partnerKey(id), message: `there is no partner ${id}` });
    for (const plan of partner?.plans ?? []) plans.add(plan);
  }
  try {
    if (deal.terms === undefined)
      // The engine's reason for a deal without terms does not depend on a plan.
      for (const one of creditDeal(deal, [], lookup).pending) addPending(one);
    else
      for (const plan of [...plans].sort()) {
        const found = used.plan(plan);
        if (found === undefined) {
          if (isAgreed(deal, ids, plan, used))
            addPending({ code: 'PlanMissing', subject: planKey(plan), message: `the plan ${plan} is not published` });
          continue;
        }
        const answer = creditDeal(deal, found.versions, lookup);
        const above = payeesAbove(answer.credits, found.versions);
        for (const { payee, lines } of answer.credits) {
          const overridden = above.get(payee);
          const groups = packLines(lines);
          credits.push(
            overridden === undefined ? { payee, plan, groups } : { payee, plan, groups, above: [...overridden].sort() },
          );
        }
        for (const one of answer.pending) addPending(one);
      }
    if (credits.length === 0 && pending.size === 0)
      for (const one of agreementsMissing(deal, ids, used)) addPending(one);
  } catch (error) {
    // A fault in the deal's own data makes this deal pending and does not hold up the deals behind it.
    if (!(error instanceof EngineError) && !(error instanceof TimeError)) throw error;
    return outcome(deal, [], [{ code: 'TermsInvalid', subject: `deal:${dealKey(deal)}`, message: error.message }]);
  }
  return outcome(deal, credits, [...pending.values()].sort(byCodeAndSubject), () =>
    reasonsOf(deal, ids, plans, used).toSorted(byCodeAndSubject),
  );
}

function asOf(found: FoundRate | undefined): ExchangeRateAsOf | undefined {
  if (found === undefined) return undefined;
  const { rate, date, source } = found;
  return { rate, date, source };
}

/** By payee: the payees above who are paid an override on what it earns. */
function payeesAbove(
  credits: readonly PayeeCredit[],
  versions: readonly PlanVersion[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const above = new Map<string, Set<string>>();
  if (!versions.some(({ plan }) => plan.components.some(overridesEarnings))) return above;
  for (const { payee, lines } of credits)
    for (const { child, component, planVersion } of lines) {
      const rules = versions.find(({ plan }) => plan.version === planVersion)?.plan.componentById.get(component);
      if (child === undefined || rules === undefined || !overridesEarnings(rules)) continue;
      let paidOn = above.get(child.payee);
      if (paidOn === undefined) above.set(child.payee, (paidOn = new Set()));
      paidOn.add(payee);
    }
  return above;
}

function overridesEarnings({ credit }: CompiledComponent): boolean {
  return credit.kind === 'override' && credit.of === 'earning';
}

// ── The journal of look-ups
// ──────────────────────────────────────────────────────────────────────────────────────────────

/** Passes look-ups on to a view and journals their results. */
export class UsedReferences implements CreditView {
  private readonly partners = new Map<string, UsedPartnerView | undefined>();
  private readonly plans = new Map<string, PlanView | undefined>();
  private readonly rates = new Map<string, UsedExchangeRateView>();

  constructor(private readonly view: CreditView) {}

  partner(id: string): UsedPartnerView | undefined {
    let used = this.partners.get(id);
    if (used === undefined && !this.partners.has(id)) {
      const found = this.view.partner(id);
      used = found === undefined ? undefined : new UsedPartnerView(found);
      this.partners.set(id, used);
    }
    return used;
  }

  plan(id: string): PlanView | undefined {
    const found = this.plans.get(id) ?? this.view.plan(id);
    this.plans.set(id, found);
    return found;
  }

  exchangeRate(base: string, quote: string): UsedExchangeRateView {
    const key = exchangeRateKey(base, quote);
    let used = this.rates.get(key);
    if (used === undefined) this.rates.set(key, (used = new UsedExchangeRateView(this.view.exchangeRate(base, quote))));
    return used;
  }

  journal(): Omit<DealCredited['data']['input'], 'deal' | 'origin'> {
    const exchangeRates = inOrder(this.rates).map(([key, used]) => used.journal(key));
    const lookedUp = inOrder(this.plans).map(([id]) => id);
    return {
      partners: inOrder(this.partners).map(([id, used]) => {
        const plans = used?.plans ?? [];
        return {
          key: partnerKey(id),
          revision: used?.revision ?? null,
          ...(plans.join() === lookedUp.join() ? {} : { plans }),
          asOf: used?.journal() ?? {},
        };
      }),
      plans: inOrder(this.plans).map(([id, used]) => ({
        key: planKey(id),
        revision: used?.revision ?? null,
        versions: (used?.versions ?? []).map(({ effectiveFrom, lastDay, plan: { version } }) =>
          omitUndefined({ version, effectiveFrom, lastDay }),
        ),
      })),
      ...(exchangeRates.length === 0 ? {} : { exchangeRates }),
    };
  }
}

class UsedExchangeRateView implements ExchangeRateView {
  private readonly byDay = new Map<string, UsedExchangeRate['on'][number]>();
  private readonly averages = new Map<string, NonNullable<UsedExchangeRate['averages']>[number]>();

  constructor(private readonly view: ExchangeRateView) {}

  get revision(): number | undefined {
    return this.view.revision;
  }

  rateOn(day: string, maxAgeDays: number): FoundRate | undefined {
    const name = `${day} ${maxAgeDays}`;
    let lookup = this.byDay.get(name);
    if (lookup === undefined) {
      lookup = { day, maxAgeDays, found: this.view.rateOn(day, maxAgeDays) ?? null };
      this.byDay.set(name, lookup);
    }
    return lookup.found ?? undefined;
  }

  averageOf(from: string, until: string): FoundRate | undefined {
    const name = `${from} ${until}`;
    let lookup = this.averages.get(name);
    if (lookup === undefined) {
      lookup = { from, until, found: this.view.averageOf(from, until) ?? null };
      this.averages.set(name, lookup);
    }
    return lookup.found ?? undefined;
  }

  journal(key: string): UsedExchangeRate {
    const averages = inOrder(this.averages).map(([, lookup]) => lookup);
    return {
      key,
      revision: this.revision ?? null,
      on: inOrder(this.byDay).map(([, lookup]) => lookup),
      ...(averages.length === 0 ? {} : { averages }),
    };
  }
}

class UsedPartnerView implements PartnerView {
  private readonly days = new Map<string, PartnerAsOf>();

  constructor(private readonly view: PartnerView) {}

  get revision(): number {
    return this.view.revision;
  }

  get plans(): readonly string[] {
    return this.view.plans;
  }

  asOf(day: string): PartnerAsOf {
    let found = this.days.get(day);
    if (found === undefined) {
      found = this.view.asOf(day);
      this.days.set(day, found);
    }
    return found;
  }

  journal(): StoredPartner['asOf'] {
    const all = this.plans.join();
    return Object.fromEntries(
      inOrder(this.days).map(([day, { id: _, tier, upline, plans, ...attributes }]) => {
        const differing = plans.join() === all ? undefined : plans;
        return [
          day,
          {
            ...attributes,
            ...omitUndefined({ tier: tier ?? undefined, upline: upline ?? undefined, plans: differing }),
          },
        ];
      }),
    );
  }
}

function inOrder<Value>(map: ReadonlyMap<string, Value>): readonly (readonly [string, Value])[] {
  return map.size < 2 ? [...map] : [...map].sort(([left], [right]) => compareText(left, right));
}

/** The view as an event journalled it. A look-up that is not in the journal is a difference, so it throws. */
function journalledView(input: DealCredited['data']['input'], plans: PlanByVersion): CreditView {
  const { plans: usedPlans, exchangeRates = [] } = input;
  const partners = usedPartners(input);
  return {
    partner: (id) => {
      const used = partners.find(({ key }) => key === partnerKey(id));
      if (used === undefined) throw new Error(`the partner ${id} is not in the journal of this credit`);
      const { revision } = used;
      if (revision === null) return undefined;
      return {
        revision,
        plans: used.plans,
        asOf: (day) => {
          const found = used.asOf.find((one) => one.day === day);
          if (found === undefined) throw new Error(`the partner ${id} on ${day} is not in the journal of this credit`);
          const { day: _, ...partner } = found;
          return { id, ...partner };
        },
      };
    },
    plan: (id) => {
      const used = usedPlans.find(({ key }) => key === planKey(id));
      if (used === undefined) throw new Error(`the plan ${id} is not in the journal of this credit`);
      const { revision } = used;
      return revision === null ? undefined : { revision, versions: versionsOf(used, plans) };
    },
    exchangeRate: (base, quote) => {
      const key = exchangeRateKey(base, quote);
      const used = exchangeRates.find((one) => one.key === key);
      if (used === undefined) throw new Error(`${key} is not in the journal of this credit`);
      return {
        revision: used.revision ?? undefined,
        rateOn: (day, maxAgeDays) => {
          const lookup = used.on.find((one) => one.day === day && one.maxAgeDays === maxAgeDays);
          if (lookup === undefined) throw new Error(`${key} on ${day} is not in the journal of this credit`);
          return lookup.found ?? undefined;
        },
        averageOf: (from, until) => {
          const lookup = used.averages?.find((one) => one.from === from && one.until === until);
          if (lookup === undefined)
            throw new Error(`the average of ${key} from ${from} is not in the journal of this credit`);
          return lookup.found ?? undefined;
        },
      };
    },
  };
}

/** The engine caches results per list of versions, so equal lists have to be the same object. */
const versionLists = new WeakMap<PlanByVersion, Map<string, readonly PlanVersion[]>>();

function versionsOf({ versions }: UsedPlan, plans: PlanByVersion): readonly PlanVersion[] {
  let lists = versionLists.get(plans);
  if (lists === undefined) versionLists.set(plans, (lists = new Map<string, readonly PlanVersion[]>()));
  const name = versions
    .map(({ version, effectiveFrom, lastDay = '' }) => `${version} ${effectiveFrom} ${lastDay}`)
    .join();
  let list = lists.get(name);
  if (list === undefined) {
    list = versions.map(({ version, ...days }) => ({ ...days, plan: plans.plan(version) }));
    lists.set(name, list);
  }
  return list;
}
