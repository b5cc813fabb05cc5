import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CellFault } from '@tantieme/tabular/cell';

interface Recorded {
  readonly outcome: 'accepted' | 'repeated';
}

interface Rejected {
  readonly outcome: 'conflict' | 'refused';
  readonly refusal: string;
  readonly code: string;
  readonly message: string;
  readonly errors: readonly CellFault[];
}

/** The result of a fact that is recorded. @throws {DomainError} the reasons why it is not */
export function receiptOf<Receipt extends Recorded>(result: Receipt | Rejected): Receipt {
  if (!('refusal' in result)) return result;
  throw new DomainError(
    result.code,
    `${result.message} (stored as refusal ${result.refusal})`,
    result.outcome === 'conflict' ? 'conflict' : 'invalid',
    result.errors.map(({ field, reason }) => ({ field, reason })),
  );
}
