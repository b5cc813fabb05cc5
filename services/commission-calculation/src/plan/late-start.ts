/** Plans that start inside a measurement window: the component pays nothing until the next one (`history.ts`). */
import { OVERS } from '@tantieme/time/calendar/document';
import type { Over } from '@tantieme/time/calendar/document';
import { windowEndDay, windowOf, windowStartDay } from '@tantieme/time/calendar/periods';
import { startOfDayMs } from '@tantieme/time/time-zone';
import { formatInstant } from '@tantieme/time/instant';
import type { PlanVersion } from '@tantieme/commission-engine/plan/history';

const isOver = (over: unknown): over is Over => OVERS.some((one) => one === over);

/**
 * A sentence for each component that does not pay from the day on which its first version takes effect.
 * @param until only those that do not pay yet before this instant, and would if they started at once; all by default
 */
export function lateStarts(versions: readonly PlanVersion[], until?: string): readonly string[] {
  const notices: string[] = [];
  const seen = new Set<string>();
  for (const { plan, effectiveFrom } of [...versions].sort((left, right) =>
    left.effectiveFrom < right.effectiveFrom ? -1 : 1,
  ))
    for (const { id, measure } of plan.components) {
      if (seen.has(id)) continue;
      seen.add(id);
      if (!isOver(measure.over)) continue;
      const { calendar } = plan;
      const start = formatInstant(startOfDayMs(calendar.timeZone, effectiveFrom));
      const window = windowOf(calendar, measure.over, start);
      if (windowStartDay(calendar, window) === effectiveFrom) continue;
      const paysFrom = windowEndDay(calendar, window);
      const isPast = until !== undefined && formatInstant(startOfDayMs(calendar.timeZone, paysFrom)) < until;
      if (isPast || (until !== undefined && start >= until)) continue;
      notices.push(
        `${id} of ${plan.id} takes effect on ${effectiveFrom}, inside ${window}, so it pays nothing before ${paysFrom}`,
      );
    }
  return notices;
}
