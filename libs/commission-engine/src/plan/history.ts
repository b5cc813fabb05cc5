/** The versions of a plan: which one is in force for a line, and what a new one may not change. */
import { compareText } from '@tantieme/contracts/compare-text';
import { windowAt, windowStartDay } from '@tantieme/time/calendar/periods';
import { dayAt } from '@tantieme/time/time-zone';
import type { CompiledComponent, CompiledPlan } from './compiled.js';
import type { Trigger } from '../deal/deal.js';

export interface PlanVersion {
  /** Day in the plan's time zone. The version applies from the first measurement window that starts on or after it. */
  readonly effectiveFrom: string;
  /**
   * Last day on which the plan counts anything, in its time zone and even within a window; absent while it has no end.
   * All versions have the same.
   */
  readonly lastDay?: string;
  readonly plan: CompiledPlan;
}

export interface ComponentVersion extends PlanVersion {
  /** Undefined if this version no longer has the component. */
  readonly component: CompiledComponent | undefined;
}

export interface History {
  readonly components: readonly {
    readonly id: string;
    readonly versions: readonly ComponentVersion[];
    /** Whether any of its versions is an override. */
    readonly overrides: boolean;
  }[];
  readonly triggers: readonly Trigger[];
  readonly newest: PlanVersion | undefined;
}

/** Memo of a pure function: callers pass the same list for every deal. */
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

/** The version that applies to a component's lines at an instant; undefined after the plan's last day. */
export function inForce(versions: readonly ComponentVersion[], atMs: number): ComponentVersion | undefined {
  let found: ComponentVersion | undefined;
  if (versions[0] !== undefined && isOver(versions[0], atMs)) return undefined;
  for (const version of versions) {
    // A version without the component takes effect at the window that the component had.
    const over = (version.component ?? found?.component)?.measure.over ?? 'period';
    const { calendar } = version.plan;
    // A measurement per deal or over rolling months has no calendar window.
    const from =
      over === 'deal' || typeof over === 'object'
        ? dayAt(calendar.timeZone, atMs)
        : windowStartDay(calendar, windowAt(calendar, over, atMs));
    if (version.effectiveFrom <= from) found = version;
  }
  return found;
}

/** Whether the plan has ended before an instant. */
function isOver({ lastDay, plan }: PlanVersion, atMs: number): boolean {
  return lastDay !== undefined && dayAt(plan.calendar.timeZone, atMs) > lastDay;
}

/**
 * What a new version changes although it must not: currency, calendar, and the trigger of a component that keeps its
 * id. Lines of both versions share statements and measurements, and with two triggers a deal could be paid twice.
 */
export function successionProblems(
  before: CompiledPlan,
  next: CompiledPlan,
): readonly { readonly code: string; readonly message: string }[] {
  const problems: { code: string; message: string }[] = [];
  if (before.currency !== next.currency)
    problems.push({
      code: 'CurrencyChanged',
      message: `currency cannot change from ${before.currency} to ${next.currency} within a plan; draft a new plan instead`,
    });
  if (before.calendarKey !== next.calendarKey)
    problems.push({
      code: 'CalendarChanged',
      message: `calendar cannot change from ${before.calendarKey} to ${next.calendarKey} within a plan; draft a new plan instead`,
    });
  for (const component of next.components) {
    const earlier = before.componentById.get(component.id);
    if (earlier !== undefined && triggerOf(earlier) !== triggerOf(component))
      problems.push({
        code: 'TriggerChanged',
        message: `the trigger of the component "${component.id}" cannot change from ${triggerOf(earlier)} to ${triggerOf(component)}; give the component a new id`,
      });
  }
  return problems;
}

function triggerOf({ credit }: CompiledComponent): string {
  return credit.kind === 'direct' ? credit.trigger : 'override';
}
