/** The mapping document that a request for an import carries: as a header or as a query parameter. */
import { isUtf8 } from 'node:buffer';

import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

export const MAPPING_HEADER = 'X-Import-Mapping';

/**
 * The document with the locale of the request, which replaces its own; undefined where neither is given.
 * @throws {DomainError} `MappingInvalid` for a text that is not a JSON object
 */
export function mappingDocument(request: {
  readonly header: string | undefined;
  readonly query: string | undefined;
  readonly locale: string | undefined;
}): object | undefined {
  const { header, query, locale } = request;
  const text = header === undefined ? query : headerText(header);
  if (text === undefined) return locale === undefined ? undefined : { locale };
  const document = parsed(text, header === undefined ? 'mapping' : MAPPING_HEADER);
  return { ...document, ...omitUndefined({ locale }) };
}

export function mappingProblem(field: string, reason: string): DomainError {
  return new DomainError('MappingInvalid', `the mapping of the columns ${reason}`, 'invalid', [{ field, reason }]);
}

function parsed(text: string, field: string): object {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw mappingProblem(field, `is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw mappingProblem(field, 'must be an object');
  return document;
}

/** Headers arrive as Latin-1; clients that send column names with accents send UTF-8. */
function headerText(header: string): string {
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : header;
}
