/**
 * The books of an earning stream (ADR 24): one per deal, named like the deal. They stand in the measurement windows of
 * their lines, and in the periods in which they are posted.
 */
import { NotLoaded } from '@tantieme/commission-engine/incremental/loaded';
import { BooksRequired, HEAD, NEWEST } from '@tantieme/event-sourcing/decide/books';
import type { BookEntry, GroupRange } from '@tantieme/event-sourcing/decide/books';
import { isPostedAsEarned } from './earning-events.js';
import type { EarningEvent } from './earning-events.js';

const WINDOW = 'window ';
const POSTED = 'posted ';

/** The books of a measurement window. */
export function windowGroup(window: string): GroupRange {
  return { from: WINDOW + window, through: WINDOW + window };
}

/** The window of a group of this kind. */
export function windowOf({ from }: GroupRange): string | undefined {
  return from.startsWith(WINDOW) ? from.slice(WINDOW.length) : undefined;
}

/** The books posted in any of these periods. @param from the first one; null for all before `through` */
export function postedGroups(from: string | null, through: string): GroupRange {
  return { from: POSTED + (from ?? ''), through: POSTED + through };
}

/** The last period of a group of this kind. */
export function postedThroughOf({ from, through }: GroupRange): string | undefined {
  return from.startsWith(POSTED) ? through.slice(POSTED.length) : undefined;
}

/** The deals that an event changes, and where they stand then. */
export function entriesOf(event: EarningEvent): readonly BookEntry[] {
  const groups = new Map<string, Set<string>>();
  const of = (deal: string): Set<string> => {
    const known = groups.get(deal);
    if (known !== undefined) return known;
    const added = new Set<string>();
    groups.set(deal, added);
    return added;
  };
  const { rated = [], payeeLevel = [], deals = [] } = event.data;
  switch (event.type) {
    case 'Earned': {
      const own = of(event.data.input.deal);
      for (const { period, window = period } of event.data.input.groups) {
        own.add(WINDOW + window);
        if (isPostedAsEarned(event)) own.add(POSTED + period);
      }
      break;
    }
    case 'ChildEarningReceived':
    case 'GrantReceived':
      of(event.data.input.deal);
      break;
    case 'PayeeTermsReceived':
      of(HEAD);
      break;
    case 'EarningPeriodClosed':
      // What a closing records beyond its period is needed as long as the stream lives.
      of(event.data.reachedTiers === undefined && event.data.entry.negative === undefined ? NEWEST : HEAD);
      of(NEWEST);
      break;
    default:
      event satisfies never;
  }
  for (const { deal } of rated) if (deal !== undefined) of(deal);
  for (const { deal } of payeeLevel) of(deal);
  for (const { deal, lines } of deals) for (const { period } of lines) of(deal).add(POSTED + period);
  if ('claims' in event.data) for (const { deal } of event.data.claims ?? []) of(deal);
  if ('missingQuotas' in event.data) for (const { deal } of event.data.missingQuotas ?? []) of(deal);
  return Array.from(groups, ([book, of]) => ({ book, groups: [...of] }));
}

/** Calculates with the lines in memory. @throws {BooksRequired} where others are needed */
export function withBooks<Result>(calculate: () => Result): Result {
  try {
    return calculate();
  } catch (error) {
    if (!(error instanceof NotLoaded)) throw error;
    const { needed } = error;
    if (needed === 'all') throw new BooksRequired('all');
    const { deals = [], windows = [] } = needed;
    throw new BooksRequired({ books: deals, groups: windows.map(windowGroup) });
  }
}
