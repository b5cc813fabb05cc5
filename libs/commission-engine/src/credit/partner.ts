/** A partner as of a day. */
export interface PartnerAsOf {
  readonly id: string;
  readonly channel: string;
  readonly country: string;
  readonly tier: string | null;
  readonly upline: string | null;
  /** Plans that the partner has agreed to, in force on that day. */
  readonly plans: readonly string[];
  /** Agreements that had ended by that day, the last of each plan; `until` is the first day without. */
  readonly ended?: readonly { readonly plan: string; readonly until: string }[];
  /** How many people hold which certification. */
  readonly certifications?: Readonly<Record<string, number>>;
}
