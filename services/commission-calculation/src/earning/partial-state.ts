/**
 * The partial state of an earning stream: the newest deals of a payee, all that a credit in order needs. Of older deals
 * only the running sums and the ids are left. A command that needs more makes the runtime read the whole stream again.
 */
import type { CreditLine } from '@tantieme/commission-engine/credit/credit-line';
import { compareText } from '@tantieme/contracts/compare-text';
import type { EarnState } from '@tantieme/commission-engine/incremental/state';
import { compareLines } from '@tantieme/commission-engine/measure/canonical-order';
import type { MeasuredLine } from '@tantieme/commission-engine/measure/canonical-order';
import { NameSet } from '@tantieme/event-sourcing/decide/name-set';

export interface PartialState {
  /** Deals whose lines are no longer in memory. */
  readonly evicted: NameSet;
  /** By measurement: its last line of an evicted deal. Nothing up to this line can change; only its sum is left. */
  readonly anchors: Map<string, MeasuredLine>;
}

/** The engine's key of a line's measurement. */
function measurementOf({ component, window }: CreditLine): string {
  return `${component} ${window}`;
}

/**
 * Evicts deals, those with the earliest last line first, until `linesMax` lines are left. Running sums still include
 * the evicted lines.
 * @param onEvict called for each evicted deal
 */
export function evictOldDeals(
  engine: EarnState,
  before: PartialState | undefined,
  linesMax: number,
  onEvict: (deal: string) => void,
): PartialState {
  const partial = before ?? { evicted: new NameSet(), anchors: new Map<string, MeasuredLine>() };
  const byAge = Array.from(engine.deals, ([deal, lines]) => ({
    deal,
    count: lines.length,
    lastAt: lines.reduce((last, { line }) => (line.at > last ? line.at : last), ''),
  })).sort((left, right) => compareText(left.lastAt, right.lastAt));
  for (const { deal, count } of byAge) {
    if (engine.lineCount <= linesMax) break;
    engine.deals.delete(deal);
    engine.lineCount -= count;
    partial.evicted.add(deal);
    onEvict(deal);
  }
  for (const [key, measurement] of engine.measurements) {
    let anchor: MeasuredLine | undefined;
    for (const line of measurement) if (!engine.deals.has(line.deal)) anchor = line;
    if (anchor === undefined) continue;
    partial.anchors.set(key, anchor);
    measurement.evictThrough(anchor);
  }
  return partial;
}

/** True where a credit of the deal only changes lines that are in the partial state. */
export function isWithinPartialState(
  engine: EarnState,
  partial: PartialState,
  deal: string,
  lines: readonly CreditLine[],
): boolean {
  if (partial.evicted.has(deal)) return false;
  const isBehind = (line: MeasuredLine): boolean => {
    const anchor = partial.anchors.get(measurementOf(line.line));
    return anchor === undefined || compareLines(line, anchor) > 0;
  };
  return (
    lines.every((line) => line.reverses !== undefined || isBehind({ deal, line, basisMinor: 0n })) &&
    (engine.deals.get(deal) ?? []).every((held) => held.line.reverses !== undefined || isBehind(held))
  );
}

/** Approximate memory, in bytes, for what is left of evicted deals. */
export function sizeOfPartialState({ evicted, anchors }: PartialState): number {
  return evicted.bytes + anchors.size * ANCHOR_BYTES;
}

const ANCHOR_BYTES = 1000;
