/** A partner as partner-registry holds it (topic `partners`): every effective-dated fact, so that any date can be asked. */

export const CHANNEL_TYPES = ['retail', 'e-commerce', 'wholesale', 'distributor', 'direct'] as const;
export type ChannelType = (typeof CHANNEL_TYPES)[number];

/** Valid from that day on, until the next entry of the same list; days are ISO dates (`2026-03-01`). */
export interface Dated<Value> {
  readonly from: string;
  readonly value: Value;
}

/** A partner takes part in a plan from a day to the day before `until` (open if left out). Spans of one plan do not overlap. */
export interface Agreement {
  readonly id: string;
  readonly plan: string;
  readonly from: string;
  readonly until?: string;
}

/** What people of a partner, or the partner itself, are certified in: from a day to the day before `until` (open if left out). */
export interface Certification {
  /** Of the certificate: said again under it, it is replaced. */
  readonly id: string;
  /** What it certifies, as plans name it: `security-pro`. */
  readonly certification: string;
  readonly from: string;
  readonly until?: string;
  /** How many people hold it; 1 if left out. On a day those of all certificates in force add up. */
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
  /** In order of `from`, then id; left out where there are none. */
  readonly certifications?: readonly Certification[];
}
