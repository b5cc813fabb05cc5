/**
 * Credit lines as events and messages hold them: what the lines of one component and occurrence have in common is said
 * once. A deal of thousands of lines stays well under the 1 MiB that an append may have.
 */
import { compareCreditLines } from '@tantieme/commission-engine/credit/credit-line';
import type { CreditLine } from '@tantieme/commission-engine/credit/credit-line';

/** All but what differs from line to line. */
type Common = Omit<CreditLine, 'line' | 'basis' | 'quantity' | 'reverses'> & {
  /** Occurrence that the lines take back, where they are return lines. */
  readonly reverses?: string;
  /** Days or instalments after which they came back, where bands ask. */
  readonly after?: number;
};

export interface CreditGroup extends Common {
  readonly lines: readonly PackedLine[];
}

/** Line, basis; then the quantity of a line paid per unit, or what a return line takes back: returned before, returned, of. */
export type PackedLine =
  | readonly [line: string, basis: string]
  | readonly [line: string, basis: string, quantity: string]
  | readonly [line: string, basis: string, returnedBefore: string, returned: string, of: string];

/** In order of each group's first line; `unpackLines` gives the lines again in canonical order. */
export function packLines(lines: readonly CreditLine[]): readonly CreditGroup[] {
  const groups: OpenGroup[] = [];
  let byKey: Map<string, OpenGroup> | undefined;
  for (const line of lines) {
    let group: OpenGroup | undefined;
    if (byKey === undefined) group = groups.find((one) => isOfGroup(one, line));
    else group = byKey.get(groupKey(line, line.reverses?.occurrence, line.reverses?.after));
    if (group === undefined) {
      group = groupOf(line);
      groups.push(group);
      byKey?.set(groupKey(line, line.reverses?.occurrence, line.reverses?.after), group);
      if (groups.length === SEARCHED_GROUPS_MAX)
        byKey = new Map(groups.map((one) => [groupKey(one, one.reverses, one.after), one]));
    }
    group.lines.push(packLine(line));
  }
  return groups;
}

/** Up to so many groups are searched one by one; nearly every credit has one or two. */
const SEARCHED_GROUPS_MAX = 8;

type OpenGroup = Common & { readonly lines: PackedLine[] };

function groupOf({ line: _line, basis: _basis, quantity: _quantity, reverses, ...common }: CreditLine): OpenGroup {
  return {
    ...common,
    ...(reverses === undefined ? {} : { reverses: reverses.occurrence }),
    ...(reverses?.after === undefined ? {} : { after: reverses.after }),
    lines: [],
  };
}

/** Whether the line has all in common with the group. Says the same as `groupKey`. */
function isOfGroup(group: OpenGroup, line: CreditLine): boolean {
  return (
    group.component === line.component &&
    group.occurrence === line.occurrence &&
    group.at === line.at &&
    group.window === line.window &&
    group.planHash === line.planHash &&
    group.level === line.level &&
    (group.reverses ?? '') === (line.reverses?.occurrence ?? '') &&
    (group.child?.component ?? '') === (line.child?.component ?? '') &&
    (group.child?.payee ?? '') === (line.child?.payee ?? '') &&
    (group.split === line.split || splitKey(group) === splitKey(line)) &&
    rareKey(group, group.after) === rareKey(line, line.reverses?.after)
  );
}

function splitKey({ split }: Pick<CreditLine, 'split'>): string {
  return split === undefined ? '' : `${split.index} ${split.shares.join()}`;
}

/** What only some kinds of components say of a line. */
function rareKey(
  { month, rule, spread, converted, reserves, releases }: RareFields,
  after: number | undefined,
): string {
  if (
    month === undefined &&
    rule === undefined &&
    spread === undefined &&
    converted === undefined &&
    reserves === undefined &&
    releases === undefined &&
    after === undefined
  )
    return '';
  return JSON.stringify([month, rule, spread, converted, reserves, releases, after]);
}

type RareFields = Pick<CreditLine, 'month' | 'rule' | 'spread' | 'converted' | 'reserves' | 'releases'>;

function groupKey(
  one: Omit<Common, 'period' | 'reverses' | 'after'>,
  reverses: string | undefined,
  after: number | undefined,
): string {
  const { component, planHash, occurrence, at, window, child, level } = one;
  return `${component}\n${planHash}\n${occurrence}\n${at}\n${window}\n${reverses ?? ''}\n${child?.component ?? ''}\n${child?.payee ?? ''}\n${level ?? ''}\n${splitKey(one)}\n${rareKey(one, after)}`;
}

function packLine({ line, basis, quantity, reverses }: CreditLine): PackedLine {
  if (reverses !== undefined) return [line, basis, reverses.returnedBefore, reverses.returned, reverses.of];
  return quantity === undefined ? [line, basis] : [line, basis, quantity];
}

/** A memo of a pure function: an event is decided on and applied in one go, from the very same groups. */
let lastGroups: readonly CreditGroup[] = [];
let lastLines: readonly CreditLine[] = [];

export function unpackLines(groups: readonly CreditGroup[]): readonly CreditLine[] {
  if (groups !== lastGroups) {
    lastLines = unpack(groups);
    lastGroups = groups;
  }
  return lastLines;
}

function unpack(groups: readonly CreditGroup[]): readonly CreditLine[] {
  const lines: CreditLine[] = [];
  for (const { lines: packed, reverses, after, ...common } of groups)
    for (const one of packed) {
      const [line, basis] = one;
      if (one.length === 5 && reverses !== undefined) {
        const [, , returnedBefore, returned, of] = one;
        lines.push({
          ...common,
          line,
          basis,
          reverses: { occurrence: reverses, returnedBefore, returned, of, ...(after === undefined ? {} : { after }) },
        });
      } else if (one.length === 3) lines.push({ ...common, line, basis, quantity: one[2] });
      else lines.push({ ...common, line, basis });
    }
  return lines.length < 2 ? lines : lines.sort(compareCreditLines);
}
