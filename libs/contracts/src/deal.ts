/**
 * Deals as source systems publish them (`DealFact`, topic `deals.inbound`) and as deal-ingestion publishes them
 * (`Deal`, topic `deals`).
 */

export type DealRole = 'seller' | 'referrer' | 'influencer' | 'servicing' | 'salesperson' | 'buyer';

export interface DealPartner {
  readonly role: DealRole;
  readonly partner: string;
  /** Exact decimal share of the role, for several partners in one role; the shares of a role sum to 1. Default "1". */
  readonly share?: string;
}

/** The unit of crediting. Amounts are decimal text in the deal's currency, with no more decimals than it has. */
export interface DealLine {
  readonly id: string;
  /** From the most to the least specific: what a plan may match on. */
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
  /** By field, the value of the source before the import rounded it. */
  readonly original?: Readonly<Record<string, string>>;
}

/** A term of service. Its months are counted from `start`, so that every day has a month of service. */
export interface Subscription {
  readonly id: string;
  /** First day of the service, `2026-03-01`. */
  readonly start: string;
  /** Whole months, from 1: how long a prepaid term lasts, or a running one is billed for. */
  readonly months: number;
}

export const REGISTRATION_STATUSES = ['pending', 'approved', 'rejected', 'expired'] as const;
export type RegistrationStatus = (typeof REGISTRATION_STATUSES)[number];

/** The status of a deal registration on a span of days. A deal may have several, of one partner or many. */
export interface DealRegistration {
  readonly id: string;
  readonly status: RegistrationStatus;
  /** Id of the partner who registered the deal. */
  readonly holder: string;
  /** First day of the span; when absent, the UTC day of the fact. */
  readonly from?: string;
  /** First day after the span; open when absent. */
  readonly until?: string;
}

/**
 * What a deal is about. It comes with a `booked`, `registered` or (when neither is known) `invoiced` fact; an `amended`
 * one replaces it.
 */
export interface DealTerms {
  /** ISO 4217 code. */
  readonly currency: string;
  readonly lines: readonly DealLine[];
  readonly partners: readonly DealPartner[];
  /** The end customer as a pseudonymous key. */
  readonly customer?: string;
  /** Further facts for plans, as `deal.<name>`: plain text. */
  readonly attributes?: Readonly<Record<string, string>>;
}

interface FactOf<Kind extends string> {
  readonly source: string;
  /** The deal's id in its source; unique together with it. */
  readonly deal: string;
  readonly kind: Kind;
  /** ISO 8601 instant. */
  readonly occurredAt: string;
  /** The highest revision of a fact counts; one without a revision is below all others. */
  readonly revision?: number;
}

export interface ReturnedLine {
  readonly line: string;
  /** The net amount returned, positive decimal text; the whole line when absent. */
  readonly net?: string;
}

/**
 * One fact of a deal with its content. Its identity is source, deal, kind, `id` and `revision`; the same identity with
 * other content is a conflict. An amendment has no id. Without a revision, an amendment or registration is identified
 * by `occurredAt` and the hash of its content.
 */
export type StatedFact =
  | (FactOf<'registered'> & { readonly terms: DealTerms })
  | (FactOf<'booked'> & { readonly terms: DealTerms })
  /**
   * An invoice for the whole deal or (with `lines`) for part of it. It has `terms` if the source only knows the deal by
   * its invoice.
   */
  | (FactOf<'invoiced'> & { readonly id: string; readonly lines?: readonly DealLine[]; readonly terms?: DealTerms })
  /** A payment, with tax, in the deal's currency; negative for a bounced one. */
  | (FactOf<'paid'> & { readonly id: string; readonly amount: string })
  | (FactOf<'sold-through'> & { readonly id: string })
  /**
   * A new revision of the terms. A `correction` (the default) counts at the deal's own date. A `change` counts from its
   * own date: what it adds to each line, or takes from it, is credited then. A new currency is a correction.
   */
  | (FactOf<'amended'> & { readonly as?: 'correction' | 'change'; readonly terms: DealTerms })
  /** A return of the whole deal or (with `lines`) of lines or parts of them. */
  | (FactOf<'returned'> & { readonly id: string; readonly lines?: readonly ReturnedLine[] })
  /** The status of a registration. For each day the highest revision counts. */
  | (FactOf<'registration'> & DealRegistration)
  | FactOf<'cancelled'>;

export type DealFactKind = StatedFact['kind'];

/**
 * Withdraws a fact that was sent by mistake: the deal is as if it had never been sent. It names what identifies the
 * fact, and may come before it. Of a fact with revisions, `true` withdraws its own revision and all below, so that a
 * higher one counts again; `revision` withdraws its own revision alone, so that the one below counts again. Amendments
 * and registrations are always withdrawn one by one: by revision, or by `occurredAt` for those that have none.
 */
export interface WithdrawnFact extends FactOf<DealFactKind> {
  readonly id?: string;
  readonly withdrawn: Withdrawn;
}

export type Withdrawn = true | 'revision';

export type DealFact = StatedFact | WithdrawnFact;

/** A deal, a function of the set of its facts. Lists are in order of time, then id. */
export interface Deal {
  readonly source: string;
  readonly id: string;
  /** Absent while only facts without terms are known (a return that arrived before its deal). */
  readonly terms?: DealTerms;
  readonly registeredAt?: string;
  readonly bookedAt?: string;
  readonly invoices: readonly { readonly id: string; readonly at: string; readonly lines?: readonly DealLine[] }[];
  readonly payments: readonly { readonly id: string; readonly at: string; readonly amount: string }[];
  readonly soldThrough: readonly { readonly id: string; readonly at: string }[];
  readonly returns: readonly { readonly id: string; readonly at: string; readonly lines?: readonly ReturnedLine[] }[];
  readonly cancelledAt?: string;
  /**
   * Registrations in force: spans without overlap, in order of id, then `from`, which each has. Absent if there are
   * none.
   */
  readonly registrations?: readonly DealRegistration[];
  /**
   * Changes in order of time, each with all lines from then on; `terms` are those before them. Absent if there are
   * none.
   */
  readonly changes?: readonly { readonly id: string; readonly at: string; readonly lines: readonly DealLine[] }[];
}
