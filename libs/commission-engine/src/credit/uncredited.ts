/** Why a plan credits nothing for a deal that waits for nothing. */
import { dayAt } from '@tantieme/time/time-zone';
import type { Deal, DealTerms } from '../deal/deal.js';
import { triggeredParts } from '../deal/occurrence.js';
import { historyOf, inForce } from '../plan/history.js';
import type { ComponentVersion, PlanVersion } from '../plan/history.js';

export type UncreditedCode =
  /** No partner of the deal has an agreement on its days, and one had an agreement that ended before. */
  | 'NotCovered'
  /** The plan's last day was before the deal's. */
  | 'PlanEnded'
  /** The plan takes effect with the next measurement window of its component. */
  | 'WindowNotBegun'
  /** What the plan pays on has not happened: an invoice, a payment. */
  | 'NotTriggered'
  /** No line, role or partner of the deal meets the conditions of any component. */
  | 'ConditionsNotMet'
  | 'NoPartners'
  | 'Cancelled'
  /** All facts of the deal were withdrawn. */
  | 'Withdrawn'
  /** The deal waits for a fact; its pending reasons name it. */
  | 'Pending';

export interface Uncredited {
  readonly code: UncreditedCode;
  /** `plan:x`, `partner:P1`, `deal:crm|D-1` */
  readonly subject: string;
  readonly message: string;
}

/** The reasons of one plan, each code once. @param versions the same list as for `creditDeal` */
export function uncreditedBy(
  plan: string,
  deal: Deal,
  terms: DealTerms,
  versions: readonly PlanVersion[],
): readonly Uncredited[] {
  const reasons = new Map<UncreditedCode, Uncredited>();
  const add = (code: UncreditedCode, message: string): void => {
    if (!reasons.has(code)) reasons.set(code, { code, subject: `plan:${plan}`, message });
  };
  const { triggers, components } = historyOf(versions);
  let happened = false;
  for (const trigger of triggers)
    for (const instant of new Set(
      triggeredParts(deal, terms, trigger).parts.map(({ occurrence }) => occurrence.atMs),
    )) {
      happened = true;
      for (const component of components) {
        const { credit } = component.versions.findLast((version) => version.component)?.component ?? {};
        if (credit?.kind !== 'direct' || credit.trigger !== trigger) continue;
        const [code, message] = reasonAt(plan, component.id, component.versions, instant);
        add(code, message);
      }
    }
  if (!happened) add('NotTriggered', `the plan ${plan} pays on ${triggers.join(' or ')}, which has not happened yet`);
  return [...reasons.values()];
}

function reasonAt(
  plan: string,
  component: string,
  versions: readonly ComponentVersion[],
  atMs: number,
): readonly [UncreditedCode, string] {
  const first = versions.find((version) => version.component);
  const day = first === undefined ? '' : dayAt(first.plan.calendar.timeZone, atMs);
  if (first?.lastDay !== undefined && first.lastDay < day)
    return ['PlanEnded', `the plan ${plan} ended on ${first.lastDay}`];
  if (inForce(versions, atMs)?.component === undefined && first !== undefined)
    return [
      'WindowNotBegun',
      `${component} of the plan ${plan}, in effect from ${first.effectiveFrom}, pays from the first measurement window that begins on or after that day`,
    ];
  return ['ConditionsNotMet', `the deal meets the conditions of no component of the plan ${plan}`];
}
