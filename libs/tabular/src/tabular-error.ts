import type { CellFault } from './cell.js';

/**
 * A file that cannot be read, or a mapping that does not fit it. Nothing of a CSV file with such an error is used.
 * Services answer with a problem of the same code.
 */
export class TabularError extends Error {
  constructor(
    readonly code: 'FileUnreadable' | 'MappingInvalid' | 'ColumnsMissing',
    message: string,
    readonly faults: readonly CellFault[],
  ) {
    super(message);
  }
}

export function fileUnreadable(reason: string): TabularError {
  return new TabularError('FileUnreadable', `nothing was imported: ${reason}`, [{ field: 'file', reason }]);
}

/** The mapping with all its faults. */
export function mappingInvalid(faults: readonly CellFault[]): TabularError {
  const named = faults.map(({ field, reason }) => `${field} ${reason}`).join('; ');
  return new TabularError('MappingInvalid', `the mapping is not valid: ${named}`, faults);
}
