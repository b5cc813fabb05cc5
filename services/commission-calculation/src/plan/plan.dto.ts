/** What the routes for plan documents take: the document itself, YAML or JSON, or JSON that holds its text. */
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

/** For OpenAPI. The schema of the document itself is the engine's `schemas/plan.v1.json`. */
export const PLAN_DOCUMENT = {
  type: 'object',
  description: 'the plan document, YAML or JSON; or JSON with its text: { "document": "plan: …" }',
};

/**
 * The text of the plan document in a body that comes as text.
 * @throws {DomainError} `RequestInvalid`
 */
export function planTextOf(body: unknown): string {
  if (typeof body !== 'string' || body.trim() === '')
    throw invalid('document', 'is missing: the body is to be a plan document');
  const { document, ...others } = wrapperOf(body) ?? { document: body };
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(other, 'should not be beside the text of a document');
  return document;
}

/** JSON with a text under `document`, which no plan has. */
function wrapperOf(body: string): { readonly document: string } | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isWrapper(value) ? value : undefined;
  } catch {
    // YAML, or JSON with a mistake, of which the reader of plans knows the place.
    return undefined;
  }
}

function isWrapper(value: unknown): value is { readonly document: string } {
  return typeof value === 'object' && value !== null && 'document' in value && typeof value.document === 'string';
}

function invalid(field: string, reason: string): DomainError {
  return new DomainError('RequestInvalid', 'this is no body with a plan document', 'invalid', [{ field, reason }]);
}
