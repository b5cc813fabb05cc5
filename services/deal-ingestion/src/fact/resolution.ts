/** Which refusals a recorded fact resolves. */
import { KINDS_WITH_TERMS, withdrawalKeyOf } from '../deal/deal-fact.js';
import type { RefusalKind, Resolution } from '../refusal/refusal.js';

export interface OpenRefusal {
  readonly kind: RefusalKind;
  readonly source: string;
  readonly deal: string;
  /** Which fact of the deal was refused: see `factKeyOf`. */
  readonly fact: string;
}

/** A fact that is recorded, now or before. */
export interface ArrivedFact {
  readonly source: string;
  readonly deal: string;
  readonly key: string;
}

/**
 * An invalid fact is resolved when the same fact arrives and is right; two contents of one fact that disagree, when a
 * higher revision replaces both, or an amendment replaces their terms. Either is resolved when the fact is withdrawn.
 */
export function resolutionOf(refusal: OpenRefusal, fact: ArrivedFact): Resolution | undefined {
  if (refusal.source !== fact.source || refusal.deal !== fact.deal) return undefined;
  if (fact.key === withdrawalKeyOf(refusal.fact, true) || fact.key === withdrawalKeyOf(refusal.fact, 'revision'))
    return 'withdrawn';
  if (refusal.kind === 'invalid') return refusal.fact === fact.key ? 'recorded' : undefined;
  if (isHigherRevision(fact.key, refusal.fact)) return 'revised';
  return kindIn(fact.key) === 'amended' && hasTerms(refusal.fact) ? 'amended' : undefined;
}

/** `returned:R-1|3` is one of `returned:R-1|2` and of `returned:R-1`. */
function isHigherRevision(key: string, other: string): boolean {
  const [fact, revision] = key.split('|');
  const [otherFact, otherRevision = '-1'] = other.split('|');
  return fact === otherFact && Number(revision) > Number(otherRevision);
}

function hasTerms(key: string): boolean {
  const kind = kindIn(key);
  return kind === 'invoiced' || [...KINDS_WITH_TERMS].some((known) => known === kind);
}

function kindIn(key: string): string {
  return key.split(/[:@]/, 1)[0] ?? '';
}
