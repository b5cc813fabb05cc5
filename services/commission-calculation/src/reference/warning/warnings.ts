/**
 * References to names that do not exist (yet). The facts are stored all the same: what they refer to may arrive later.
 */
import type { Quota } from '@tantieme/contracts/reference';
import { suggest } from '@tantieme/contracts/suggest';

export const WARNING_CODES = ['PlanUnknown', 'ComponentUnknown', 'PayeeUnknown'] as const;
export type WarningCode = (typeof WARNING_CODES)[number];

export interface Warning {
  readonly code: WarningCode;
  /** Field of the fact with the unknown name. */
  readonly field: string;
  readonly message: string;
}

/** What exists of the names in a quota. */
export interface KnownNames {
  /** Ids of all plans, drafts included. */
  readonly plans: Iterable<string>;
  /** Components of all versions of the quota's plan; undefined where there is no such plan. */
  readonly components: readonly string[] | undefined;
  readonly isPayeeKnown: boolean;
}

export function quotaWarnings(
  { payee, plan, component }: Pick<Quota, 'payee' | 'plan' | 'component'>,
  { plans, components, isPayeeKnown }: KnownNames,
): readonly Warning[] {
  const warnings: Warning[] = [];
  if (components === undefined) warnings.push(planUnknown(plan, plans));
  else if (!components.includes(component)) warnings.push(componentUnknown(plan, component, components));
  if (!isPayeeKnown) warnings.push(payeeUnknown(payee));
  return warnings;
}

export function planUnknown(plan: string, plans: Iterable<string>): Warning {
  return { code: 'PlanUnknown', field: 'plan', message: `there is no plan "${plan}"${hint(plan, plans)}` };
}

export function componentUnknown(plan: string, component: string, components: readonly string[]): Warning {
  const message = `no version of the plan ${plan} has a component "${component}"${hint(component, components)}`;
  return { code: 'ComponentUnknown', field: 'component', message };
}

export function payeeUnknown(payee: string): Warning {
  return { code: 'PayeeUnknown', field: 'payee', message: `there is no partner "${payee}"` };
}

function hint(name: string, known: Iterable<string>): string {
  const nearest = suggest(name, known);
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`;
}
