/**
 * A budget that several payees draw on, first come, first served in canonical order. What it granted in closed periods
 * goes before all other claims.
 */
import { formatMinor } from '@tantieme/money/amount';
import { lineKey } from '../credit/credit-line.js';
import type { CreditLine, LinePlace } from '../credit/credit-line.js';
import type { TracedLimit } from '../rate/trace.js';
import type { Rated } from '../rate/rate.js';

/** What a line would earn without the budget. Plain JSON; unique within its deal and payee by `lineKey`. */
export interface BudgetClaim {
  readonly line: ClaimedLine;
  readonly amount: string;
}

export interface ClaimedLine extends LinePlace, Pick<CreditLine, 'planVersion' | 'period'> {}

/** The fields of a credited line that decide its place and period. */
export function claimedLine(line: CreditLine): ClaimedLine {
  const { component, planVersion, occurrence, line: name, at, period, child, month, reverses } = line;
  return {
    component,
    planVersion,
    occurrence,
    line: name,
    at,
    period,
    ...(child === undefined ? {} : { child }),
    ...(month === undefined ? {} : { month }),
    ...(reverses === undefined ? {} : { reverses: { occurrence: reverses.occurrence } }),
  };
}

function isSameClaim(left: BudgetClaim, right: BudgetClaim | undefined): boolean {
  return (
    left.amount === right?.amount &&
    left.line.at === right.line.at &&
    left.line.period === right.line.period &&
    left.line.planVersion === right.line.planVersion &&
    lineKey(left.line) === lineKey(right.line)
  );
}

export function areSameClaims(left: readonly BudgetClaim[], right: readonly BudgetClaim[]): boolean {
  return left.length === right.length && left.every((claim, index) => isSameClaim(claim, right[index]));
}

/** What a budget has granted a line. Plain JSON. */
export interface GrantedLine {
  /** `lineKey` of the line. */
  readonly key: string;
  readonly amount: string;
}

/** A line's claim and grant at the last closing. */
export interface ClosedClaim {
  readonly claimedMinor: bigint;
  readonly grantedMinor: bigint;
}

export interface Claim {
  readonly amountMinor: bigint;
  /** Present for a line of a closed period. */
  readonly closed?: ClosedClaim;
}

/** The part of a closed grant that the line keeps: all of it, unless the line now claims less. */
export function retainedGrantOf({ amountMinor, closed }: Claim): bigint {
  if (closed === undefined) return 0n;
  const { claimedMinor, grantedMinor } = closed;
  return amountMinor < claimedMinor && amountMinor < grantedMinor ? amountMinor : grantedMinor;
}

/** The part of a claim that competes for the rest of the budget: all of it, or its growth since the closing. */
export function openClaimOf({ amountMinor, closed }: Claim): bigint {
  if (closed === undefined) return amountMinor;
  return amountMinor > closed.claimedMinor ? amountMinor - closed.claimedMinor : 0n;
}

/**
 * The position from which open claims are granted.
 * @param endedMinor position at which claims of closed periods ended: beyond the budget where they exceeded it
 * @param retainedMinor sum of the closed grants that lines keep
 * @param withdrawnMinor by how much closed lines now claim less than at their closing
 */
export function openFromMinor(
  budgetMinor: bigint,
  endedMinor: bigint,
  retainedMinor: bigint,
  withdrawnMinor: bigint,
): bigint {
  if (retainedMinor < budgetMinor) return retainedMinor;
  const remainingMinor = endedMinor - withdrawnMinor;
  return remainingMinor > budgetMinor ? remainingMinor : budgetMinor;
}

/** The step of `min(budget, Σ claims)` that a claim makes after earlier ones. A negative claim frees money again. */
export function grantStep(budgetMinor: bigint, beforeMinor: bigint, claimMinor: bigint): bigint {
  const capped = (minor: bigint) => (minor < budgetMinor ? minor : budgetMinor);
  return capped(beforeMinor + claimMinor) - capped(beforeMinor);
}

/** What each claim is granted. @param claims in canonical order */
export function grantBudget(budgetMinor: bigint, claims: readonly Claim[], endedMinor = 0n): readonly bigint[] {
  let retainedMinor = 0n;
  let withdrawnMinor = 0n;
  for (const claim of claims) {
    const { amountMinor, closed } = claim;
    retainedMinor += retainedGrantOf(claim);
    if (closed !== undefined && amountMinor < closed.claimedMinor) withdrawnMinor += closed.claimedMinor - amountMinor;
  }
  let beforeMinor = openFromMinor(budgetMinor, endedMinor, retainedMinor, withdrawnMinor);
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
