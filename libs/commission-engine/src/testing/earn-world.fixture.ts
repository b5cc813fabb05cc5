/** Credits and earns stream by stream as the services do: grants of budgets and earnings of children are passed on. */
import type { PayeeTerms } from '../earn/payee-terms.js';
import { grantBudget } from '../earn/budget.js';
import { creditDeal } from '../credit/credit.js';
import type { CreditLookup } from '../credit/lookup.js';
import { lineKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import { compareText } from '@tantieme/contracts/compare-text';
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { dealKey } from '../deal/deal.js';
import type { Deal } from '../deal/deal.js';
import { applyChange } from '../incremental/apply-change.js';
import { diffPayeeTerms, diffCredit } from '../incremental/diff.js';
import { isPayeeLevel } from '../incremental/payee-level.js';
import { createEarnState } from '../incremental/state.js';
import { linesOfDeal } from '../incremental/earned-lines.js';
import type { PlanByVersion } from '../earn/component-rules.js';
import type { Change } from '../incremental/diff.js';
import type { ChildEarning, EarnState } from '../incremental/state.js';
import type { CompiledComponent, CompiledPlan } from '../plan/compiled.js';
import { compareLines } from '../measure/canonical-order.js';

interface PayeeChange {
  readonly payee: string;
  readonly change: Change;
}

export interface EarnWorld {
  readonly states: ReadonlyMap<string, EarnState>;
  /** Credits a deal. @returns the changes by payee, in order */
  receive(deal: Deal): readonly PayeeChange[];
  setPayeeTerms(payee: string, payeeTerms: PayeeTerms): void;
}

/** Called with each change before it is applied; must call `apply`. */
export type Watch = (state: EarnState, change: Change, apply: () => void) => void;

export function earnWorldOf(
  plan: CompiledPlan,
  lookup: CreditLookup,
  plans: PlanByVersion,
  watch: Watch = (_state, _change, apply) => apply(),
): EarnWorld {
  const versions = [{ effectiveFrom: '2000-01-01', plan }];
  const states = new Map<string, EarnState>();
  /** Deal → payee → lines, as of the last crediting. */
  const credited = new Map<string, ReadonlyMap<string, readonly CreditLine[]>>();
  const overriding = new Set(
    plan.components.flatMap(({ id, credit }) => (credit.kind === 'override' && credit.of === 'earning' ? [id] : [])),
  );
  const budgeted = plan.components.filter(({ budgetMinor }) => budgetMinor !== undefined);
  const stateOf = (payee: string): EarnState => {
    let state = states.get(payee);
    if (state === undefined) states.set(payee, (state = createEarnState()));
    return state;
  };
  const apply = (payee: string, change: Change): void => {
    const { deals: _deals, changed: _changed, ...stored } = change;
    const state = stateOf(payee);
    // Applied as it is read back from an event.
    watch(state, change, () => applyChange(state, JSON.parse(JSON.stringify(stored)) as typeof stored, plans));
  };

  return {
    states,
    receive(deal) {
      const key = dealKey(deal);
      const now = new Map(
        creditDeal(deal, versions, lookup).credits.map(({ payee, lines }) => [payee, lines] as const),
      );
      const before = credited.get(key) ?? new Map<string, readonly CreditLine[]>();
      credited.set(key, now);
      const changes: PayeeChange[] = [];
      for (const payee of new Set([...before.keys(), ...now.keys()])) {
        const change = diffCredit(stateOf(payee), { deal: key, lines: now.get(payee) ?? [] }, plans);
        if (!change.changed) continue;
        apply(payee, change);
        changes.push({ payee, change });
      }
      return propagate(changes);
    },
    setPayeeTerms(payee, payeeTerms) {
      const state = stateOf(payee);
      const change = diffPayeeTerms(state, payeeTerms, plans);
      apply(payee, change);
      state.payeeTerms = payeeTerms;
      propagate([{ payee, change }]);
    },
  };

  /** Recalculates grants of budgets, and passes earnings on to the uplines. */
  function propagate(changes: readonly PayeeChange[]): readonly PayeeChange[] {
    const all = [...changes, ...budgeted.flatMap((component) => grant(component))];
    return [...all, ...all.flatMap(({ payee, change }) => passToUplines(payee, change))];
  }

  /** Grants a component's budget from scratch, from all current claims. */
  function grant({ id, budgetMinor = 0n }: CompiledComponent): PayeeChange[] {
    const claims = [...states].flatMap(([payee, state]) =>
      [...state.claims].flatMap(([name, ofDeal]) => {
        const [component, deal = ''] = name.split('\n');
        return component === id ? ofDeal.map(({ line, amount }) => ({ payee, deal, line, amount })) : [];
      }),
    );
    claims.sort((left, right) => compareLines(left, right) || compareText(left.payee, right.payee));
    const minor = grantBudget(
      budgetMinor,
      claims.map(({ amount }) => ({ amountMinor: parseMinor(amount, plan.decimals) })),
    );
    const granted = claims.map(({ payee, deal, line }, index) => ({
      name: `${payee}\n${deal}`,
      key: lineKey(line),
      amount: formatMinor(minor[index] ?? 0n, plan.decimals),
    }));
    const changes: PayeeChange[] = [];
    for (const [name, ofDeal] of Map.groupBy(granted, (one) => one.name)) {
      const [payee = '', deal = ''] = name.split('\n');
      const state = stateOf(payee);
      const others = (state.granted.get(deal) ?? []).filter(({ key }) => !key.startsWith(`${id}|`));
      const now = [...others, ...ofDeal.map(({ key, amount }) => ({ key, amount }))];
      if (JSON.stringify(now) === JSON.stringify(state.granted.get(deal) ?? [])) continue;
      const lines = linesOfDeal(state, deal).map(({ line }) => line);
      const change = diffCredit(state, { deal, lines, granted: now }, plans);
      apply(payee, change);
      changes.push({ payee, change });
    }
    return changes;
  }

  /** Passes what the payee now earns with the changed deals to the payees above. */
  function passToUplines(from: string, { deals }: Change): PayeeChange[] {
    const changes: PayeeChange[] = [];
    for (const { deal } of deals) {
      if (isPayeeLevel(deal)) continue;
      for (const [payee, lines] of credited.get(deal) ?? []) {
        if (!lines.some(({ component, child }) => overriding.has(component) && child?.payee === from)) continue;
        const children = childrenOf(deal, lines);
        if (JSON.stringify(children) === JSON.stringify(stateOf(payee).children.get(deal) ?? [])) continue;
        const change = diffCredit(stateOf(payee), { deal, lines, children }, plans);
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
