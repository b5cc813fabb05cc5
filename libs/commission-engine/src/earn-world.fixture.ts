/** A world that credits and earns stream by stream as the services do: earnings of children go on to those above. */
import type { Account } from './account.js';
import { creditDeal } from './credit.js';
import type { CreditLookup } from './credit.js';
import { lineKey } from './credit-line.js';
import type { CreditLine } from './credit-line.js';
import { formatMinor } from '@tantieme/money/amount';
import { dealKey } from './deal.js';
import type { Deal } from './deal.js';
import { applyChange } from './apply-change.js';
import { planAccount, planCredit } from './earn.js';
import { createEarnState, isAccountDeal } from './earn-state.js';
import { linesOfDeal } from './earned-lines.js';
import type { PlanByHash } from './component-earnings.js';
import type { Change } from './earn.js';
import type { ChildEarning, EarnState } from './earn-state.js';
import type { CompiledPlan } from './plan.js';

export interface EarnWorld {
  readonly states: ReadonlyMap<string, EarnState>;
  /** @returns what changed, by payee, in order */
  take(deal: Deal): readonly { readonly payee: string; readonly change: Change }[];
  know(payee: string, account: Account): void;
}

/** Sees a change before it is applied, and applies it. */
export type Watch = (state: EarnState, change: Change, apply: () => void) => void;

export function earnWorldOf(
  plan: CompiledPlan,
  lookup: CreditLookup,
  plans: PlanByHash,
  watch: Watch = (_state, _change, apply) => apply(),
): EarnWorld {
  const versions = [{ effectiveFrom: '2000-01-01', plan }];
  const states = new Map<string, EarnState>();
  /** Deal → payee → lines, as credited last. */
  const credited = new Map<string, ReadonlyMap<string, readonly CreditLine[]>>();
  const overriding = new Set(
    plan.components.flatMap(({ id, credit }) => (credit.kind === 'override' && credit.of === 'earning' ? [id] : [])),
  );
  const stateOf = (payee: string): EarnState => {
    let state = states.get(payee);
    if (state === undefined) states.set(payee, (state = createEarnState()));
    return state;
  };
  const apply = (payee: string, change: Change): void => {
    const { deal, lines, rated, account, children } = change;
    const stored = JSON.stringify({ deal, lines, rated, account, ...(children === undefined ? {} : { children }) });
    const state = stateOf(payee);
    watch(state, change, () => applyChange(state, JSON.parse(stored), plans));
  };

  return {
    states,
    take(deal) {
      const key = dealKey(deal);
      const now = new Map(
        creditDeal(deal, versions, lookup).credits.map(({ payee, lines }) => [payee, lines] as const),
      );
      const before = credited.get(key) ?? new Map<string, readonly CreditLine[]>();
      credited.set(key, now);
      const changes: { payee: string; change: Change }[] = [];
      for (const payee of new Set([...before.keys(), ...now.keys()])) {
        const change = planCredit(stateOf(payee), { deal: key, lines: now.get(payee) ?? [] }, plans);
        if (!change.changed) continue;
        apply(payee, change);
        changes.push({ payee, change });
      }
      return [...changes, ...changes.flatMap(({ payee, change }) => pass(payee, change))];
    },
    know(payee, account) {
      const state = stateOf(payee);
      const change = planAccount(state, account, plans);
      apply(payee, change);
      state.account = account;
      pass(payee, change);
    },
  };

  /** Tells those above what the payee now earns with the deals that changed. */
  function pass(from: string, { deals }: Change): { payee: string; change: Change }[] {
    const changes: { payee: string; change: Change }[] = [];
    for (const { deal } of deals) {
      if (isAccountDeal(deal)) continue;
      for (const [payee, lines] of credited.get(deal) ?? []) {
        if (!lines.some(({ component, child }) => overriding.has(component) && child?.payee === from)) continue;
        const children = childrenOf(deal, lines);
        if (JSON.stringify(children) === JSON.stringify(stateOf(payee).children.get(deal) ?? [])) continue;
        const change = planCredit(stateOf(payee), { deal, lines, children }, plans);
        apply(payee, change);
        changes.push({ payee, change });
      }
    }
    return changes;
  }

  function childrenOf(deal: string, lines: readonly CreditLine[]): readonly ChildEarning[] {
    const payees = new Set(
      lines.flatMap(({ component, child }) => (overriding.has(component) && child ? [child.payee] : [])),
    );
    return [...payees].sort().flatMap((payee) =>
      linesOfDeal(stateOf(payee), deal)
        .filter(({ line }) => line.child === undefined && line.reserves !== true && line.releases === undefined)
        .map(({ line, amountMinor }) => ({
          payee,
          key: lineKey(line),
          amount: formatMinor(amountMinor, plan.decimals),
        })),
    );
  }
}
