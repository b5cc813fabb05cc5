/** What a partner has from day to day, as spans: for lists that ask for a tier, an upline, a plan or an agreement. */
import type { Dated, Partner } from '@tantieme/contracts/partner';

export const TERM_KINDS = ['tier', 'upline', 'plan', 'agreement'] as const;
export type TermKind = (typeof TERM_KINDS)[number];

export interface Term {
  readonly kind: TermKind;
  readonly value: string;
  /** First day. */
  readonly from: string;
  /** First day after; undefined for a span without end. */
  readonly until?: string | undefined;
}

export function termsOf({ tiers, uplines, agreements }: Partner): readonly Term[] {
  return [
    ...spans('tier', tiers),
    ...spans('upline', uplines),
    ...agreements.flatMap(({ id, plan, from, until }): Term[] => [
      { kind: 'plan', value: plan, from, until },
      { kind: 'agreement', value: id, from, until },
    ]),
  ];
}

/** An entry holds until the next one, in order of days. `null` is the absence of an upline. */
function spans(kind: TermKind, entries: readonly Dated<string | null>[]): readonly Term[] {
  return entries.flatMap(({ from, value }, index): Term[] =>
    value === null ? [] : [{ kind, value, from, until: entries[index + 1]?.from }],
  );
}
