import type { PartnerChange } from './partner.js';
import type { UplinesOf } from './upline.js';

type WithoutAbove<Change> = Change extends { readonly above: UplinesOf } ? Omit<Change, 'above'> : Change;

/** A change as it is requested, before the uplines above are looked up. */
export type RequestedChange = WithoutAbove<PartnerChange>;
