/**
 * A deal as the engine reads it: structurally the `Deal` of the integration events (the engine may not import those; the
 * type checker keeps the two in step where one is passed as the other).
 */

/** What of a deal makes a component count it. */
export type Trigger = 'booked' | 'invoiced' | 'paid' | 'sold-through';

export type DealRole = 'seller' | 'referrer' | 'influencer' | 'servicing' | 'salesperson' | 'buyer';

export interface DealPartner {
  readonly role: DealRole;
  readonly partner: string;
  /** Exact decimal share of the role; the shares of a role sum to 1. Default "1". */
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
  /** Day on which the service began, `2026-01-15`: months of service are counted from it. */
  readonly start: string;
  /** Months that the line pays for. */
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
  /** The net amount that comes back, positive decimal text; the whole line if left out. */
  readonly net?: string;
}

export interface DealReturn {
  readonly id: string;
  readonly at: string;
  /** The whole deal if left out. */
  readonly lines?: readonly ReturnedLine[];
}

/** A deal that a partner has registered, in force on days from `from` to before `until`. */
export interface DealRegistration {
  readonly id: string;
  readonly status: 'pending' | 'approved' | 'rejected' | 'expired';
  /** The partner who holds it. */
  readonly holder: string;
  readonly from?: string;
  readonly until?: string;
}

/** The lines of a deal, all of them, as they are from a moment on. */
export interface DealChange {
  readonly id: string;
  readonly at: string;
  readonly lines: readonly DealLine[];
}

/** Instants are ISO 8601 texts. */
export interface Deal {
  readonly source: string;
  readonly id: string;
  /** Undefined while only facts without terms are known (a return that came before its deal). */
  readonly terms?: DealTerms;
  readonly registeredAt?: string;
  readonly bookedAt?: string;
  readonly invoices: readonly { readonly id: string; readonly at: string; readonly lines?: readonly DealLine[] }[];
  readonly payments: readonly { readonly id: string; readonly at: string; readonly amount: string }[];
  readonly soldThrough: readonly { readonly id: string; readonly at: string }[];
  readonly returns: readonly DealReturn[];
  readonly cancelledAt?: string;
  readonly registrations?: readonly DealRegistration[];
  /** Amendments that count from their own date, in order of time; `terms` are those from before them. */
  readonly changes?: readonly DealChange[];
}

/** `source|id`: how a deal is named wherever one text has to do. */
export function dealKey(deal: { readonly source: string; readonly id: string }): string {
  return `${deal.source}|${deal.id}`;
}
