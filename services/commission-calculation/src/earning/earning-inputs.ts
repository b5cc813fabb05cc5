/**
 * What an earning stream receives from other streams of this service: earnings of payees below, and grants of budgets.
 */
import type { GrantedLine } from '@tantieme/commission-engine/earn/budget';
import type { ChildEarning, DealCredit, EarnState } from '@tantieme/commission-engine/incremental/state';
import { linesOfDeal } from '@tantieme/commission-engine/incremental/earned-lines';

/** All earnings of a payee below with a deal. */
export interface ChildInput {
  readonly deal: string;
  readonly child: string;
  /** Revision of the child's stream: the highest counts. */
  readonly revision: number;
  readonly earned: readonly Omit<ChildEarning, 'payee'>[];
  readonly openFrom: string | null;
}

/** All grants of a component's budget for a deal. */
export interface GrantInput {
  readonly deal: string;
  readonly component: string;
  /** Revision of the budget's stream: the highest counts. */
  readonly revision: number;
  readonly granted: readonly GrantedLine[];
  readonly openFrom: string | null;
}

/** The deal's credit in the state, with the child's new earnings in place of its previous ones. */
export function creditOfChild(engine: EarnState, { deal, child, earned }: Omit<ChildInput, 'openFrom'>): DealCredit {
  const others = (engine.children.get(deal) ?? []).filter(({ payee }) => payee !== child);
  return {
    deal,
    lines: linesOfDeal(engine, deal).map(({ line }) => line),
    children: [...others, ...earned.map((one) => ({ payee: child, ...one }))],
  };
}

/** The deal's credit in the state, with the budget's new grants in place of its previous ones. */
export function creditOfGrant(
  engine: EarnState,
  { deal, component, granted }: Omit<GrantInput, 'openFrom'>,
): DealCredit {
  const others = (engine.granted.get(deal) ?? []).filter(({ key }) => !key.startsWith(`${component}|`));
  return { deal, lines: linesOfDeal(engine, deal).map(({ line }) => line), granted: [...others, ...granted] };
}
