/** What an import, a request or a message brings, and what becomes of it. */
import type { FieldReason } from '../deal/deal-fact.js';

/** One fact as it came in, not checked yet. */
export interface Candidate {
  /** Missing where `errors` say already why there is none. */
  readonly fact?: unknown;
  readonly errors?: readonly FieldReason[];
  /** What is kept of it where it is refused: a text that depends on its content alone. Asked for then only. */
  readonly raw: () => string;
  /** Of which deal, as far as it can be told without the fact. */
  readonly source?: string;
  readonly deal?: string;
}

export type Outcome = 'accepted' | 'repeated' | 'conflict' | 'refused';

/** Takes facts in batches; it returns when their effect is stored. */
export type FactSink = (batch: readonly Candidate[]) => Promise<readonly { readonly outcome: Outcome }[]>;

/** Facts a batch: large enough for one transaction to carry its cost, small enough to stay in memory. */
export const BATCH_FACTS = 1000;
