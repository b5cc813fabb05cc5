/**
 * Earn: a stream per payee and plan. A credit changes the earnings of its deal's lines and of
 * other lines that depend on them. The difference between the earnings and what was posted before is posted.
 */
import { calendarOf } from '@tantieme/time/calendar/key';
import { nextPeriod, windowEndDay } from '@tantieme/time/calendar/periods';
import { endOfAgreement } from '@tantieme/commission-engine/earn/payee-terms';
import type { PayeeTerms } from '@tantieme/commission-engine/earn/payee-terms';
import { applyChange } from '@tantieme/commission-engine/incremental/apply-change';
import { createEarnState, sizeOfEarnState } from '@tantieme/commission-engine/incremental/state';
import { linesOfDeal } from '@tantieme/commission-engine/incremental/earned-lines';
import { hasPeriodEndTerms } from '@tantieme/commission-engine/incremental/period-end';
import { isLoaded, requireDeal } from '@tantieme/commission-engine/incremental/loaded';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import type { PlanByVersion } from '@tantieme/commission-engine/earn/component-rules';
import type { Change } from '@tantieme/commission-engine/incremental/diff';
import type { EarnState, EarnedLine, RatedLine } from '@tantieme/commission-engine/incremental/state';
import { lineKey } from '@tantieme/commission-engine/credit/credit-line';
import { EngineError } from '@tantieme/commission-engine/engine-error';
import { compareText } from '@tantieme/contracts/compare-text';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import { BooksRequired } from '@tantieme/event-sourcing/decide/books';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { formatMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { packByLine, unpackLines } from '../credit/credit-lines.js';
import { postedGroups, withBooks } from './book-entries.js';
import { EARN_ENGINES } from './earn-engines.js';
import type { EarnEngine } from './earn-engines.js';
import { dealPostings, EARNING_EVENTS, isPostedAsEarned, ratedLines, storedInput } from './earning-events.js';
import type {
  Conclusions,
  CreditInput,
  DealPosting,
  EarningEvent,
  OverriddenDeal,
  PlanConstants,
  PayeeTermsInput,
  StoredRating,
} from './earning-events.js';
import { creditOfChild, creditOfGrant } from './earning-inputs.js';
import type { ChildInput, GrantInput } from './earning-inputs.js';
import { isSamePosting, ledgerLine } from './posting.js';
import type { PostedLine } from './posting.js';

export const EARNING = 'earning';

export function earningStream(payee: string, plan: string): string {
  return `${EARNING}-${payee}|${plan}`;
}

/** The payee and the plan's id, from the name of an earning stream. */
export function payeePlanOf(stream: string): { readonly payee: string; readonly plan: string } {
  const bar = stream.indexOf('|');
  return { payee: stream.slice(EARNING.length + 1, bar), plan: stream.slice(bar + 1) };
}

/** The plan's id, from the name of an earning stream. */
export function planOfEarningStream(stream: string): string {
  return payeePlanOf(stream).plan;
}

/** `engine` is set for the command of a stored event: the version that decided it. */
export type EarningCommand = { readonly engine?: number } & (
  | ({ readonly type: 'credit'; readonly at: string } & PlanConstants & CreditInput)
  | ({ readonly type: 'receive-child-earning'; readonly at: string } & PlanConstants & ChildInput)
  | ({ readonly type: 'receive-grant'; readonly at: string } & PlanConstants & GrantInput)
  | ({ readonly type: 'receive-payee-terms'; readonly at: string } & PlanConstants & PayeeTermsInput)
  | {
      readonly type: 'close-period';
      readonly payee: string;
      readonly plan: string;
      readonly period: string;
      /** Smallest amount worth a payment, from the plan. */
      readonly minimum: string;
      /** Hash of the plan version in force when the period begins. */
      readonly planVersion: string;
      readonly at: string;
    }
);

type WithConclusions = Exclude<EarningEvent, { readonly type: 'EarningPeriodClosed' }>;

export interface EarningState {
  /** Undefined before the first event. */
  plan: PlanConstants | undefined;
  readonly engine: EarnState;
  /** Highest crediting number received, by deal. */
  readonly creditNumbers: Map<string, number>;
  /**
   * Posted lines of deals with a line outside its period of origin; for all other deals, the postings follow from their
   * earnings.
   */
  readonly posted: Map<string, readonly PostedLine[]>;
  /** Payees above who are paid an override, by deal. */
  readonly above: Map<string, readonly string[]>;
  /** By deal: highest revision received from a child's stream, by child. */
  readonly childRevisions: Map<string, Map<string, number>>;
  /** By deal: highest revision received from a budget's stream, by component. */
  readonly grantRevisions: Map<string, Map<string, number>>;
  /** By open period: deals that are posted in it, or have been. */
  readonly postedIn: Map<string, Set<string>>;
  /** Where not all deals are in memory: up to this period, all deals posted in an open period are. */
  postedThrough: string | undefined;
  closedThrough: string | null;
  /** End of the payee's agreements after which a closing has forgiven a negative balance. */
  forgivenEnd: string | undefined;
}

/** What a decision is calculated with, and what its conclusions are computed again with. */
interface Calculation {
  readonly plans: PlanByVersion;
  readonly version: number;
  readonly engine: EarnEngine;
  /** What postings that the state does not hold are computed with, whatever the version of the decision. */
  readonly newest: EarnEngine;
}

/** @param plans every plan document in the log */
export function earningDecider(
  plans: PlanByVersion,
  engines = EARN_ENGINES,
): Decider<EarningState, EarningCommand, EarningEvent> {
  const newest = engines.of(engines.newest);
  const calculationOf = (version: number): Calculation => ({ plans, version, engine: engines.of(version), newest });
  return {
    category: EARNING,
    events: EARNING_EVENTS,
    initialState: () => ({
      plan: undefined,
      engine: createEarnState(),
      creditNumbers: new Map(),
      posted: new Map(),
      above: new Map(),
      childRevisions: new Map(),
      grantRevisions: new Map(),
      closedThrough: null,
      postedIn: new Map(),
      postedThrough: undefined,
      forgivenEnd: undefined,
    }),
    decide(command, state) {
      const calculation = calculationOf(command.engine ?? engines.newest);
      return withBooks(() => decide(command, state, calculation));
    },
    evolve: (state, event) => evolve(state, event, calculationOf(event.data.engine)),
    commandOf,
    storesRuns: true,
    sizeOf: ({ engine, creditNumbers, posted }) => {
      let bytes = sizeOfEarnState(engine) + creditNumbers.size * NUMBER_BYTES;
      if (engine.loaded !== undefined) bytes += engine.loaded.anchors.size * ANCHOR_BYTES;
      for (const lines of posted.values()) bytes += 100 + lines.length * POSTED_LINE_BYTES;
      return bytes;
    },
  };
}

/** Approximate memory of an entry, measured. */
const NUMBER_BYTES = 120;
const POSTED_LINE_BYTES = 400;
const ANCHOR_BYTES = 1000;

function decide(command: EarningCommand, state: EarningState, calculation: Calculation): readonly EarningEvent[] {
  if ('deal' in command) requireDeal(state.engine, command.deal);
  switch (command.type) {
    case 'credit':
      return decideCredit(command, state, calculation);
    case 'receive-child-earning':
      return decideChild(command, state, calculation);
    case 'receive-grant':
      return decideGrant(command, state, calculation);
    case 'receive-payee-terms':
      return decidePayeeTerms(command, state, calculation);
    case 'close-period':
      return decideClose(command, state, calculation);
    default:
      return command satisfies never;
  }
}

function decideCredit(
  command: Extract<EarningCommand, { readonly type: 'credit' }>,
  state: EarningState,
  calculation: Calculation,
): readonly EarningEvent[] {
  const { currency, calendar, deal, number, groups, openFrom, above, at } = command;
  const { engine, plans } = calculation;
  if (number <= (state.creditNumbers.get(deal) ?? 0)) return [];
  // Recorded even if nothing changes, so that a lower number that arrives later is ignored.
  const change = changeOf(() => engine.diffCredit(state.engine, { deal, lines: unpackLines(groups) }, plans));
  const aboveOf = (one: string) => (one === deal ? above : state.above.get(one));
  const { rated, deals = [], ...conclusions } = conclude(state, change, currency, openFrom, aboveOf, calculation);
  const decimals = decimalsOf(currency);
  const earned = change.changed
    ? change.deals.find((one) => one.deal === deal)?.lines
    : linesOfDeal(state.engine, deal);
  const own = deals[0]?.deal === deal ? deals[0] : undefined;
  const listed = own?.lines.every(({ period, origin }) => period === origin) ? deals.slice(1) : deals;
  const data = omitUndefined({
    currency,
    calendar,
    input: storedInput({ deal, number, groups, openFrom, ...(above === undefined ? {} : { above }) }),
    amounts: packByLine(
      groups,
      (earned ?? []).map(({ amountMinor }) => formatMinor(amountMinor, decimals)),
    ),
    unchanged: own === undefined ? (true as const) : undefined,
    rated: listOf(rated?.filter((one) => one.deal !== undefined)),
    ...conclusions,
    deals: listOf(listed),
  });
  return [{ type: 'Earned', version: 1, occurredAt: at, data }];
}

function decideChild(
  command: Extract<EarningCommand, { readonly type: 'receive-child-earning' }>,
  state: EarningState,
  calculation: Calculation,
): readonly EarningEvent[] {
  const { type: _type, engine: _engine, currency, calendar, at, ...input } = command;
  const { engine, plans } = calculation;
  if (input.revision <= (state.childRevisions.get(input.deal)?.get(input.child) ?? -1)) return [];
  const change = changeOf(() => engine.diffCredit(state.engine, creditOfChild(state.engine, input), plans));
  const conclusions = conclude(state, change, currency, input.openFrom, (one) => state.above.get(one), calculation);
  return [
    {
      type: 'ChildEarningReceived',
      version: 1,
      occurredAt: at,
      data: { currency, calendar, input: storedInput(input), ...conclusions },
    },
  ];
}

function decideGrant(
  command: Extract<EarningCommand, { readonly type: 'receive-grant' }>,
  state: EarningState,
  calculation: Calculation,
): readonly EarningEvent[] {
  const { type: _type, engine: _engine, currency, calendar, at, ...input } = command;
  const { engine, plans } = calculation;
  if (input.revision <= (state.grantRevisions.get(input.deal)?.get(input.component) ?? -1)) return [];
  const change = changeOf(() => engine.diffCredit(state.engine, creditOfGrant(state.engine, input), plans));
  const conclusions = conclude(state, change, currency, input.openFrom, (one) => state.above.get(one), calculation);
  return [
    {
      type: 'GrantReceived',
      version: 1,
      occurredAt: at,
      data: { currency, calendar, input: storedInput(input), ...conclusions },
    },
  ];
}

function decidePayeeTerms(
  command: Extract<EarningCommand, { readonly type: 'receive-payee-terms' }>,
  state: EarningState,
  calculation: Calculation,
): readonly EarningEvent[] {
  const { type: _type, engine: _engine, currency, calendar, at, ...input } = command;
  const { engine, plans } = calculation;
  const { agreements, quotas } = state.engine.payeeTerms;
  const isSame =
    state.plan !== undefined && canonicalJson([agreements, quotas]) === canonicalJson([input.agreements, input.quotas]);
  if (isSame) return [];
  const now = { ...state.engine.payeeTerms, agreements: input.agreements, quotas: input.quotas };
  const change = changeOf(() => engine.diffPayeeTerms(state.engine, now, plans));
  const conclusions = conclude(state, change, currency, input.openFrom, (one) => state.above.get(one), calculation);
  return [
    {
      type: 'PayeeTermsReceived',
      version: 1,
      occurredAt: at,
      data: { currency, calendar, input: storedInput(input), ...conclusions },
    },
  ];
}

/** @throws {DomainError} `CreditInvalid` for an input that no plan can have produced */
function changeOf(diff: () => Change): Change {
  try {
    return diff();
  } catch (error) {
    if (error instanceof EngineError) throw new DomainError(error.code, error.message);
    throw error;
  }
}

function conclude(
  state: EarningState,
  change: Change,
  currency: string,
  calendarOpenFrom: string | null,
  aboveOf: (deal: string) => readonly string[] | undefined,
  calculation: Calculation,
): Conclusions {
  // Even if nothing changes for this payee, a new upline may need its earnings.
  const earned = change.changed ? change.deals : [{ deal: change.deal, lines: linesOfDeal(state.engine, change.deal) }];
  return omitUndefined({
    rated: listOf(change.rated.map((one) => storedRating(one, change.deal))),
    payeeLevel: listOf(change.payeeLevel),
    claims: change.claims,
    missingQuotas: change.missingQuotas,
    overridden: listOf(overriddenBy(earned, aboveOf, decimalsOf(currency))),
    deals: listOf(postingsOf(state, change.deals, currency, openFromOf(state, calendarOpenFrom), calculation)),
    engine: calculation.version,
  });
}

/** Events omit empty lists. */
function listOf<Item>(items: readonly Item[] | undefined): readonly Item[] | undefined {
  return items?.length === 0 ? undefined : items;
}

/** All earnings of the changed deals on which somebody above is paid. */
function overriddenBy(
  deals: Change['deals'],
  aboveOf: (deal: string) => readonly string[] | undefined,
  decimals: number,
): readonly OverriddenDeal[] {
  return deals.flatMap(({ deal, lines }) => {
    const to = aboveOf(deal);
    if (to === undefined) return [];
    const earned = lines.flatMap(({ line, amountMinor }) =>
      line.reserves === true || line.releases !== undefined
        ? []
        : [{ key: lineKey(line), amount: formatMinor(amountMinor, decimals) }],
    );
    return [{ deal, to, earned }];
  });
}

function storedRating({ deal, key, amount }: RatedLine, credited: string): StoredRating {
  return deal === credited ? { key, amount } : { deal, key, amount };
}

function ratedLine({ deal, key, amount }: StoredRating, credited: string): RatedLine {
  return { deal: deal ?? credited, key, amount };
}

/** The first open period of the calendar, but never one that this stream has closed. */
function openFromOf({ plan, closedThrough }: EarningState, calendarOpenFrom: string | null): string | null {
  if (plan === undefined || closedThrough === null) return calendarOpenFrom;
  const own = nextPeriod(calendarOf(plan.calendar), closedThrough);
  return calendarOpenFrom === null || own > calendarOpenFrom ? own : calendarOpenFrom;
}

/**
 * The current postings of a deal, in canonical order.
 * @param newest the arithmetic of the newest version
 */
export function postingOf(
  { engine, posted, plan }: EarningState,
  deal: string,
  { postedLines }: EarnEngine = EARN_ENGINES.of(EARN_ENGINES.newest),
): readonly PostedLine[] {
  const explicit = posted.get(deal);
  if (explicit !== undefined) return explicit;
  if (plan === undefined) return [];
  return postedLines(linesOfDeal(engine, deal), [], null, decimalsOf(plan.currency));
}

/** Postings of deals whose postings change, in order of the deals. */
function postingsOf(
  state: EarningState,
  changed: readonly { readonly deal: string; readonly lines: readonly EarnedLine[] }[],
  currency: string,
  openFrom: string | null,
  { engine, newest }: Calculation,
): readonly DealPosting[] {
  const decimals = decimalsOf(currency);
  const postings: DealPosting[] = [];
  for (const { deal, lines: earned } of changed) {
    const before = postingOf(state, deal, newest);
    const fixed = openFrom === null ? [] : before.filter(({ period }) => period < openFrom);
    const lines = engine.postedLines(earned, fixed, openFrom, decimals);
    if (!isSamePosting(before, lines)) postings.push({ deal, lines });
  }
  return postings;
}

/** No event where the stream has no line in the period or has closed it. */
function decideClose(
  { payee, plan, period, minimum, planVersion, at }: Extract<EarningCommand, { readonly type: 'close-period' }>,
  state: EarningState,
  calculation: Calculation,
): readonly EarningEvent[] {
  const { engine, newest, plans, version } = calculation;
  const { plan: constants, closedThrough } = state;
  if (constants === undefined || (closedThrough !== null && closedThrough >= period)) return [];
  const { currency } = constants;
  const decimals = decimalsOf(currency);
  requirePostings(state, period);
  const periodEnd = periodEndChange(state, period, planVersion, calculation);
  const changed = new Map(periodEnd?.change.deals.map(({ deal, lines }) => [deal, lines]));
  const moved: DealPosting[] = [];
  const posted = [...state.postedIn].flatMap(([in_, deals]) => (in_ <= period ? [...deals] : []));
  const lines = [...new Set([...posted, ...changed.keys()])].flatMap((deal) => {
    let ofDeal = postingOf(state, deal, newest);
    const earned = changed.get(deal);
    if (earned !== undefined || ofDeal.some((line) => line.period < period && isOpen(line, closedThrough))) {
      const fixed = ofDeal.filter((line) => !isOpen(line, closedThrough));
      ofDeal = engine.postedLines(earned ?? linesOfDeal(state.engine, deal), fixed, period, decimals);
      moved.push({ deal, lines: ofDeal });
    }
    return ofDeal.filter((line) => line.period === period).map((line) => ledgerLine(plan, deal, line));
  });
  const isNothing = lines.length === 0 && moved.length === 0;
  const { payoutTerms } = plans.plan(planVersion);
  const forgives = isForgiven(state, period, lines.length > 0, plans.plan(planVersion));
  if (isNothing && periodEnd === undefined && !forgives) return [];
  const stream = earningStream(payee, plan);
  const negative = forgives ? { negative: 'forgive' as const } : {};
  const hash = ledgerLinesHash(lines);
  const entry = { stream, payee, currency, lines: lines.length, minimum, ...payoutTerms, ...negative, hash };
  const deals = moved.sort((left, right) => compareText(left.deal, right.deal));
  const payeeLevel = periodEnd?.change.payeeLevel.length === 0 ? undefined : periodEnd?.change.payeeLevel;
  return [
    {
      type: 'EarningPeriodClosed',
      version: 1,
      occurredAt: at,
      data: omitUndefined({
        ...constants,
        period,
        planVersion,
        reachedTiers: periodEnd?.terms.reachedTiers,
        rated: payeeLevel && periodEnd?.change.rated.map((one) => storedRating(one, '')),
        payeeLevel,
        deals: listOf(deals),
        entry,
        engine: version,
      }),
    },
  ];
}

/** A closing needs all deals that are posted in the period, or in an earlier one that was not closed. */
function requirePostings({ engine, plan, closedThrough, postedThrough }: EarningState, period: string): void {
  if (engine.loaded === undefined || plan === undefined) return;
  if (postedThrough !== undefined && postedThrough >= period) return;
  const from = closedThrough === null ? null : nextPeriod(calendarOf(plan.calendar), closedThrough);
  throw new BooksRequired({ books: [], groups: [postedGroups(from, period)] });
}

/**
 * Whether a negative balance is written off: in the closing after the agreement's end, and in every later one with
 * lines.
 */
function isForgiven(
  { engine, forgivenEnd }: EarningState,
  period: string,
  hasLines: boolean,
  { ends, calendar }: CompiledPlan,
): boolean {
  const end = endOfAgreement(engine.payeeTerms);
  if (ends.negative !== 'forgive' || end === undefined || end > windowEndDay(calendar, period)) return false;
  return hasLines || forgivenEnd !== end;
}

/** Guarantee, draw and lagged tiers at the end of a period; undefined for a plan without any of them. */
function periodEndChange(
  { engine: state }: EarningState,
  period: string,
  planVersion: string,
  { engine, plans }: Calculation,
): { readonly terms: PayeeTerms; readonly change: Change } | undefined {
  const plan = plans.plan(planVersion);
  if (!hasPeriodEndTerms(plan)) return undefined;
  const terms = termsAfterClosing(state.payeeTerms, period, planVersion, {
    ...state.payeeTerms.reachedTiers,
    ...engine.reachedTiers(state, plan, period, plans),
  });
  return { terms, change: changeOf(() => engine.diffPayeeTerms(state, terms, plans)) };
}

function termsAfterClosing(
  terms: PayeeTerms,
  period: string,
  planVersion: string,
  reached: PayeeTerms['reachedTiers'],
): PayeeTerms {
  return { ...terms, closedPeriods: [...terms.closedPeriods, { period, planVersion }], reachedTiers: reached };
}

function isOpen({ period }: PostedLine, closedThrough: string | null): boolean {
  return closedThrough === null || period > closedThrough;
}

/** All deals that have postings or could have. */
export function dealsOf({ engine, posted }: EarningState): ReadonlySet<string> {
  return new Set([...engine.deals.keys(), ...posted.keys()]);
}

function evolve(state: EarningState, event: EarningEvent, calculation: Calculation): EarningState {
  const { currency, calendar } = event.data;
  state.plan = { currency, calendar };
  switch (event.type) {
    case 'Earned':
    case 'ChildEarningReceived':
    case 'GrantReceived':
    case 'PayeeTermsReceived':
      applyConclusions(state, event, calculation);
      break;
    case 'EarningPeriodClosed': {
      const { period, planVersion, reachedTiers: reached, rated = [], payeeLevel = [] } = event.data;
      state.closedThrough = period;
      for (const posted of state.postedIn.keys()) if (posted <= period) state.postedIn.delete(posted);
      if (event.data.entry.negative !== undefined) state.forgivenEnd = endOfAgreement(state.engine.payeeTerms);
      if (reached === undefined) break;
      const change = { deal: '', lines: [], rated: rated.map((one) => ratedLine(one, '')), payeeLevel };
      applyChange(state.engine, change, calculation.plans);
      state.engine.payeeTerms = termsAfterClosing(state.engine.payeeTerms, period, planVersion, reached);
      break;
    }
    default:
      event satisfies never;
  }
  for (const posting of postingsToKeep(state, event, calculation)) post(state, posting, calculation);
  return state;
}

function applyConclusions(state: EarningState, event: WithConclusions, { plans }: Calculation): void {
  applyChange(state.engine, changeOfEvent(state, event), plans);
  if ('deal' in event.data.input && !isLoaded(state.engine, event.data.input.deal)) {
    // It may be posted in any period.
    state.postedThrough = undefined;
  } else if (event.type === 'Earned') {
    const { deal, number, above } = event.data.input;
    state.creditNumbers.set(deal, number);
    if (above === undefined) state.above.delete(deal);
    else state.above.set(deal, above);
  } else if (event.type === 'ChildEarningReceived') {
    const { deal, child, revision } = event.data.input;
    state.childRevisions.set(deal, (state.childRevisions.get(deal) ?? new Map<string, number>()).set(child, revision));
  } else if (event.type === 'GrantReceived') {
    const { deal, component, revision } = event.data.input;
    state.grantRevisions.set(
      deal,
      (state.grantRevisions.get(deal) ?? new Map<string, number>()).set(component, revision),
    );
  } else {
    const { agreements, quotas } = event.data.input;
    state.engine.payeeTerms = { ...state.engine.payeeTerms, agreements, quotas };
  }
}

function changeOfEvent(state: EarningState, event: WithConclusions): Parameters<typeof applyChange>[1] {
  const { rated = [], payeeLevel = [], claims = [], missingQuotas = [] } = event.data;
  if (event.type === 'PayeeTermsReceived')
    return { deal: '', lines: [], rated: rated.map((one) => ratedLine(one, '')), payeeLevel, claims, missingQuotas };
  const credit = creditOfEvent(state, event);
  const own = event.type === 'Earned' ? ratedLines(event) : [];
  const others = rated.map((one) => ratedLine(one, credit.deal));
  return { ...credit, rated: [...own, ...others], payeeLevel, claims, missingQuotas };
}

function creditOfEvent(
  state: EarningState,
  event: Exclude<WithConclusions, { readonly type: 'PayeeTermsReceived' }>,
): Parameters<EarnEngine['diffCredit']>[1] {
  switch (event.type) {
    case 'Earned':
      return { deal: event.data.input.deal, lines: unpackLines(event.data.input.groups) };
    case 'ChildEarningReceived':
      return creditOfChild(state.engine, event.data.input);
    case 'GrantReceived':
      return creditOfGrant(state.engine, event.data.input);
    default:
      return event satisfies never;
  }
}

/** Postings that follow from the earnings by the newest arithmetic need not be computed. */
function postingsToKeep(
  state: EarningState,
  event: EarningEvent,
  { engine, newest }: Calculation,
): readonly DealPosting[] {
  if (event.type !== 'Earned' || engine !== newest || !isPostedAsEarned(event)) return dealPostings(event, engine);
  const { deal, groups } = event.data.input;
  state.posted.delete(deal);
  if (isLoaded(state.engine, deal)) for (const { period } of groups) addPosted(state, period, deal);
  return event.data.deals ?? [];
}

function addPosted({ postedIn, closedThrough }: EarningState, period: string, deal: string): void {
  if (closedThrough !== null && period <= closedThrough) return;
  const deals = postedIn.get(period);
  if (deals === undefined) postedIn.set(period, new Set([deal]));
  else deals.add(deal);
}

function post(state: EarningState, { deal, lines }: DealPosting, { engine, newest }: Calculation): void {
  if (!isLoaded(state.engine, deal)) {
    // It may be posted in any period.
    state.postedThrough = undefined;
    return;
  }
  for (const { period } of lines) addPosted(state, period, deal);
  // Where every line is in its period of origin, the postings follow from the earnings; those of an older arithmetic
  // may not follow by the newest.
  if (engine === newest && lines.every(({ period, origin }) => period === origin)) state.posted.delete(deal);
  else state.posted.set(deal, lines);
}

function commandOf(event: EarningEvent): EarningCommand {
  const {
    occurredAt: at,
    data: { engine },
  } = event;
  switch (event.type) {
    case 'Earned': {
      const {
        currency,
        calendar,
        input: { openFrom = null, ...input },
      } = event.data;
      return { type: 'credit', currency, calendar, ...input, openFrom, engine, at };
    }
    case 'ChildEarningReceived': {
      const {
        currency,
        calendar,
        input: { openFrom = null, ...input },
      } = event.data;
      return { type: 'receive-child-earning', currency, calendar, ...input, openFrom, engine, at };
    }
    case 'GrantReceived': {
      const {
        currency,
        calendar,
        input: { openFrom = null, ...input },
      } = event.data;
      return { type: 'receive-grant', currency, calendar, ...input, openFrom, engine, at };
    }
    case 'PayeeTermsReceived': {
      const {
        currency,
        calendar,
        input: { openFrom = null, ...input },
      } = event.data;
      return { type: 'receive-payee-terms', currency, calendar, ...input, openFrom, engine, at };
    }
    case 'EarningPeriodClosed': {
      const { period, planVersion, entry } = event.data;
      const { stream, minimum } = entry;
      return { type: 'close-period', ...payeePlanOf(stream), period, planVersion, minimum, engine, at };
    }
    default:
      return event satisfies never;
  }
}
