/**
 * A deal as the engine reads it. It has the structure of the integration events' `Deal`: the type checker compares the
 * two wherever one is passed as the other.
 */

/** The event in a deal's life with which a component credits it. */
export type Trigger = 'booked' | 'invoiced' | 'paid' | 'sold-through';

export type DealRole = 'seller' | 'referrer' | 'influencer' | 'servicing' | 'salesperson' | 'buyer';

export interface DealPartner {
  readonly role: DealRole;
  readonly partner: string;
  /** Exact share of the role, `0.5` or `1/3`; the shares of a role sum to 1. Default: 1. */
  readonly share?: string;
}

/** Amounts are decimal text in the deal's currency. */
export interface DealLine {
  readonly id: string;
  readonly product?: string;
  readonly category?: string;
  readonly family?: string;
  readonly variant?: string;
  readonly subscription?: Subscription;
  /** Exact decimal. */
  readonly quantity?: string;
  readonly net: string;
  readonly gross?: string;
  readonly cost?: string;
}

/** A term of service that a line pays for. */
export interface Subscription {
  readonly id: string;
  /** First day of the service, `2026-01-15`; months of service are counted from it. */
  readonly start: string;
  /** Months that the line pays for, from 1. */
  readonly months: number;
}

export interface DealTerms {
  /** ISO 4217 code. */
  readonly currency: string;
  readonly lines: readonly DealLine[];
  readonly partners: readonly DealPartner[];
  /** The end customer as a pseudonymous key. */
  readonly customer?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface ReturnedLine {
  readonly line: string;
  /** Net amount returned, positive decimal text. Default: the whole line. */
  readonly net?: string;
}

export interface DealReturn {
  readonly id: string;
  readonly at: string;
  /** Default: all lines of the deal. */
  readonly lines?: readonly ReturnedLine[];
}

/** A partner's registration of a deal, in force from day `from` to the day before `until`. */
export interface DealRegistration {
  readonly id: string;
  readonly status: 'pending' | 'approved' | 'rejected' | 'expired';
  /** Partner who registered the deal. */
  readonly holder: string;
  readonly from?: string;
  readonly until?: string;
}

/** All lines of a deal as they are from `at` on. */
export interface DealChange {
  readonly id: string;
  readonly at: string;
  readonly lines: readonly DealLine[];
}

/** Instants are ISO 8601 text. */
export interface Deal {
  readonly source: string;
  readonly id: string;
  /** Absent while only facts without terms have arrived, such as a return before its deal. */
  readonly terms?: DealTerms;
  readonly registeredAt?: string;
  readonly bookedAt?: string;
  readonly invoices: readonly { readonly id: string; readonly at: string; readonly lines?: readonly DealLine[] }[];
  readonly payments: readonly { readonly id: string; readonly at: string; readonly amount: string }[];
  readonly soldThrough: readonly { readonly id: string; readonly at: string }[];
  readonly returns: readonly DealReturn[];
  readonly cancelledAt?: string;
  readonly registrations?: readonly DealRegistration[];
  /** Amendments that count from their own date, in order of time; `terms` holds the lines before the first of them. */
  readonly changes?: readonly DealChange[];
}

/** `source|id`: the deal's identity as one text. */
export function dealKey(deal: { readonly source: string; readonly id: string }): string {
  return `${deal.source}|${deal.id}`;
}
