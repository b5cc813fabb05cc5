/** How the state of an earning stream consists of books. */
import { addLoaded, evictOldDeals, isLoaded } from '@tantieme/commission-engine/incremental/loaded';
import type { BookIndex, Books } from '@tantieme/event-sourcing/decide/books';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import { entriesOf, postedThroughOf, windowOf } from './book-entries.js';
import type { EarningCommand } from './earning.js';
import type { EarningState } from './earning-state.js';
import type { EarningEvent } from './earning-events.js';
import { SHRUNK_LINES, WHOLE_STREAM_EVENTS } from '../limits.js';

/** The parts of a state that are kept by deal, besides those of the engine. */
const BY_DEAL = ['creditNumbers', 'posted', 'above', 'childRevisions', 'grantRevisions'] as const;

type EarningDecider = Decider<EarningState, EarningCommand, EarningEvent>;

/** @param options for tests */
export function earningBooks(
  decider: EarningDecider,
  index: BookIndex,
  options: { readonly wholeStreamEvents?: number; readonly shrunkLines?: number } = {},
): Books<EarningState, EarningCommand, EarningEvent> {
  const { wholeStreamEvents = WHOLE_STREAM_EVENTS, shrunkLines = SHRUNK_LINES } = options;
  /** A state with these deals, and nothing of others. */
  function stateOf(deals: readonly string[]): EarningState {
    const state = decider.initialState();
    state.engine.loaded = { deals: new Set(deals), windows: new Set(), anchors: new Map() };
    return state;
  }
  return {
    index,
    wholeStreamEvents,
    entriesOf,
    isWhole: ({ engine }) => engine.loaded === undefined,
    initialState: () => stateOf([]),
    has: ({ engine }, deal) => isLoaded(engine, deal),
    bookOf: (command) => ('deal' in command ? command.deal : undefined),
    add(state, { books, groups }, events) {
      const deals = books.filter((deal) => !isLoaded(state.engine, deal));
      const added = events.reduce((before, event) => decider.evolve(before, event), stateOf(deals));
      const windows = groups.flatMap((group) => windowOf(group) ?? []);
      addLoaded(state.engine, added.engine, deals, windows);
      for (const part of BY_DEAL)
        for (const [deal, value] of added[part]) (state[part] as Map<string, unknown>).set(deal, value);
      for (const [period, posted] of added.postedIn)
        if (state.closedThrough === null || period > state.closedThrough)
          state.postedIn.set(period, (state.postedIn.get(period) ?? new Set()).union(posted));
      for (const group of groups) state.postedThrough = postedThroughOf(group) ?? state.postedThrough;
    },
    shrink: (state) => shrink(state, shrunkLines),
  };
}

/** Leaves `linesMax` lines of the newest deals. A stream whose changes need all lines is kept whole, or not at all. */
export function shrink(state: EarningState, linesMax: number): number | undefined {
  const { engine } = state;
  if (engine.fullModeLineCount > 0 || engine.payeeTerms.closedPeriods.length > 0) return undefined;
  const before =
    engine.loaded?.deals ?? new Set([...engine.deals.keys(), ...state.creditNumbers.keys(), ...engine.children.keys()]);
  const countBefore = before.size;
  evictOldDeals(engine, linesMax);
  for (const part of BY_DEAL)
    for (const deal of state[part].keys()) if (!isLoaded(engine, deal)) state[part].delete(deal);
  for (const deals of state.postedIn.values())
    for (const deal of deals) if (!isLoaded(engine, deal)) deals.delete(deal);
  state.postedThrough = undefined;
  return countBefore - engine.deals.size;
}
