/** A partner as of a day. */
export interface PartnerAsOf {
  readonly id: string;
  readonly channel: string;
  readonly country: string;
  readonly tier: string | null;
  readonly upline: string | null;
  /** Plans under which the partner has an agreement in force on that day. */
  readonly plans: readonly string[];
  /** Agreements that ended by that day, the last of each plan; `until` is the first day without it. */
  readonly ended?: readonly { readonly plan: string; readonly until: string }[];
  /** Number of the partner's people who hold each certification. */
  readonly certifications?: Readonly<Record<string, number>>;
}
