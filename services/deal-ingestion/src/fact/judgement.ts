/** Judges a candidate by itself: a valid fact in its normal form, or the reasons why it is none. */
import type { DealFact } from '@tantieme/contracts/deal';
import { check } from '@tantieme/contracts/check';
import { isId } from '@tantieme/contracts/ids';
import { NotCanonical } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { faultOf } from '@tantieme/tabular/cell';
import type { CellFault } from '@tantieme/tabular/cell';
import { contentHash } from '../deal/content-hash.js';
import { FACT_CONFLICT } from '../deal/deal.js';
import type { RecordedFact } from '../deal/facts-in-force.js';
import { normalFact, readableFactKey } from '../deal/deal-fact.js';
import type { RefusalKind } from '../refusal/refusal.js';
import type { Candidate } from './candidate.js';
import { ERRORS_MAX } from '../limits.js';

/** Why a fact is not recorded. */
export interface Rejection {
  readonly kind: RefusalKind;
  readonly code: string;
  readonly message: string;
  readonly errors: readonly CellFault[];
}

export function judge({ fact, errors }: Candidate): RecordedFact | Rejection {
  if (errors !== undefined && errors.length > 0) return invalid(errors);
  const faults = check('deal-fact', fact);
  if (faults.length > 0) return invalid(faults);
  if (!isDealFact(fact, faults)) return invalid([{ field: '', reason: 'is not a fact of a deal' }]);
  try {
    const normal = normalFact(fact);
    return { fact: normal, hash: contentHash(normal) };
  } catch (error) {
    if (error instanceof DomainError) return rejectionOf(error);
    if (error instanceof NotCanonical) return invalid([{ field: dotted(error.path.slice(1)), reason: error.reason }]);
    throw error;
  }
}

/** A value that its schema accepts has the type that the schema describes. */
function isDealFact(value: unknown, faults: readonly unknown[]): value is DealFact {
  return faults.length === 0 && typeof value === 'object';
}

function dotted(path: string): string {
  return path.replaceAll('/', '.');
}

function invalid(errors: readonly CellFault[]): Rejection {
  return rejection('invalid', 'FactInvalid', 'the fact is not valid', errors);
}

export function rejectionOf({ code, message, fields }: DomainError): Rejection {
  const errors = fields.map(({ field, reason }) => ({ field, reason }));
  return code === FACT_CONFLICT
    ? rejection('conflict', code, message, errors)
    : rejection('invalid', code, message, errors.length > 0 ? errors : [{ field: '', reason: message }]);
}

function rejection(kind: RefusalKind, code: string, message: string, errors: readonly CellFault[]): Rejection {
  const kept = errors
    .slice(0, ERRORS_MAX)
    .map((error) => ({ ...error, field: error.field.toWellFormed(), reason: error.reason.toWellFormed() }));
  const more = errors.length - ERRORS_MAX;
  if (more > 0) kept.push({ field: '', reason: `has ${more} more faults, which are not listed` });
  return { kind, code, message: message.toWellFormed(), errors: kept };
}

/** Adds to the reasons the cells that their fields come from. */
export function located({ placeOf, rows }: Candidate, errors: readonly CellFault[]): readonly CellFault[] {
  return errors.map((error) => {
    if (error.row !== undefined) return error;
    const place = placeOf?.(error.field);
    if (place !== undefined) return faultOf(error.field, error.reason, place);
    const row = rows?.[0];
    return row === undefined ? error : { ...error, row };
  });
}

/** Which deal a refused fact belongs to, and which fact of it, as far as it can be read. */
export function identityIn(candidate: Candidate): {
  readonly source?: string | undefined;
  readonly deal?: string | undefined;
  readonly fact?: string | undefined;
} {
  const head: unknown = candidate.head ?? candidate.fact;
  return { source: readableText(head, 'source'), deal: readableText(head, 'deal'), fact: readableFactKey(head) };
}

function readableText(head: unknown, name: string): string | undefined {
  if (typeof head !== 'object' || head === null) return undefined;
  const text: unknown = new Map<string, unknown>(Object.entries(head)).get(name);
  return typeof text === 'string' && isId(text) ? text : undefined;
}
