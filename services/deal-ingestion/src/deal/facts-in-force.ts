/** Which of a deal's recorded facts count: revisions and withdrawals. */
import type { DealFact, StatedFact } from '@tantieme/contracts/deal';
import { isWithdrawal, namedKeyOf, revisedKeyOf } from './deal-fact.js';

/** A fact in its normal form, with the SHA-256 of that form's canonical JSON (lower-case hex). */
export interface RecordedFact {
  readonly fact: DealFact;
  readonly hash: string;
  /** The import that brought it first; absent for a request or a message. */
  readonly import?: string;
}

/** All recorded facts of the deal, by identity. Only `evolve` changes it. */
export type DealState = Map<string, RecordedFact>;

/** A fact with its content, which counts. */
export interface FactInForce {
  readonly fact: StatedFact;
  readonly hash: string;
}

/**
 * The facts that count: the highest revision of each that is not withdrawn alone, unless a withdrawal of that revision
 * or a higher one withdraws it. The revisions of amendments and registrations all count, except those that are
 * withdrawn.
 */
export function factsInForce(facts: Iterable<RecordedFact>): readonly FactInForce[] {
  const withdrawnAlone = new Set<string>();
  const remaining: RecordedFact[] = [];
  for (const one of facts)
    if (isWithdrawalAlone(one.fact)) withdrawnAlone.add(namedKeyOf(one.fact));
    else remaining.push(one);
  const inForce: FactInForce[] = [];
  const highest = new Map<string, RecordedFact>();
  const others: FactInForce[] = [];
  for (const { fact, hash } of remaining) {
    if (!isWithdrawal(fact) && withdrawnAlone.size > 0 && withdrawnAlone.has(namedKeyOf(fact))) continue;
    if (fact.kind === 'amended' || fact.kind === 'registration') {
      if (!isWithdrawal(fact)) others.push({ fact, hash });
      continue;
    }
    const key = revisedKeyOf(fact);
    const before = highest.get(key);
    if (before === undefined || precedence(fact) > precedence(before.fact)) highest.set(key, { fact, hash });
  }
  for (const { fact, hash } of highest.values()) if (!isWithdrawal(fact)) inForce.push({ fact, hash });
  return [...inForce, ...others];
}

/** Withdraws one revision; the one below counts again. */
function isWithdrawalAlone(fact: DealFact): boolean {
  if (!isWithdrawal(fact)) return false;
  return fact.withdrawn === 'revision' || fact.kind === 'amended' || fact.kind === 'registration';
}

/** What undoing an import does to a fact that it brought. */
export type UndoOutcome = 'withdrawn' | 'withdrawn-before' | 'replaced';

/** A fact stays if a higher revision from elsewhere replaced it. Otherwise its revision alone is withdrawn. */
export function undoOf({ fact, import: origin }: RecordedFact, state: DealState): UndoOutcome {
  if (isWithdrawnIn(state, fact)) return 'withdrawn-before';
  const isReplaced = state
    .values()
    .some(
      (other) =>
        !isWithdrawal(other.fact) &&
        other.import !== origin &&
        revisedKeyOf(other.fact) === revisedKeyOf(fact) &&
        (other.fact.revision ?? -1) > (fact.revision ?? -1) &&
        !isWithdrawnIn(state, other.fact),
    );
  return isReplaced ? 'replaced' : 'withdrawn';
}

function isWithdrawnIn(state: DealState, fact: DealFact): boolean {
  return state
    .values()
    .some(
      ({ fact: other }) =>
        isWithdrawal(other) &&
        (isWithdrawalAlone(other)
          ? namedKeyOf(other) === namedKeyOf(fact)
          : revisedKeyOf(other) === revisedKeyOf(fact) && (other.revision ?? -1) >= (fact.revision ?? -1)),
    );
}

/** Of two revisions of a fact the higher one counts; a withdrawal wins over the revision that it names. */
function precedence(fact: DealFact): number {
  return (fact.revision ?? -1) * 2 + (isWithdrawal(fact) ? 1 : 0);
}
