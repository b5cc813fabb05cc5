/** Which version of a plan, and of each of its components, is in force for a line. */
import { dayAt, windowAt, windowStartDay } from '@tantieme/time/calendar';
import { compareText } from '../deal/occurrence.js';
import type { CompiledComponent, CompiledPlan } from './compiled.js';
import type { Trigger } from '../deal/deal.js';

export interface PlanVersion {
  /** Day in the plan's time zone; the version takes effect with the first measurement window that starts on or after it. */
  readonly effectiveFrom: string;
  /** Where the plan has ended: the last day (in its time zone) on which anything counts, also within a window; the same in all versions. */
  readonly lastDay?: string;
  readonly plan: CompiledPlan;
}

export interface ComponentVersion extends PlanVersion {
  /** Undefined where this version no longer has the component. */
  readonly component: CompiledComponent | undefined;
}

export interface History {
  readonly components: readonly {
    readonly id: string;
    readonly versions: readonly ComponentVersion[];
    /** Whether any version of it pays the partners above a payee. */
    readonly overrides: boolean;
  }[];
  readonly triggers: readonly Trigger[];
  readonly newest: PlanVersion | undefined;
}

/** A memo of a pure function, for the list that a caller passes for every deal. */
const histories = new WeakMap<readonly PlanVersion[], History>();

export function historyOf(versions: readonly PlanVersion[]): History {
  let history = histories.get(versions);
  if (history === undefined) {
    const ordered = versions.slice().sort((left, right) => compareText(left.effectiveFrom, right.effectiveFrom));
    const components = ordered.flatMap(({ plan }) => plan.components);
    const ids = [...new Set(components.map(({ id }) => id))];
    history = {
      components: ids.map((id) => ({
        id,
        versions: ordered.map((version) => ({ ...version, component: version.plan.componentById.get(id) })),
        overrides: components.some((component) => component.id === id && component.credit.kind === 'override'),
      })),
      triggers: [
        ...new Set(components.flatMap(({ credit }) => (credit.kind === 'direct' ? [credit.trigger] : []))),
      ].sort(),
      newest: ordered.at(-1),
    };
    histories.set(versions, history);
  }
  return history;
}

/** The version that is in force for a component's lines of that time; none after the plan's last day. */
export function inForce(versions: readonly ComponentVersion[], atMs: number): ComponentVersion | undefined {
  let found: ComponentVersion | undefined;
  if (versions[0] !== undefined && isOver(versions[0], atMs)) return undefined;
  for (const version of versions) {
    // A version without the component ends it with the window that the component had.
    const over = (version.component ?? found?.component)?.measure.over ?? 'period';
    const { calendar } = version.plan;
    // What is measured by deal, or rolls along, has no window to begin with.
    const from =
      over === 'deal' || typeof over === 'object'
        ? dayAt(calendar.timeZone, atMs)
        : windowStartDay(calendar, windowAt(calendar, over, atMs));
    if (version.effectiveFrom <= from) found = version;
  }
  return found;
}

/** Whether the plan has ended by then. */
function isOver({ lastDay, plan }: PlanVersion, atMs: number): boolean {
  return lastDay !== undefined && dayAt(plan.calendar.timeZone, atMs) > lastDay;
}
