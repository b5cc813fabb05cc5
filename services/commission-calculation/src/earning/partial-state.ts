/**
 * The tail of an earning stream: the newest deals of a payee, which is all that a deal in order needs. Of the older ones only
 * the running sums and the names are left; whoever needs more has the stream read again as a whole.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import type { CreditLine } from '@tantieme/commission-engine/credit/credit-line';
import type { EarnState } from '@tantieme/commission-engine/incremental/state';
import { compareLines } from '@tantieme/commission-engine/measure/canonical-order';
import type { MeasuredLine } from '@tantieme/commission-engine/measure/canonical-order';
import { NameSet } from '@tantieme/event-sourcing/decide/name-set';

export interface Tail {
  /** Deals whose lines are no longer there. */
  readonly forgotten: NameSet;
  /** By measurement: its last line of a forgotten deal. Nothing up to it can change; of what it held, the sum is left. */
  readonly anchors: Map<string, MeasuredLine>;
}

/** As the engine names the measurement of a line. */
function measurementOf({ component, window }: CreditLine): string {
  return `${component} ${window}`;
}

/**
 * Forgets deals, those whose last line is the earliest first, until `linesMax` lines are left. Sums stay as they are: those
 * of the lines that are left count the forgotten ones.
 * @param onForget told of each deal that is forgotten.
 */
export function forgetOldDeals(
  engine: EarnState,
  before: Tail | undefined,
  linesMax: number,
  onForget: (deal: string) => void,
): Tail {
  const tail = before ?? { forgotten: new NameSet(), anchors: new Map<string, MeasuredLine>() };
  const byAge = Array.from(engine.deals, ([deal, lines]) => ({
    deal,
    count: lines.length,
    lastAt: lines.reduce((last, { line }) => (line.at > last ? line.at : last), ''),
  })).sort((left, right) => compareText(left.lastAt, right.lastAt));
  for (const { deal, count } of byAge) {
    if (engine.lineCount <= linesMax) break;
    engine.deals.delete(deal);
    engine.lineCount -= count;
    tail.forgotten.add(deal);
    onForget(deal);
  }
  for (const [key, measurement] of engine.measurements) {
    let anchor: MeasuredLine | undefined;
    for (const line of measurement) if (!engine.deals.has(line.deal)) anchor = line;
    if (anchor === undefined) continue;
    tail.anchors.set(key, anchor);
    measurement.evictThrough(anchor);
  }
  return tail;
}

/** True where a credit of the deal changes nothing but what is in the tail. */
export function isInTail(engine: EarnState, tail: Tail, deal: string, lines: readonly CreditLine[]): boolean {
  if (tail.forgotten.has(deal)) return false;
  const isBehind = (line: MeasuredLine): boolean => {
    const anchor = tail.anchors.get(measurementOf(line.line));
    return anchor === undefined || compareLines(line, anchor) > 0;
  };
  return (
    lines.every((line) => line.reverses !== undefined || isBehind({ deal, line, basisMinor: 0n })) &&
    (engine.deals.get(deal) ?? []).every((held) => held.line.reverses !== undefined || isBehind(held))
  );
}

/** Bytes that what is left of the forgotten takes, roughly. */
export function sizeOfTail({ forgotten, anchors }: Tail): number {
  return forgotten.bytes + anchors.size * ANCHOR_BYTES;
}

const ANCHOR_BYTES = 1000;
