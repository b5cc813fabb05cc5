/** Closing a period of an earning stream, and reopening it. */
import { calendarOf } from '@tantieme/time/calendar/key';
import { nextPeriod, windowEndDay } from '@tantieme/time/calendar/periods';
import { endOfAgreement } from '@tantieme/commission-engine/earn/payee-terms';
import type { PayeeTerms } from '@tantieme/commission-engine/earn/payee-terms';
import { linesOfDeal } from '@tantieme/commission-engine/incremental/earned-lines';
import { hasPeriodEndTerms } from '@tantieme/commission-engine/incremental/period-end';
import { requireAll } from '@tantieme/commission-engine/incremental/loaded';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import type { Change } from '@tantieme/commission-engine/incremental/diff';
import { compareText } from '@tantieme/contracts/compare-text';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { BooksRequired } from '@tantieme/event-sourcing/decide/books';
import { decimalsOf } from '@tantieme/money/currency';
import { postedGroups } from './book-entries.js';
import { storedInput } from './earning-events.js';
import type { DealPosting, EarningEvent, ReopenInput } from './earning-events.js';
import { ledgerLine } from './posting.js';
import type { PostedLine } from './posting.js';
import { changeOf, conclude, listOf, storedRating, postingsOf } from './conclusions.js';
import { postingOf, termsAfterClosing, termsReopened } from './earning-state.js';
import { earningStream } from './earning-stream.js';
import type { EarningState, Calculation } from './earning-state.js';

export interface ClosePeriod {
  readonly type: 'close-period';
  readonly payee: string;
  readonly plan: string;
  readonly period: string;
  /** Smallest amount worth a payment, from the plan. */
  readonly minimum: string;
  /** Name of the plan version in force when the period begins. */
  readonly planVersion: string;
  readonly at: string;
}

export interface ReopenPeriod extends ReopenInput {
  readonly type: 'reopen-period';
  readonly at: string;
}

/** No event where the stream has no line in the period or has closed it. */
export function decideClose(
  { payee, plan, period, minimum, planVersion, at }: ClosePeriod,
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

/**
 * Voids the closing of the last closed period: guarantees, draws and tiers that it recorded, and the postings in later
 * periods that could not be in this one. No event where nothing changes.
 */
export function decideReopen(
  { period, openFrom, at }: ReopenPeriod,
  state: EarningState,
  calculation: Calculation,
): readonly EarningEvent[] {
  const { engine, plans } = calculation;
  const { plan: constants, closedThrough } = state;
  if (constants === undefined) return [];
  // Any deal may be posted after the period because it was closed.
  requireAll(state.engine);
  const terms = termsReopened(state, period);
  const change = changeOf(() => engine.diffPayeeTerms(state.engine, terms, plans));
  const changed = new Set(change.deals.map(({ deal }) => deal));
  const unchanged = [...state.posted.keys()].filter((deal) => !changed.has(deal));
  const earned = [...change.deals, ...unchanged.map((deal) => ({ deal, lines: linesOfDeal(state.engine, deal) }))];
  const deals = postingsOf(state, earned, constants.currency, openFrom, calculation);
  if (deals.length === 0 && (closedThrough === null || closedThrough < period)) return [];
  const conclusions = conclude(state, change, constants.currency, openFrom, (one) => state.above.get(one), calculation);
  const sorted = deals.toSorted((left, right) => compareText(left.deal, right.deal));
  const data = omitUndefined({
    ...constants,
    ...conclusions,
    input: storedInput({ period, openFrom }),
    deals: listOf(sorted),
  });
  return [{ type: 'EarningPeriodReopened', version: 1, occurredAt: at, data }];
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

function isOpen({ period }: PostedLine, closedThrough: string | null): boolean {
  return closedThrough === null || period > closedThrough;
}
