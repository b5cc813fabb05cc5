import type { Deal } from '@tantieme/contracts/deal';

export const DEAL_STAGES = ['incomplete', 'registered', 'booked', 'invoiced', 'paid', 'cancelled'] as const;
/** `incomplete`: a fact such as a return arrived before the terms. `paid`: a payment is recorded, of part or of all. */
export type DealStage = (typeof DEAL_STAGES)[number];

/** The last stage that the deal has reached. */
export function stageOf({ terms, bookedAt, invoices, payments, cancelledAt }: Deal): DealStage {
  if (cancelledAt !== undefined) return 'cancelled';
  if (terms === undefined) return 'incomplete';
  if (payments.length > 0) return 'paid';
  if (invoices.length > 0) return 'invoiced';
  return bookedAt === undefined ? 'registered' : 'booked';
}
