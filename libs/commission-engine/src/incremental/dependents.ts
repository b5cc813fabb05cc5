/** Lines that depend on another line of their deal: returns, reserves and releases. */
import { lineKey, originalKey, reservedKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import { heldShareOf, isOfEarning, isRerated, isSale } from '../earn/component-rules.js';
import type { Rules } from '../earn/component-rules.js';
import type { CompiledComponent } from '../plan/compiled.js';
import { bandedReturn, rateAlone, rateRelease, rateReserve, rateReturn } from '../rate/rate.js';
import type { Rated } from '../rate/rate.js';

interface Dependent {
  readonly line: CreditLine;
  readonly basisMinor: bigint;
  readonly rules: Rules;
}

/** What a line's returns, reserves and releases earn, in the given order. */
export function rateDependents(dependents: readonly Dependent[], originalMinor: bigint): readonly Rated[] {
  const earned = new Map<string, bigint>();
  const rated: Rated[] = [];
  dependents.forEach(({ line, basisMinor, rules }, index) => {
    const { plan, component } = rules;
    const { reverses } = line;
    if (reverses === undefined || line.reserves === true) return;
    const one = isOfEarning(component)
      ? rateAlone(plan, component, line, basisMinor)
      : isRerated(component)
        ? bandedReturn(plan, component, reverses, 0n, originalMinor, 're-rate')
        : rateReturn(plan, component, reverses, originalMinor);
    rated[index] = one;
    earned.set(lineKey(line), one.amountMinor);
  });
  let heldMinor = 0n;
  dependents.forEach(({ line, rules }, index) => {
    if (line.reserves !== true) return;
    const reservedMinor = line.reverses === undefined ? originalMinor : (earned.get(reservedKey(line)) ?? 0n);
    const one = rateReserve(rules.plan, heldShareOf(rules, line), reservedMinor);
    rated[index] = one;
    heldMinor -= one.amountMinor;
  });
  dependents.forEach(({ line, rules }, index) => {
    if (line.releases !== undefined) rated[index] = rateRelease(rules.plan, line.releases, heldMinor);
  });
  return rated;
}

/** Key of the line that this one depends on; undefined for a line with a place of its own. */
export function dependsOn(line: CreditLine, component: CompiledComponent): string | undefined {
  if (isSale(line, component)) return undefined;
  const reference = line.reverses ?? line.releases ?? line;
  return originalKey(line, reference);
}
