/**
 * The form of credit lines in events and messages: lines are grouped by what they have in common. A deal of thousands
 * of lines stays well under 1 MiB, the limit of an append.
 */
import { compareCreditLines } from '@tantieme/commission-engine/credit/credit-line';
import type { CreditLine } from '@tantieme/commission-engine/credit/credit-line';

/** The part of a line that is the same for its whole group. */
type Common = Omit<CreditLine, 'line' | 'basis' | 'quantity' | 'reverses' | 'window'> & {
  /** Absent where it is the period. */
  readonly window?: string;
  /** Of return lines: the occurrence that they take back. */
  readonly reverses?: string;
  /** Of return lines: days or instalments until the return, where the component has return bands. */
  readonly after?: number;
};

export interface CreditGroup extends Common {
  readonly lines: readonly PackedLine[];
}

/** Line and basis; of a line paid per unit also the quantity; of a return line also returned before, returned, of. */
export type PackedLine =
  | readonly [line: string, basis: string]
  | readonly [line: string, basis: string, quantity: string]
  | readonly [line: string, basis: string, returnedBefore: string, returned: string, of: string];

/** Groups in order of their first line. `unpackLines` is the inverse; it returns the lines in canonical order. */
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

/** From this number of groups on, a map replaces the linear search; nearly every credit has one or two groups. */
const SEARCHED_GROUPS_MAX = 8;

type OpenGroup = Common & { readonly lines: PackedLine[] };

function groupOf({
  line: _line,
  basis: _basis,
  quantity: _quantity,
  reverses,
  window,
  ...common
}: CreditLine): OpenGroup {
  return {
    ...common,
    ...(window === common.period ? {} : { window }),
    ...(reverses === undefined ? {} : { reverses: reverses.occurrence }),
    ...(reverses?.after === undefined ? {} : { after: reverses.after }),
    lines: [],
  };
}

/** True where the line belongs to the group. Has to agree with `groupKey`. */
function isOfGroup(group: OpenGroup, line: CreditLine): boolean {
  return (
    group.component === line.component &&
    group.occurrence === line.occurrence &&
    group.at === line.at &&
    (group.window ?? group.period) === line.window &&
    group.planVersion === line.planVersion &&
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

/** Key of the fields that only some kinds of components set. */
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
  one: Omit<Common, 'reverses' | 'after'>,
  reverses: string | undefined,
  after: number | undefined,
): string {
  const { component, planVersion, occurrence, at, period, window = period, child, level } = one;
  return `${component}\n${planVersion}\n${occurrence}\n${at}\n${window}\n${reverses ?? ''}\n${child?.component ?? ''}\n${child?.payee ?? ''}\n${level ?? ''}\n${splitKey(one)}\n${rareKey(one, after)}`;
}

function packLine({ line, basis, quantity, reverses }: CreditLine): PackedLine {
  if (reverses !== undefined) return [line, basis, reverses.returnedBefore, reverses.returned, reverses.of];
  return quantity === undefined ? [line, basis] : [line, basis, quantity];
}

/** A line with its place in the groups that it was unpacked from. */
interface PlacedLine {
  readonly line: CreditLine;
  readonly group: number;
  readonly index: number;
}

/** Memo of a pure function: an event is decided and applied one right after the other, from the same groups. */
let lastGroups: readonly CreditGroup[] = [];
let lastPlaced: readonly PlacedLine[] = [];
let lastLines: readonly CreditLine[] = [];

/** The lines of the groups, in canonical order. */
export function unpackLines(groups: readonly CreditGroup[]): readonly CreditLine[] {
  unpack(groups);
  return lastLines;
}

/** Puts what belongs to each line, given in canonical order, into the order of the groups and their lines. */
export function packByLine<Value>(
  groups: readonly CreditGroup[],
  values: readonly Value[],
): readonly (readonly Value[])[] {
  const packed = groups.map((): Value[] => []);
  for (const [at, { group, index }] of unpack(groups).entries()) {
    const [list, value] = [packed[group], values[at]];
    if (list !== undefined && value !== undefined) list[index] = value;
  }
  return packed;
}

/** The inverse of `packByLine`. */
export function unpackByLine<Value>(
  groups: readonly CreditGroup[],
  packed: readonly (readonly Value[])[],
): readonly Value[] {
  return unpack(groups).flatMap(({ group, index }) => packed[group]?.[index] ?? []);
}

function unpack(groups: readonly CreditGroup[]): readonly PlacedLine[] {
  if (groups !== lastGroups) {
    lastPlaced = placedLines(groups);
    lastLines = lastPlaced.map(({ line }) => line);
    lastGroups = groups;
  }
  return lastPlaced;
}

function placedLines(groups: readonly CreditGroup[]): readonly PlacedLine[] {
  const placed: PlacedLine[] = [];
  for (const [group, { lines, reverses, after, ...fields }] of groups.entries()) {
    const common = { ...fields, window: fields.window ?? fields.period };
    for (const [index, one] of lines.entries())
      placed.push({ line: unpackLine(one, common, reverses, after), group, index });
  }
  return placed.length < 2 ? placed : placed.sort((left, right) => compareCreditLines(left.line, right.line));
}

function unpackLine(
  packed: PackedLine,
  common: Omit<CreditLine, 'line' | 'basis' | 'quantity' | 'reverses'>,
  reverses: string | undefined,
  after: number | undefined,
): CreditLine {
  const [line, basis] = packed;
  if (packed.length === 3) return { ...common, line, basis, quantity: packed[2] };
  if (packed.length === 2 || reverses === undefined) return { ...common, line, basis };
  const [, , returnedBefore, returned, of] = packed;
  const reversal = { occurrence: reverses, returnedBefore, returned, of };
  return { ...common, line, basis, reverses: after === undefined ? reversal : { ...reversal, after } };
}
