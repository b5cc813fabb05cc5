/** Builders for facts, with defaults for what a spec does not care about. */
import type { DealFact, DealTerms, WithdrawnFact } from '@tantieme/contracts/deal';
import { normalFact } from './deal-fact.js';
import type { RecordedFact } from './facts-in-force.js';

export const terms = (changes: Partial<DealTerms> = {}): DealTerms => ({
  currency: 'EUR',
  lines: [{ id: '1', category: 'hardware', net: '100.00' }],
  partners: [{ role: 'seller', partner: 'P-1' }],
  ...changes,
});

const head = { source: 'crm', deal: 'D-1' } as const;

export const booked = (changes: Partial<Extract<DealFact, { kind: 'booked' }>> = {}): DealFact => ({
  ...head,
  kind: 'booked',
  occurredAt: '2026-03-05T10:00:00.000Z',
  terms: terms(),
  ...changes,
});

export const amended = (changes: Partial<Extract<DealFact, { kind: 'amended' }>> = {}): DealFact => ({
  ...head,
  kind: 'amended',
  occurredAt: '2026-03-10T10:00:00.000Z',
  terms: terms({ lines: [{ id: '1', net: '120.00' }] }),
  ...changes,
});

export const returned = (changes: Partial<Extract<DealFact, { kind: 'returned' }>> = {}): DealFact => ({
  ...head,
  kind: 'returned',
  id: 'R-1',
  occurredAt: '2026-03-20T10:00:00.000Z',
  ...changes,
});

export const paid = (changes: Partial<Extract<DealFact, { kind: 'paid' }>> = {}): DealFact => ({
  ...head,
  kind: 'paid',
  id: 'PAY-1',
  occurredAt: '2026-03-25T10:00:00.000Z',
  amount: '40',
  ...changes,
});

export const registration = (changes: Partial<Extract<DealFact, { kind: 'registration' }>> = {}): DealFact => ({
  ...head,
  kind: 'registration',
  id: 'REG-1',
  status: 'approved',
  holder: 'P-1',
  occurredAt: '2026-02-20T10:00:00.000Z',
  ...changes,
});

/** The withdrawal of the fact, which repeats its content. */
export const withdrawn = (fact: DealFact, changes: { readonly revision?: number } = {}): WithdrawnFact => ({
  ...fact,
  ...changes,
  withdrawn: true,
});

/** The fact in its normal form, with its text in place of its hash. */
export const recorded = (fact: DealFact): RecordedFact => {
  const normal = normalFact(fact);
  return { fact: normal, hash: JSON.stringify(normal) };
};
