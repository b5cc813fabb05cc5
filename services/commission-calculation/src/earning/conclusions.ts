/** What follows from a change of earnings: ratings, postings, and what the payees above are paid on. */
import { calendarOf } from '@tantieme/time/calendar/key';
import { nextPeriod } from '@tantieme/time/calendar/periods';
import { linesOfDeal } from '@tantieme/commission-engine/incremental/earned-lines';
import type { Change } from '@tantieme/commission-engine/incremental/diff';
import type { EarnedLine, RatedLine } from '@tantieme/commission-engine/incremental/state';
import { lineKey } from '@tantieme/commission-engine/credit/credit-line';
import { EngineError } from '@tantieme/commission-engine/engine-error';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { formatMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import type { Conclusions, DealPosting, OverriddenDeal, StoredRating } from './earning-events.js';
import { isSamePosting } from './posting.js';
import { postingOf } from './earning-state.js';
import type { EarningState, Calculation } from './earning-state.js';

/** @throws {DomainError} `CreditInvalid` for an input that no plan can have produced */
export function changeOf(diff: () => Change): Change {
  try {
    return diff();
  } catch (error) {
    if (error instanceof EngineError) throw new DomainError(error.code, error.message);
    throw error;
  }
}

export function conclude(
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
export function listOf<Item>(items: readonly Item[] | undefined): readonly Item[] | undefined {
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

export function storedRating({ deal, key, amount }: RatedLine, credited: string): StoredRating {
  return deal === credited ? { key, amount } : { deal, key, amount };
}

/** The first open period of the calendar, but never one that this stream has closed. */
function openFromOf({ plan, closedThrough }: EarningState, calendarOpenFrom: string | null): string | null {
  if (plan === undefined || closedThrough === null) return calendarOpenFrom;
  const own = nextPeriod(calendarOf(plan.calendar), closedThrough);
  return calendarOpenFrom === null || own > calendarOpenFrom ? own : calendarOpenFrom;
}

/** Postings of deals whose postings change, in order of the deals. */
export function postingsOf(
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
