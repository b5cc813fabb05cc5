/**
 * A state of which only a part is in memory: some deals, and some measurement windows (ADR 24). Whatever a calculation
 * looks up must be there; otherwise it ends with what is missing.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import type { CreditLine } from '../credit/credit-line.js';
import { compareLines } from '../measure/canonical-order.js';
import type { MeasuredLine } from '../measure/canonical-order.js';
import { MeasuredLines } from '../measure/measured-lines.js';
import { measurementKey } from './state.js';
import type { EarnState, Loaded } from './state.js';

/** What a calculation needs and the state does not have: these deals and windows, or everything. */
export class NotLoaded extends Error {
  constructor(readonly needed: { readonly deals?: readonly string[]; readonly windows?: readonly string[] } | 'all') {
    super('the calculation needs lines that are not in memory');
  }
}

export function isLoaded({ loaded }: EarnState, deal: string): boolean {
  return loaded === undefined || loaded.deals.has(deal);
}

/** @throws {NotLoaded} */
export function requireDeal(state: EarnState, deal: string): void {
  if (!isLoaded(state, deal)) throw new NotLoaded({ deals: [deal] });
}

/** @throws {NotLoaded} */
export function requireAll({ loaded }: EarnState): void {
  if (loaded !== undefined) throw new NotLoaded('all');
}

/**
 * For lines that join or leave their measurements, or are looked up there.
 * @throws {NotLoaded}
 */
export function requirePlaces(state: EarnState, lines: readonly MeasuredLine[]): void {
  const { loaded } = state;
  if (loaded === undefined) return;
  const windows = new Set(lines.filter((line) => !isPlaceLoaded(loaded, line)).map(({ line }) => line.window));
  if (windows.size > 0) throw new NotLoaded({ windows: [...windows] });
}

/** True if the line's measurement is in memory from this line on. A measurement of a deal comes with its deal. */
function isPlaceLoaded({ windows, anchors }: Loaded, line: MeasuredLine): boolean {
  const { window } = line.line;
  if (window === 'deal') return true;
  if (!windows.has(window)) return false;
  const anchor = anchors.get(measurementKey(line));
  return anchor === undefined || compareLines(line, anchor) > 0;
}

/**
 * Whether a line can join or leave its measurement. A measurement that is not in memory needs no change; one that is not
 * in memory up to the line cannot be kept.
 */
export function hasPlace(state: EarnState, line: MeasuredLine): boolean {
  const { loaded } = state;
  if (loaded === undefined || isPlaceLoaded(loaded, line)) return true;
  forgetWindow(state, line.line.window);
  return false;
}

/** Drops the measurements of a window: the next calculation that needs them loads them. */
function forgetWindow({ loaded, measurements }: EarnState, window: string): void {
  loaded?.windows.delete(window);
  for (const key of measurements.keys())
    if (key.endsWith(` ${window}`)) {
      measurements.delete(key);
      loaded?.anchors.delete(key);
    }
}

/** After a change of a deal that is not in memory: its lines may stand in any window. */
export function forgetWindows(state: EarnState): void {
  for (const window of state.loaded?.windows ?? []) forgetWindow(state, window);
}

/**
 * Adds deals that were loaded into a state of their own, and builds the measurements of windows all of whose deals are
 * in memory now.
 */
export function addLoaded(
  state: EarnState,
  added: EarnState,
  deals: Iterable<string>,
  windows: readonly string[],
): void {
  const { loaded } = state;
  if (loaded === undefined) throw new Error('the whole state is in memory');
  for (const deal of deals) loaded.deals.add(deal);
  for (const part of ['measurements', 'deals', 'children', 'granted', 'claims', 'missingQuotas'] as const)
    for (const [key, value] of added[part]) (state[part] as Map<string, unknown>).set(key, value);
  state.lineCount += added.lineCount;
  state.fullModeLineCount += added.fullModeLineCount;
  for (const window of windows) forgetWindow(state, window);
  for (const window of windows) loaded.windows.add(window);
  if (windows.length === 0) return;
  for (const lines of state.deals.values())
    for (const line of lines) {
      if (!line.measured || !windows.includes(line.line.window)) continue;
      const key = measurementKey(line);
      let measurement = state.measurements.get(key);
      if (measurement === undefined) state.measurements.set(key, (measurement = new MeasuredLines()));
      measurement.add(line);
    }
}

/**
 * Evicts deals, those with the earliest last line first, until `linesMax` lines are left. Running sums still include
 * the evicted lines. All lines are incremental or independent.
 */
export function evictOldDeals(state: EarnState, linesMax: number): void {
  const { measurements } = state;
  const lastAt = (lines: readonly { readonly line: CreditLine }[]): string =>
    lines.reduce((last, { line }) => (line.at > last ? line.at : last), '');
  const byAge = Array.from(state.deals, ([deal, lines]) => ({ deal, lines, lastAt: lastAt(lines) })).sort(
    (left, right) => compareText(left.lastAt, right.lastAt),
  );
  for (const { deal, lines } of byAge) {
    if (state.lineCount <= linesMax) break;
    state.deals.delete(deal);
    state.children.delete(deal);
    state.granted.delete(deal);
    state.lineCount -= lines.length;
  }
  const windows = state.loaded?.windows ?? new Set();
  const anchors = state.loaded?.anchors ?? new Map<string, MeasuredLine>();
  for (const [key, measurement] of measurements) {
    let anchor: MeasuredLine | undefined;
    let window = '';
    for (const line of measurement) {
      window = line.line.window;
      if (!state.deals.has(line.deal)) anchor = line;
    }
    if (window === 'deal') {
      if (anchor !== undefined) measurements.delete(key);
      continue;
    }
    if (window !== '') windows.add(window);
    if (anchor === undefined) continue;
    anchors.set(key, anchor);
    measurement.evictThrough(anchor);
  }
  state.loaded = { deals: new Set(state.deals.keys()), windows, anchors };
}
