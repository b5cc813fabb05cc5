import type { Deal } from '@tantieme/contracts/deal';

export const DEAL_STAGES = [
  'withdrawn',
  'incomplete',
  'registered',
  'booked',
  'invoiced',
  'paid',
  'cancelled',
] as const;
/**
 * `withdrawn`: all of its facts were withdrawn. `incomplete`: a fact such as a return arrived before the terms. `paid`: a payment is
 * recorded, of part or of all.
 */
export type DealStage = (typeof DEAL_STAGES)[number];

/** The last stage that the deal has reached. */
export function stageOf(deal: Deal): DealStage {
  const { terms, bookedAt, invoices, payments, soldThrough, returns, registrations = [], cancelledAt } = deal;
  if (cancelledAt !== undefined) return 'cancelled';
  if (terms === undefined) {
    const lists: readonly (readonly unknown[])[] = [invoices, payments, soldThrough, returns, registrations];
    return lists.every(({ length }) => length === 0) ? 'withdrawn' : 'incomplete';
  }
  if (payments.length > 0) return 'paid';
  if (invoices.length > 0) return 'invoiced';
  return bookedAt === undefined ? 'registered' : 'booked';
}
