/** The state of an earning stream, and how its events change it. */
import { calendarOf } from '@tantieme/time/calendar/key';
import { previousPeriod } from '@tantieme/time/calendar/periods';
import { endOfAgreement } from '@tantieme/commission-engine/earn/payee-terms';
import type { PayeeTerms } from '@tantieme/commission-engine/earn/payee-terms';
import { applyChange } from '@tantieme/commission-engine/incremental/apply-change';
import { createEarnState, sizeOfEarnState } from '@tantieme/commission-engine/incremental/state';
import { linesOfDeal } from '@tantieme/commission-engine/incremental/earned-lines';
import { isLoaded } from '@tantieme/commission-engine/incremental/loaded';
import type { PlanByVersion } from '@tantieme/commission-engine/earn/component-rules';
import type { EarnState, RatedLine } from '@tantieme/commission-engine/incremental/state';
import { decimalsOf } from '@tantieme/money/currency';
import { unpackLines } from '../credit/credit-lines.js';
import { EARN_ENGINES } from './earn-engines.js';
import type { EarnEngine } from './earn-engines.js';
import { dealPostings, isPostedAsEarned, ratedLines } from './earning-events.js';
import type { DealPosting, EarningEvent, PlanConstants, StoredRating } from './earning-events.js';
import { creditOfChild, creditOfGrant } from './earning-inputs.js';
import type { PostedLine } from './posting.js';

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
  /** What the last closing has changed besides the lines: what the terms were before it. */
  lastClosing: LastClosing | undefined;
  /** End of the payee's agreements after which a closing has forgiven a negative balance. */
  forgivenEnd: string | undefined;
}

export interface LastClosing {
  readonly period: string;
  readonly reachedTiers: PayeeTerms['reachedTiers'];
  readonly forgivenEnd: string | undefined;
}

/** What a decision is calculated with, and what its conclusions are computed again with. */
export interface Calculation {
  readonly plans: PlanByVersion;
  readonly version: number;
  readonly engine: EarnEngine;
  /** What postings that the state does not hold are computed with, whatever the version of the decision. */
  readonly newest: EarnEngine;
}

export function initialState(): EarningState {
  return {
    plan: undefined,
    engine: createEarnState(),
    creditNumbers: new Map(),
    posted: new Map(),
    above: new Map(),
    childRevisions: new Map(),
    grantRevisions: new Map(),
    closedThrough: null,
    lastClosing: undefined,
    postedIn: new Map(),
    postedThrough: undefined,
    forgivenEnd: undefined,
  };
}

/** Approximate memory of a state, in bytes. */
export function sizeOf({ engine, creditNumbers, posted }: EarningState): number {
  let bytes = sizeOfEarnState(engine) + creditNumbers.size * NUMBER_BYTES;
  if (engine.loaded !== undefined) bytes += engine.loaded.anchors.size * ANCHOR_BYTES;
  for (const lines of posted.values()) bytes += 100 + lines.length * POSTED_LINE_BYTES;
  return bytes;
}

/** Approximate memory of an entry, measured. */
const NUMBER_BYTES = 120;
const POSTED_LINE_BYTES = 400;
const ANCHOR_BYTES = 1000;

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

/** All deals that have postings or could have. */
export function dealsOf({ engine, posted }: EarningState): ReadonlySet<string> {
  return new Set([...engine.deals.keys(), ...posted.keys()]);
}

export function evolve(state: EarningState, event: EarningEvent, calculation: Calculation): EarningState {
  const { currency, calendar } = event.data;
  state.plan = { currency, calendar };
  switch (event.type) {
    case 'Earned':
    case 'ChildEarningReceived':
    case 'GrantReceived':
    case 'PayeeTermsReceived':
    case 'EarningPeriodReopened':
      applyConclusions(state, event, calculation);
      break;
    case 'EarningPeriodClosed': {
      const { period, planVersion, reachedTiers: reached, rated = [], payeeLevel = [] } = event.data;
      const { reachedTiers } = state.engine.payeeTerms;
      state.lastClosing = { period, reachedTiers, forgivenEnd: state.forgivenEnd };
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
  // The closing has forgotten where deals are posted.
  if (event.type === 'EarningPeriodReopened')
    for (const deal of dealsOf(state))
      for (const { period } of postingOf(state, deal, calculation.newest)) addPosted(state, period, deal);
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
  } else if (event.type === 'EarningPeriodReopened') {
    const { calendar, input } = event.data;
    state.engine.payeeTerms = termsReopened(state, input.period);
    if (state.lastClosing?.period === input.period) state.forgivenEnd = state.lastClosing.forgivenEnd;
    state.lastClosing = undefined;
    // Every period before the first open one is closed.
    state.closedThrough = input.openFrom === undefined ? null : previousPeriod(calendarOf(calendar), input.openFrom);
    state.postedThrough = undefined;
  } else {
    const { agreements, quotas } = event.data.input;
    state.engine.payeeTerms = { ...state.engine.payeeTerms, agreements, quotas };
  }
}

function changeOfEvent(state: EarningState, event: WithConclusions): Parameters<typeof applyChange>[1] {
  const { rated = [], payeeLevel = [], claims = [], missingQuotas = [] } = event.data;
  if (event.type === 'PayeeTermsReceived' || event.type === 'EarningPeriodReopened')
    return { deal: '', lines: [], rated: rated.map((one) => ratedLine(one, '')), payeeLevel, claims, missingQuotas };
  const credit = creditOfEvent(state, event);
  const own = event.type === 'Earned' ? ratedLines(event) : [];
  const others = rated.map((one) => ratedLine(one, credit.deal));
  return { ...credit, rated: [...own, ...others], payeeLevel, claims, missingQuotas };
}

function ratedLine({ deal, key, amount }: StoredRating, credited: string): RatedLine {
  return { deal: deal ?? credited, key, amount };
}

function creditOfEvent(
  state: EarningState,
  event: Exclude<WithConclusions, { readonly type: 'PayeeTermsReceived' | 'EarningPeriodReopened' }>,
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

export function termsAfterClosing(
  terms: PayeeTerms,
  period: string,
  planVersion: string,
  reached: PayeeTerms['reachedTiers'],
): PayeeTerms {
  return { ...terms, closedPeriods: [...terms.closedPeriods, { period, planVersion }], reachedTiers: reached };
}

/** The terms as if the period had not been closed. */
export function termsReopened({ engine, lastClosing }: EarningState, period: string): PayeeTerms {
  const { closedPeriods, reachedTiers, ...terms } = engine.payeeTerms;
  return {
    ...terms,
    closedPeriods: closedPeriods.filter((one) => one.period !== period),
    reachedTiers: lastClosing?.period === period ? lastClosing.reachedTiers : reachedTiers,
  };
}

export type WithConclusions = Exclude<EarningEvent, { readonly type: 'EarningPeriodClosed' }>;
