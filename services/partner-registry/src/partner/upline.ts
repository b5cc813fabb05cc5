/** The hierarchy above a partner: it changes from day to day and must never contain a circle. */
import { compareText } from '@tantieme/contracts/compare-text';
import type { Dated } from '@tantieme/contracts/partner';

export type Uplines = readonly Dated<string | null>[];

/** Partner → its uplines, for everybody who is above at any time. */
export type UplinesOf = Readonly<Record<string, Uplines>>;

export interface Circle {
  /** The first day on which it would exist. */
  readonly day: string;
  /** From the partner up to itself. */
  readonly path: readonly string[];
}

/** The upline on a day: that of the latest entry that is not after it, or `null`. Entries are in order of days. */
export function uplineOn(uplines: Uplines, day: string): string | null {
  return uplines.findLast(({ from }) => from <= day)?.value ?? null;
}

/**
 * Finds a day on which these uplines would put the partner above itself, given the uplines of everybody above. The
 * hierarchy changes only on days that some list names, so only those are checked.
 */
export function findCircle(partner: string, uplines: Uplines, above: UplinesOf): Circle | undefined {
  const listOf = (id: string): Uplines =>
    id === partner ? uplines : Object.hasOwn(above, id) ? (above[id] ?? []) : [];
  const days = new Set([...uplines, ...Object.values(above).flat()].map(({ from }) => from));
  for (const day of [...days].sort()) {
    const path = [partner];
    const seen = new Set<string>();
    for (
      let next = uplineOn(inOrder(listOf(partner)), day);
      next !== null;
      next = uplineOn(inOrder(listOf(next)), day)
    ) {
      path.push(next);
      if (next === partner) return { day, path };
      // A circle further up does not include this partner.
      if (seen.has(next)) break;
      seen.add(next);
    }
  }
  return undefined;
}

function inOrder(uplines: Uplines): Uplines {
  for (let index = 1; index < uplines.length; index += 1)
    if ((uplines[index - 1]?.from ?? '') > (uplines[index]?.from ?? ''))
      return [...uplines].sort((left, right) => compareText(left.from, right.from));
  return uplines;
}

/** Every partner named as an upline at any time. */
export function uplinesNamed(uplines: Uplines): readonly string[] {
  return [...new Set(uplines.flatMap(({ value }) => (value === null ? [] : [value])))];
}
