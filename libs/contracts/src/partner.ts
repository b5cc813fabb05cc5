/** A partner as partner-registry publishes it (topic `partners`), with every effective-dated fact, past and future. */

export const CHANNEL_TYPES = ['retail', 'e-commerce', 'wholesale', 'distributor', 'direct'] as const;
export type ChannelType = (typeof CHANNEL_TYPES)[number];

/** Valid from a day (`2026-03-01`) until the next entry of the same list. */
export interface Dated<Value> {
  readonly from: string;
  readonly value: Value;
}

/**
 * A partner takes part in a plan from a day to the day before `until` (open when absent). Spans of one plan do not
 * overlap.
 */
export interface Agreement {
  readonly id: string;
  readonly plan: string;
  readonly from: string;
  readonly until?: string;
}

/** A certificate of a partner or of its people, from a day to the day before `until` (open when absent). */
export interface Certification {
  /** Id of the certificate. The same id again replaces it. */
  readonly id: string;
  /** The name that plans use for it: `security-pro`. */
  readonly certification: string;
  readonly from: string;
  readonly until?: string;
  /** How many people hold it; 1 when absent. The counts of all certificates in force on a day add up. */
  readonly count?: number;
}

export interface Partner {
  readonly id: string;
  readonly name: string;
  readonly channel: ChannelType;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** In order of `from`. */
  readonly tiers: readonly Dated<string>[];
  /** The partner above, `null` for none, in order of `from`. */
  readonly uplines: readonly Dated<string | null>[];
  readonly agreements: readonly Agreement[];
  /** In order of `from`, then id; absent if there are none. */
  readonly certifications?: readonly Certification[];
}
