/** A budget that many draw on. */

export interface Claim {
  readonly amountMinor: bigint;
  /** What was granted of it in a period that is closed: it comes before all others. */
  readonly grantedMinor?: bigint;
}

/**
 * What is granted of each claim, in the order given, which is the canonical one: steps of `min(budget, Σ claims)`, so that a
 * claim that is taken back frees its money. Grants of closed periods stay as they are and go first.
 */
export function grantBudget(budgetMinor: bigint, claims: readonly Claim[]): readonly bigint[] {
  const least = (minor: bigint, mostMinor: bigint) => (minor < mostMinor ? minor : mostMinor);
  const spentMinor = claims.reduce((sum, { grantedMinor = 0n }) => sum + grantedMinor, 0n);
  const openMinor = budgetMinor > spentMinor ? budgetMinor - spentMinor : 0n;
  let claimedMinor = 0n;
  return claims.map(({ amountMinor, grantedMinor }) => {
    if (grantedMinor !== undefined) return grantedMinor;
    const beforeMinor = claimedMinor;
    claimedMinor += amountMinor;
    return least(claimedMinor, openMinor) - least(beforeMinor, openMinor);
  });
}
