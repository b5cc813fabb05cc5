import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { TabularError } from '@tantieme/tabular/tabular-error';

/** A fault of a file or a mapping as a problem of the same code; any other error as it is. */
export function tabularProblem(error: unknown): unknown {
  if (!(error instanceof TabularError)) return error;
  const { code, message, faults } = error;
  return new DomainError(
    code,
    message,
    'invalid',
    faults.map(({ field, reason }) => ({ field, reason })),
  );
}
