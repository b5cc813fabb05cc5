/** The form of ledger lines in events: lines are grouped by what they have in common. */
import type { Exchanged, LedgerLine } from '@tantieme/contracts/ledger';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';

export interface LedgerLineGroup extends Pick<LedgerLine, 'period' | 'plan' | 'component'> {
  /** Absent for earnings. */
  readonly kind?: LedgerLine['kind'];
  /** The period that the lines belong to, where it is not the one that they are posted in. */
  readonly origin?: string;
  /** Where it is not the key of the lines. */
  readonly deal?: string;
  readonly lines: readonly GroupedLine[];
}

export type GroupedLine = readonly [line: string, basis: string, amount: string, exchanged?: readonly Exchanged[]];

/** Groups in order of their first line. @param key of the lines: a deal, or the window of a programme */
export function groupLedgerLines(key: string, lines: readonly LedgerLine[]): readonly LedgerLineGroup[] {
  const groups = new Map<string, { common: Omit<LedgerLineGroup, 'lines'>; lines: GroupedLine[] }>();
  for (const { period, origin, plan, component, deal, kind, line, basis, amount, exchanged } of lines) {
    const name = JSON.stringify([period, origin, plan, component, deal, kind]);
    let group = groups.get(name);
    if (group === undefined) {
      const differing = {
        origin: origin === period ? undefined : origin,
        deal: deal === key ? undefined : deal,
        kind: kind === 'earning' ? undefined : kind,
      };
      group = { common: { period, plan, component, ...omitUndefined(differing) }, lines: [] };
      groups.set(name, group);
    }
    group.lines.push(exchanged === undefined ? [line, basis, amount] : [line, basis, amount, exchanged]);
  }
  return Array.from(groups.values(), ({ common, lines: ofGroup }) => ({ ...common, lines: ofGroup }));
}

export function ungroupLedgerLines(key: string, groups: readonly LedgerLineGroup[]): readonly LedgerLine[] {
  return groups.flatMap(({ period, origin = period, plan, component, deal = key, kind = 'earning', lines }) =>
    lines.map(([line, basis, amount, exchanged]) => {
      const ledger = { period, origin, plan, component, deal, line, kind, basis, amount };
      return exchanged === undefined ? ledger : { ...ledger, exchanged };
    }),
  );
}
