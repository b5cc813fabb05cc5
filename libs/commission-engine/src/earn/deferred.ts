/** Amounts above a limit that is `excess: deferred`, paid in later windows. */
import { compareText } from '@tantieme/contracts/compare-text';
import { lastPeriodOfWindow, nextPeriod, windowStartDay } from '@tantieme/time/calendar/periods';
import { formatMinor } from '@tantieme/money/amount';
import type { CompiledLimit, CompiledPlan } from '../plan/compiled.js';
import type { PayeeLevelLine } from './payee-level-line.js';
import { endOfAgreement } from './payee-terms.js';
import type { PayeeTerms } from './payee-terms.js';

/** What was earned in one window of a limit, before the limit. */
export interface LimitedWindow {
  readonly limit: CompiledLimit;
  readonly plan: CompiledPlan;
  readonly earnedMinor: bigint;
}

/**
 * Windows after the last earning in which deferred amounts are paid. What a limit defers for longer, ten years of
 * months, lapses: a limit of a cent must not post lines until the calendar ends.
 */
const DEFERRED_WINDOWS_MAX = 120;

/**
 * Lines that pay earlier excess, window by window: `pay = min(cap, e + D)` and then `D' = max(0, e + D − cap)`, where
 * `e` is earned in the window and `D` is the excess so far.
 * @param windows by name
 */
export function deferredLines(
  component: string,
  windows: ReadonlyMap<string, LimitedWindow>,
  payeeTerms: PayeeTerms,
): readonly PayeeLevelLine[] {
  const lines: PayeeLevelLine[] = [];
  const names = [...windows.keys()].sort(compareText);
  const last = names.at(-1) ?? '';
  const end = endOfAgreement(payeeTerms);
  let excessMinor = 0n;
  let window = names[0] ?? '';
  let rules = windows.get(window);
  let emptyCount = 0;
  while (rules !== undefined && (window <= last || (excessMinor > 0n && emptyCount < DEFERRED_WINDOWS_MAX))) {
    rules = windows.get(window) ?? rules;
    if (window > last) emptyCount++;
    const { limit, plan } = rules;
    const { calendar } = plan;
    const earnedMinor = windows.get(window)?.earnedMinor ?? 0n;
    const capped = (minor: bigint) => (minor < limit.minor ? minor : limit.minor);
    const isOver = end !== undefined && windowStartDay(calendar, window) >= end;
    if (isOver && plan.ends.deferred === 'lapse') excessMinor = 0n;
    const owedMinor = earnedMinor + excessMinor;
    const amountMinor = isOver && plan.ends.deferred === 'pay' ? excessMinor : capped(owedMinor) - capped(earnedMinor);
    if (amountMinor !== 0n) {
      const [excess = '', earned = '', cap = ''] = [excessMinor, earnedMinor, limit.minor].map((minor) =>
        formatMinor(minor, plan.decimals),
      );
      lines.push({
        kind: 'deferred',
        component,
        planVersion: plan.version,
        period: lastPeriodOfWindow(calendar, window),
        amountMinor,
        trace: () => ({ rate: 'deferred', excess, earned, cap }),
      });
    }
    if (limit.minor === 0n && window >= last) break;
    excessMinor =
      isOver && plan.ends.deferred === 'pay' ? owedMinor - capped(earnedMinor) - amountMinor : owedMinor - limit.minor;
    if (excessMinor < 0n) excessMinor = 0n;
    window = nextPeriod(calendar, window);
  }
  return lines;
}
