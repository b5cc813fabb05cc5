/** The form of a deal's credits in its event: what its groups of lines have in common is stored once. */
import type { CreditGroup } from './credit-lines.js';

export type SharedFields = Pick<CreditGroup, 'at' | 'lines' | 'occurrence' | 'period' | 'planVersion'>;

/** Without the fields that are as in `SharedFields`. */
export type GroupOfCredits = Omit<CreditGroup, keyof SharedFields> & Partial<SharedFields>;

interface WithGroups<Group> {
  readonly groups: readonly Group[];
}

/** The fields of the first group, and the credits without them. Nothing is shared by a single group. */
export function shareFields<Credit extends WithGroups<CreditGroup>>(
  credits: readonly Credit[],
): {
  readonly shared?: SharedFields;
  readonly credits: readonly (Omit<Credit, 'groups'> & WithGroups<GroupOfCredits>)[];
} {
  const [first, ...others] = credits.flatMap(({ groups }) => groups);
  if (first === undefined || others.length === 0) return { credits };
  const { at, lines, occurrence, period, planVersion } = first;
  const shared = { at, lines, occurrence, period, planVersion };
  const texts = textsOf(shared);
  return {
    shared,
    credits: credits.map(({ groups, ...credit }) => ({ ...credit, groups: groups.map((one) => without(one, texts)) })),
  };
}

function without(group: CreditGroup, shared: Readonly<Record<string, string>>): GroupOfCredits {
  const texts = textsOf(group);
  return Object.fromEntries(
    Object.entries(group).filter(([name]) => !(name in texts) || texts[name] !== shared[name]),
  ) as unknown as GroupOfCredits;
}

function textsOf({ lines, ...group }: SharedFields): Readonly<Record<string, string>> {
  const { at, occurrence, period, planVersion } = group;
  return { at, occurrence, period, planVersion, lines: JSON.stringify(lines) };
}

/** The inverse of `shareFields`. */
export function withSharedFields<Credit extends WithGroups<GroupOfCredits>>(
  credits: readonly Credit[],
  shared: SharedFields | undefined,
): readonly (Omit<Credit, 'groups'> & WithGroups<CreditGroup>)[] {
  return credits.map(({ groups, ...credit }) => ({
    ...credit,
    groups: groups.map((group) => ({ ...shared, ...group }) as CreditGroup),
  }));
}
