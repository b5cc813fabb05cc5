/** Which refusals a recorded fact resolves. */
import { KINDS_WITH_TERMS } from '../deal/deal-fact.js';
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
 * An invalid fact is resolved when the same fact arrives and is right. Two contents of the same fact that disagree about
 * the terms are resolved by an amendment, whose terms replace both.
 */
export function resolutionOf(refusal: OpenRefusal, fact: ArrivedFact): Resolution | undefined {
  if (refusal.source !== fact.source || refusal.deal !== fact.deal) return undefined;
  if (refusal.kind === 'invalid') return refusal.fact === fact.key ? 'recorded' : undefined;
  return kindIn(fact.key) === 'amended' && hasTerms(refusal.fact) ? 'amended' : undefined;
}

function hasTerms(key: string): boolean {
  const kind = kindIn(key);
  return kind === 'invoiced' || [...KINDS_WITH_TERMS].some((known) => known === kind);
}

function kindIn(key: string): string {
  return key.split(/[:@]/, 1)[0] ?? '';
}
