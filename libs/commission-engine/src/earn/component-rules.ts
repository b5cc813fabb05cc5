/** The rules of a credited line: its plan and component, and what they decide about the line. */
import { ONE } from '@tantieme/money/decimal';
import type { CreditLine } from '../credit/credit-line.js';
import { EngineError } from '../engine-error.js';
import type { CompiledComponent, CompiledPlan, RateText } from '../plan/compiled.js';
import { isMeasured } from '../plan/curve.js';

/** Plans by the name of their version. */
export interface PlanByVersion {
  /** @throws {EngineError} `PlanUnknown` */
  plan(version: string): CompiledPlan;
}

export interface Rules {
  readonly plan: CompiledPlan;
  readonly component: CompiledComponent;
}

/** @throws {EngineError} `CreditInvalid` where the line's plan has no such component */
export function rulesOf(line: CreditLine, plans: PlanByVersion): Rules {
  const plan = plans.plan(line.planVersion);
  const component = plan.componentById.get(line.component);
  if (component === undefined)
    throw new EngineError('CreditInvalid', `plan ${plan.id} has no component ${line.component}`);
  return { plan, component };
}

/** True where returns are taken out of the measurement of their sale, which is rated again. */
export function isRerated({ returns, ...component }: CompiledComponent): boolean {
  return returns.policy === 're-rate' && returns.window === 'original' && isMeasured({ returns, ...component });
}

/** True for an override of the child's earning. Its returns take a share of what the child's returns take. */
export function isOfEarning({ credit }: CompiledComponent): boolean {
  return credit.kind === 'override' && credit.of === 'earning';
}

/**
 * True for a line with a place of its own in a measurement: all but returns to the original window, reserves and
 * releases.
 */
export function isSale({ reverses, reserves, releases }: CreditLine, { returns }: CompiledComponent): boolean {
  if (reserves === true || releases !== undefined) return false;
  return reverses === undefined || returns.window === 'current';
}

/** The share of the line's earning that its hold, or its child's hold, holds back. */
export function heldShareOf({ plan, component }: Rules, { child }: CreditLine): RateText {
  const hold = component.hold === 'as-child' ? plan.componentById.get(child?.component ?? '')?.hold : component.hold;
  return typeof hold === 'object' ? hold : { rate: ONE, rateText: '1' };
}

/**
 * True for a line sold by somebody below the payee: it counts towards the payee's team measurement, but earns nothing.
 */
export function isTeams({ child }: CreditLine, { credit }: CompiledComponent): boolean {
  return child !== undefined && credit.kind === 'direct';
}
