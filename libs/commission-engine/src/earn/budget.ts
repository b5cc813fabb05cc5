/** A budget that many draw on, first come, first served: in canonical order, what closed periods granted before all others. */
import { formatMinor } from '@tantieme/money/amount';
import { lineKey } from '../credit/credit-line.js';
import type { CreditLine, LinePlace } from '../credit/credit-line.js';
import type { TracedLimit } from '../rate/trace.js';
import type { Rated } from '../rate/rate.js';

/** What a line would earn if the budget had no end; plain JSON. Unique in its deal and payee by `lineKey`. */
export interface BudgetClaim {
  readonly line: ClaimedLine;
  readonly amount: string;
}

export interface ClaimedLine extends LinePlace, Pick<CreditLine, 'planHash' | 'period'> {}

/** What of a credited line its place and period depend on. */
export function claimedLine(line: CreditLine): ClaimedLine {
  const { component, planHash, occurrence, line: name, at, period, child, month, reverses } = line;
  return {
    component,
    planHash,
    occurrence,
    line: name,
    at,
    period,
    ...(child === undefined ? {} : { child }),
    ...(month === undefined ? {} : { month }),
    ...(reverses === undefined ? {} : { reverses: { occurrence: reverses.occurrence } }),
  };
}

/** Whether two claims on one line say the same. */
function isSameClaim(left: BudgetClaim, right: BudgetClaim | undefined): boolean {
  return (
    left.amount === right?.amount &&
    left.line.at === right.line.at &&
    left.line.period === right.line.period &&
    left.line.planHash === right.line.planHash &&
    lineKey(left.line) === lineKey(right.line)
  );
}

export function areSameClaims(left: readonly BudgetClaim[], right: readonly BudgetClaim[]): boolean {
  return left.length === right.length && left.every((claim, index) => isSameClaim(claim, right[index]));
}

/** What a budget has granted of a line; plain JSON. */
export interface GrantedLine {
  /** `lineKey` of the line. */
  readonly key: string;
  readonly amount: string;
}

/** As the last closing left it. */
export interface ClosedClaim {
  readonly claimedMinor: bigint;
  readonly grantedMinor: bigint;
}

export interface Claim {
  readonly amountMinor: bigint;
  /** Of a line of a closed period. */
  readonly closed?: ClosedClaim;
}

/** What the closed grant of a line still is: it stays, but for what is not claimed any more. */
export function retainedGrantOf({ amountMinor, closed }: Claim): bigint {
  if (closed === undefined) return 0n;
  const { claimedMinor, grantedMinor } = closed;
  return amountMinor < claimedMinor && amountMinor < grantedMinor ? amountMinor : grantedMinor;
}

/** What of a line stands in line for the rest of the budget: all of it, or how far it has grown since it was closed. */
export function openClaimOf({ amountMinor, closed }: Claim): bigint {
  if (closed === undefined) return amountMinor;
  return amountMinor > closed.claimedMinor ? amountMinor - closed.claimedMinor : 0n;
}

/**
 * Where the steps of open claims begin.
 * @param endedMinor where those of closed periods ended: beyond the budget where more was claimed than granted.
 * @param keptMinor what is left of closed grants.
 * @param lostMinor what is claimed less of closed lines than when they were closed.
 */
export function openFromMinor(budgetMinor: bigint, endedMinor: bigint, keptMinor: bigint, lostMinor: bigint): bigint {
  if (keptMinor < budgetMinor) return keptMinor;
  const leftMinor = endedMinor - lostMinor;
  return leftMinor > budgetMinor ? leftMinor : budgetMinor;
}

/** The step of `min(budget, Σ claims)` that a claim makes after others: one that is taken back frees its money. */
export function grantStep(budgetMinor: bigint, beforeMinor: bigint, claimMinor: bigint): bigint {
  const least = (minor: bigint) => (minor < budgetMinor ? minor : budgetMinor);
  return least(beforeMinor + claimMinor) - least(beforeMinor);
}

/** What is granted of each claim, in the order given, which is the canonical one. */
export function grantBudget(budgetMinor: bigint, claims: readonly Claim[], endedMinor = 0n): readonly bigint[] {
  let keptMinor = 0n;
  let lostMinor = 0n;
  for (const claim of claims) {
    const { amountMinor, closed } = claim;
    keptMinor += retainedGrantOf(claim);
    if (closed !== undefined && amountMinor < closed.claimedMinor) lostMinor += closed.claimedMinor - amountMinor;
  }
  let beforeMinor = openFromMinor(budgetMinor, endedMinor, keptMinor, lostMinor);
  return claims.map((claim) => {
    const claimMinor = openClaimOf(claim);
    const grantedMinor = retainedGrantOf(claim) + grantStep(budgetMinor, beforeMinor, claimMinor);
    beforeMinor += claimMinor;
    return grantedMinor;
  });
}

/** The line's earning as far as the budget grants it. */
export function grantedOf(rated: Rated, grantedMinor: bigint, budgetMinor: bigint, decimals: number): Rated {
  if (grantedMinor === rated.amountMinor) return rated;
  const [cap = '', earned = ''] = [budgetMinor, rated.amountMinor].map((minor) => formatMinor(minor, decimals));
  const limit: TracedLimit = { per: 'budget', cap, before: '', earned };
  return { amountMinor: grantedMinor, trace: () => ({ ...rated.trace(), limit }) };
}
