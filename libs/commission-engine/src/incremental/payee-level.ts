/** Lines of no single deal. */

/** A source has a name: no deal is named so. */
export const PAYEE_LEVEL_PREFIX = '|';

export const PLAN_WIDE = `${PAYEE_LEVEL_PREFIX}*`;

/** True for the name under which lines of no single deal stand. */
export function isPayeeLevel(deal: string): boolean {
  return deal.startsWith(PAYEE_LEVEL_PREFIX);
}
