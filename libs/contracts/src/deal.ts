/** Deals as source systems say them (`DealFact`, topic `deals.inbound`) and as deal-ingestion holds them (`Deal`, topic `deals`). */

export type DealRole = 'seller' | 'referrer' | 'influencer' | 'servicing' | 'salesperson' | 'buyer';

export interface DealPartner {
  readonly role: DealRole;
  readonly partner: string;
  /** Exact decimal share of the role, where several sell together; the shares of a role sum to 1. Default "1". */
  readonly share?: string;
}

/** The unit of crediting. Amounts are decimal text in the deal's currency, with no more decimals than it has. */
export interface DealLine {
  readonly id: string;
  /** From the most to the least specific: what a plan may ask of a line. */
  readonly variant?: string;
  readonly product?: string;
  readonly family?: string;
  readonly category?: string;
  /** Exact decimal. */
  readonly quantity?: string;
  readonly net: string;
  readonly gross?: string;
  readonly cost?: string;
  /** The term of service that the line sells or bills. */
  readonly subscription?: Subscription;
  /** What the source said where the import's mapping rounded it: by field. */
  readonly original?: Readonly<Record<string, string>>;
}

/** A term of service: its months are counted from `start`, so that the month of service is known of any day. */
export interface Subscription {
  readonly id: string;
  /** First day of the service, `2026-03-01`. */
  readonly start: string;
  /** Whole months, from 1: how long a prepaid term lasts, or a running one is billed for. */
  readonly months: number;
}

export const REGISTRATION_STATUSES = ['pending', 'approved', 'rejected', 'expired'] as const;
export type RegistrationStatus = (typeof REGISTRATION_STATUSES)[number];

/** What is said of a registration of a deal, and of which days. A deal may have several, of one partner or many. */
export interface DealRegistration {
  readonly id: string;
  readonly status: RegistrationStatus;
  /** Id of the partner who registered the deal. */
  readonly holder: string;
  /** First day that it is said of; the day (of UTC) on which it happened if left out. */
  readonly from?: string;
  /** First day that it is no longer said of; open if left out. */
  readonly until?: string;
}

/** What a deal is about. A `booked`, `registered` or (where neither is known) `invoiced` fact carries it; an `amended` one replaces it. */
export interface DealTerms {
  /** ISO 4217 code. */
  readonly currency: string;
  readonly lines: readonly DealLine[];
  readonly partners: readonly DealPartner[];
  /** The end customer as a pseudonymous key. */
  readonly customer?: string;
  /** Further facts that plans ask about as `deal.<name>`: plain text. */
  readonly attributes?: Readonly<Record<string, string>>;
}

interface FactOf<Kind extends string> {
  readonly source: string;
  /** The deal's id in its source; unique together with it. */
  readonly deal: string;
  readonly kind: Kind;
  /** ISO 8601 instant. */
  readonly occurredAt: string;
}

export interface ReturnedLine {
  readonly line: string;
  /** The net amount that comes back, positive decimal text; the whole line if left out. */
  readonly net?: string;
}

/**
 * One fact of a deal. Its identity is source, deal, kind and `id` (an amendment: `revision`, else `occurredAt` and the hash of its content; a
 * registration: both, as what is said of one may be said anew):
 * the same identity with other content is a conflict.
 */
export type DealFact =
  | (FactOf<'registered'> & { readonly terms: DealTerms })
  | (FactOf<'booked'> & { readonly terms: DealTerms })
  /** An invoice: of the whole deal, or (with `lines`) of part of it. `terms` where the deal comes with its invoice. */
  | (FactOf<'invoiced'> & { readonly id: string; readonly lines?: readonly DealLine[]; readonly terms?: DealTerms })
  /** A payment, with tax, in the deal's currency; negative where one has bounced. */
  | (FactOf<'paid'> & { readonly id: string; readonly amount: string })
  | (FactOf<'sold-through'> & { readonly id: string })
  /**
   * A new revision of the terms. A `correction` (the default) counts at the deal's own date, a `change` from its own: what it adds
   * to each line, or takes from it, is credited then. A change of the currency is a correction.
   */
  | (FactOf<'amended'> & {
      readonly revision?: number;
      readonly as?: 'correction' | 'change';
      readonly terms: DealTerms;
    })
  /** What came back: the whole deal, or (with `lines`) lines or amounts of them. */
  | (FactOf<'returned'> & { readonly id: string; readonly lines?: readonly ReturnedLine[] })
  /** What is said of a registration. Of what is said of one day the highest revision counts; one without is below all that have one. */
  | (FactOf<'registration'> & DealRegistration & { readonly revision?: number })
  | FactOf<'cancelled'>;

export type DealFactKind = DealFact['kind'];

/** A deal: a function of the set of its facts. Lists are in order of time, then id. */
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
  readonly returns: readonly { readonly id: string; readonly at: string; readonly lines?: readonly ReturnedLine[] }[];
  readonly cancelledAt?: string;
  /** What is in force of registrations: spans that do not overlap, in order of id, then `from`, which each has. Left out where there are none. */
  readonly registrations?: readonly DealRegistration[];
  /** Amendments that count from their own date, in order of time, each with all lines from then on; `terms` are from before them. Left out where there are none. */
  readonly changes?: readonly { readonly id: string; readonly at: string; readonly lines: readonly DealLine[] }[];
}
