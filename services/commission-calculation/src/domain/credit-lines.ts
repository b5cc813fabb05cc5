/**
 * Credit lines as events and messages hold them: what the lines of one component and occurrence have in common is said
 * once. A deal of thousands of lines stays well under the 1 MiB that an append may have.
 */
import { compareCreditLines } from '@tantieme/commission-engine/credit';
import type { CreditLine, Reversal } from '@tantieme/commission-engine/credit';

/** All but what differs from line to line. */
type Common = Omit<CreditLine, 'line' | 'basis' | 'quantity' | 'reverses'> & {
  /** Occurrence that the lines take back, where they are return lines. */
  readonly reverses?: string;
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
  const groups = new Map<string, Common & { readonly lines: PackedLine[] }>();
  for (const { line, basis, quantity, reverses, ...rest } of lines) {
    const { split, child } = rest;
    const key = `${rest.component}\n${rest.planHash}\n${rest.occurrence}\n${rest.at}\n${rest.window}\n${reverses?.occurrence ?? ''}\n${child?.component ?? ''}\n${child?.payee ?? ''}\n${rest.level ?? ''}\n${split === undefined ? '' : `${split.index} ${split.shares.join()}`}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { ...rest, ...(reverses === undefined ? {} : { reverses: reverses.occurrence }), lines: [] };
      groups.set(key, group);
    }
    group.lines.push(packLine(line, basis, quantity, reverses));
  }
  return [...groups.values()];
}

function packLine(
  line: string,
  basis: string,
  quantity: string | undefined,
  reverses: Reversal | undefined,
): PackedLine {
  if (reverses !== undefined) return [line, basis, reverses.returnedBefore, reverses.returned, reverses.of];
  return quantity === undefined ? [line, basis] : [line, basis, quantity];
}

export function unpackLines(groups: readonly CreditGroup[]): readonly CreditLine[] {
  const lines = groups.flatMap(({ lines: packed, reverses, ...common }) =>
    packed.map((one): CreditLine => {
      const [line, basis] = one;
      if (one.length === 5 && reverses !== undefined) {
        const [, , returnedBefore, returned, of] = one;
        return { ...common, line, basis, reverses: { occurrence: reverses, returnedBefore, returned, of } };
      }
      const quantity = one.length === 3 ? one[2] : undefined;
      return { ...common, line, basis, ...(quantity === undefined ? {} : { quantity }) };
    }),
  );
  return lines.sort(compareCreditLines);
}
