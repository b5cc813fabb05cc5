/** Withdrawals of exchange rates and quotas, by the rule for facts of deals: see `WithdrawnFact`. */
import type { Withdrawn } from '@tantieme/contracts/deal';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

interface Revised {
  readonly revision?: number;
}

type Withdrawal<Fact> = Extract<Fact, { readonly withdrawn: Withdrawn }>;

export function isWithdrawal<Fact extends object>(fact: Fact): fact is Withdrawal<Fact> {
  return 'withdrawn' in fact;
}

/** Part of a fact's identity: a withdrawal is a fact beside the one that it names. */
export function withdrawalSuffix(fact: object): string {
  return isWithdrawal<{ readonly withdrawn: Withdrawn } | object>(fact) ? `|${fact.withdrawn}` : '';
}

/**
 * The facts that are not withdrawn.
 * @param keyOf what all revisions of a fact have in common
 */
export function notWithdrawn<Fact extends Revised>(
  facts: Iterable<Fact>,
  keyOf: (fact: Fact) => string,
): readonly Exclude<Fact, Withdrawal<Fact>>[] {
  const stated: Exclude<Fact, Withdrawal<Fact>>[] = [];
  const withdrawnUpTo = new Map<string, number>();
  const withdrawnAlone = new Set<string>();
  for (const fact of facts) {
    if (!isWithdrawal(fact)) stated.push(fact as Exclude<Fact, Withdrawal<Fact>>);
    else if (fact.withdrawn === 'revision') withdrawnAlone.add(`${revisionOf(fact)} ${keyOf(fact)}`);
    else {
      const key = keyOf(fact);
      withdrawnUpTo.set(key, Math.max(withdrawnUpTo.get(key) ?? -1, revisionOf(fact)));
    }
  }
  if (withdrawnUpTo.size === 0 && withdrawnAlone.size === 0) return stated;
  return stated.filter(
    (fact) =>
      !withdrawnAlone.has(`${revisionOf(fact)} ${keyOf(fact)}`) &&
      revisionOf(fact) > (withdrawnUpTo.get(keyOf(fact)) ?? -Infinity),
  );
}

/**
 * Whether a fact is recorded as a file states it, so that withdrawing the file withdraws it.
 * @throws {DomainError} `FactReplaced` where it has other content, or a higher revision counts
 */
export function isRecordedAs<Fact extends Revised>(
  expected: Fact,
  known: ReadonlyMap<string, Fact>,
  identityOf: (fact: Fact) => string,
  keyOf: (fact: Fact) => string,
): boolean {
  const recorded = known.get(identityOf(expected));
  if (recorded === undefined) return false;
  const higher = notWithdrawn(known.values(), keyOf).find(
    (other) => keyOf(other) === keyOf(expected) && revisionOf(other) > revisionOf(expected),
  );
  const differs = canonicalJson(recorded) !== canonicalJson(expected);
  if (!differs && higher === undefined) return true;
  const reason = differs ? 'is recorded with other content' : `is replaced by revision ${higher?.revision}`;
  throw new DomainError('FactReplaced', `the fact ${reason}, and stays`, 'conflict', [{ field: 'revision', reason }]);
}

function revisionOf({ revision = -1 }: Revised): number {
  return revision;
}
