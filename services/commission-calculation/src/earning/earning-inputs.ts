/** What other streams of this service tell an earning stream of a deal: what a payee below earns, and what a budget grants. */
import type { GrantedLine } from '@tantieme/commission-engine/earn/budget';
import type { ChildEarning, DealCredit, EarnState } from '@tantieme/commission-engine/incremental/state';
import { linesOfDeal } from '@tantieme/commission-engine/incremental/earned-lines';

/** All that a payee below earns with a deal. */
export interface ChildInput {
  readonly deal: string;
  readonly child: string;
  /** Revision of the child's stream: the highest counts. */
  readonly revision: number;
  readonly earned: readonly Omit<ChildEarning, 'payee'>[];
  readonly openFrom: string | null;
}

/** All that the budget of a component grants of a deal. */
export interface GrantInput {
  readonly deal: string;
  readonly component: string;
  /** Revision of the budget's stream: the highest counts. */
  readonly revision: number;
  readonly granted: readonly GrantedLine[];
  readonly openFrom: string | null;
}

export function childKey({ deal, child }: Pick<ChildInput, 'deal' | 'child'>): string {
  return `${deal}\n${child}`;
}

/** The credit that the state holds of the deal, with what this child earns in the place of what it earned before. */
export function creditOfChild(engine: EarnState, { deal, child, earned }: ChildInput): DealCredit {
  const others = (engine.children.get(deal) ?? []).filter(({ payee }) => payee !== child);
  return {
    deal,
    lines: linesOfDeal(engine, deal).map(({ line }) => line),
    children: [...others, ...earned.map((one) => ({ payee: child, ...one }))],
  };
}

export function grantKey({ deal, component }: Pick<GrantInput, 'deal' | 'component'>): string {
  return `${deal}\n${component}`;
}

/** The credit that the state holds of the deal, with what this budget grants in the place of what it granted before. */
export function creditOfGrant(engine: EarnState, { deal, component, granted }: GrantInput): DealCredit {
  const others = (engine.granted.get(deal) ?? []).filter(({ key }) => !key.startsWith(`${component}|`));
  return { deal, lines: linesOfDeal(engine, deal).map(({ line }) => line), granted: [...others, ...granted] };
}
