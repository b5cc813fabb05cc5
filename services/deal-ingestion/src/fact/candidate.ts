/** A fact on its way in, whether an import, a request or a message brings it, and its outcome. */
import type { CellFault, CellPlace } from '@tantieme/tabular/cell';

/** One fact as it arrived, not checked yet. */
export interface Candidate {
  /** Absent where `errors` say why there is none. */
  readonly fact?: unknown;
  readonly errors?: readonly CellFault[];
  /** What is stored if the fact is refused: depends on its content alone. Called only then. */
  readonly raw: () => string;
  /** Fields of the fact that can be read although there is none: source, deal, kind, id, revision, occurredAt. */
  readonly head?: object;
  /** Rows of the file that make the fact, in order; the first row of the file is 1. */
  readonly rows?: readonly number[];
  /** The cell that a field of the fact comes from. */
  readonly placeOf?: (field: string) => CellPlace | undefined;
}

export type Outcome = 'accepted' | 'repeated' | 'conflict' | 'refused';

/** Records or judges facts in batches; the outcomes are in their order. It returns when their effect is stored. */
export type FactSink = (batch: readonly Candidate[]) => Promise<readonly { readonly outcome: Outcome }[]>;
