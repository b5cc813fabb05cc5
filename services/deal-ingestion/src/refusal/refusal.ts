/** What was not accepted, kept aside with the reason: a stream for each content, so that sending it again adds nothing. */
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import type { FieldReason } from '../deal/deal-fact.js';

/** `invalid`: it is no fact (quarantine). `conflict`: another content is known for the same fact. */
export type RefusalKind = 'invalid' | 'conflict';

export interface RefuseFact {
  readonly kind: RefusalKind;
  /** What came in, as text; cut where it is very long. */
  readonly raw: string;
  readonly errors: readonly FieldReason[];
  /** Of which deal, as far as it can be told. */
  readonly source?: string;
  readonly deal?: string;
  /** ISO 8601 instant at which it came in: its own time may be what is wrong with it. */
  readonly at: string;
}

export interface FactRefused {
  readonly type: 'FactRefused';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: Omit<RefuseFact, 'at'>;
}

export type RefusalState = 'unknown' | 'refused';

export const refusalDecider: Decider<RefusalState, RefuseFact, FactRefused> = {
  category: 'refusal',
  initialState: () => 'unknown',
  decide({ at, ...refused }, state) {
    return state === 'refused' ? [] : [{ type: 'FactRefused', version: 1, occurredAt: at, data: refused }];
  },
  evolve: () => 'refused',
  commandOf: ({ occurredAt, data }) => ({ ...data, at: occurredAt }),
  sizeOf: () => 64,
};

/** @param hash SHA-256 of kind and content: see `content-hash.ts` */
export function refusalStream(hash: string): string {
  return `refusal-${hash}`;
}
