import { Inject, Injectable } from '@nestjs/common';
import { calendarOf } from '@tantieme/time/calendar/key';
import { periodAt, periodBounds } from '@tantieme/time/calendar/periods';
import { TOPICS } from '@tantieme/contracts/topics';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { countOpen } from '@tantieme/event-sourcing/parking/parked.projection';
import type { ParkedTables } from '@tantieme/event-sourcing/parking/parked.projection';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { DATABASE, TIMERS } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Timers } from '@tantieme/time/timers';
import type { Kysely } from 'kysely';
import { assertPeriod, refusalTo } from '../calendar/calendar.js';
import type { CalendarState, ClosingInput, Outstanding } from '../calendar/calendar.js';
import { Calendars } from '../calendar/calendars.service.js';
import { EVERY_PERIOD } from '../earning/earning.tables.js';
import type { EarningTables } from '../earning/earning.tables.js';
import { countPendingDeals } from '../pending-deal/pending-deals-touching.queries.js';
import type { PendingTables } from '../pending-deal/pending-deals-touching.queries.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import { lateStarts } from '../plan/late-start.js';
import type { ClosingPreview } from './period.dto.js';
import { POSTINGS_PER_READ } from '../limits.js';

/** What is parked on these topics comes after closings. On any other one it may concern every period. */
const TOPICS_AFTER_CLOSINGS = [TOPICS.paymentsInbound, TOPICS.payouts];

/** What the closing of a period would do now, and what stands in its way. */
@Injectable()
export class ClosingPreviews {
  constructor(
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(PlanCatalog) private readonly plans: PlanCatalog,
    @Inject(DATABASE) private readonly db: Kysely<EarningTables & PendingTables & ParkedTables>,
    @Inject(TIMERS) private readonly timers: Timers,
  ) {}

  /** @throws {DomainError} `PeriodInvalid` */
  async preview(calendar: string, period: string): Promise<ClosingPreview> {
    assertPeriod(calendar, period);
    const state = await this.calendars.state(calendar);
    const { outstanding, ...input } = await this.input(calendar, period, state);
    const refusal = refusalOf(calendar, period, { ...input, outstanding }, state);
    const { until } = periodBounds(calendarOf(calendar), period);
    const notices = this.plans.ofCalendar(calendar).flatMap(({ versions }) => lateStarts(versions, until));
    return omitUndefined({
      calendar,
      period,
      ...(await this.totals(calendar, period)),
      refusal,
      outstanding,
      notices,
    });
  }

  /** What a closing looks up. */
  async input(calendar: string, period: string, state: CalendarState): Promise<ClosingInput> {
    // Another process may have published a plan.
    await this.plans.reload();
    const plans = this.plans.ofCalendar(calendar).map(({ id }) => id);
    const nowMs = this.timers.nowMs();
    const current = periodAt(calendarOf(calendar), nowMs);
    const withLines = state.closedThrough === null ? await this.earliestWithLines(calendar) : null;
    const earliestOpen = withLines !== null && withLines < current ? withLines : current;
    return {
      plans: plans.length,
      earliestOpen: state.closedThrough === null ? earliestOpen : null,
      outstanding: await this.outstanding(calendar, period, plans, nowMs),
    };
  }

  private async outstanding(
    calendar: string,
    period: string,
    plans: readonly string[],
    nowMs: number,
  ): Promise<readonly Outstanding[]> {
    const { until } = periodBounds(calendarOf(calendar), period);
    const items: Outstanding[] = [];
    const add = (code: Outstanding['code'], count: number, message: string): void => {
      if (count > 0) items.push({ code, count, message });
    };
    add('PeriodNotEnded', nowMs < Date.parse(until) ? 1 : 0, `${period} ends only at ${until}`);
    const { deals, quotas } = await countPendingDeals(this.db, { calendar, period, until, plans });
    const lists = `GET /pending-deals?calendar=${encodeURIComponent(calendar)}&period=${period}`;
    add('DealsPending', deals, `${deals} ${deals === 1 ? 'deal is' : 'deals are'} pending (${lists})`);
    add('QuotasMissing', quotas, `${quotas} ${quotas === 1 ? 'deal has' : 'deals have'} no quota (${lists})`);
    const parked = await countOpen(this.db, { exceptTopics: TOPICS_AFTER_CLOSINGS, touchesBefore: until });
    add(
      'ItemsParked',
      parked,
      `${parked} ${parked === 1 ? 'item is' : 'items are'} parked (GET /parked); remove the cause and retry them, or ` +
        'discard them with a second person',
    );
    return items;
  }

  /** The earliest open period with a line. Streams are noted once per period; their lines may have moved away since. */
  private async earliestWithLines(calendar: string): Promise<string | null> {
    const row = await this.openPostings(calendar)
      .select('streams.period')
      .orderBy('streams.period')
      .limit(1)
      .executeTakeFirst();
    return row?.period ?? null;
  }

  private openPostings(calendar: string) {
    return this.db
      .selectFrom('commission_streams as streams')
      .innerJoin('commission_postings as postings', (join) =>
        join
          .onRef('postings.payee', '=', 'streams.payee')
          .onRef('postings.plan', '=', 'streams.plan')
          .onRef('postings.period', '=', 'streams.period'),
      )
      .where('streams.calendar', '=', calendar)
      .where('streams.period', '!=', EVERY_PERIOD)
      .where('streams.entry', 'is', null);
  }

  /** Sums of the lines that the closing would take: those of the period, and of earlier ones that were never closed. */
  async totals(calendar: string, period: string): Promise<Pick<ClosingPreview, 'statements' | 'lines' | 'totals'>> {
    const statements = new Set<string>();
    const minor = new Map<string, bigint>();
    let lines = 0;
    const query = this.openPostings(calendar)
      .where('streams.period', '<=', period)
      .select([
        'streams.period',
        'streams.stream',
        'postings.deal',
        'postings.payee',
        'postings.currency',
        'postings.line_count',
        'postings.amount',
      ])
      .orderBy('streams.period')
      .orderBy('streams.stream')
      .orderBy('postings.deal')
      .limit(POSTINGS_PER_READ);
    for (let page = query; ;) {
      const rows = await page.execute();
      for (const { payee, currency, line_count: count, amount } of rows) {
        statements.add(`${payee}|${currency}`);
        lines += count;
        minor.set(currency, (minor.get(currency) ?? 0n) + parseAmount(amount, currency));
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < POSTINGS_PER_READ) break;
      // The first condition repeats what the second one implies, for the index.
      page = query
        .where((eb) => eb(eb.refTuple('streams.period', 'streams.stream'), '>=', eb.tuple(last.period, last.stream)))
        .where((eb) =>
          eb(
            eb.refTuple('streams.period', 'streams.stream', 'postings.deal'),
            '>',
            eb.tuple(last.period, last.stream, last.deal),
          ),
        );
      // SQLite answers without a pause: other requests get their turn between two pages.
      await this.timers.wait(0);
    }
    const totals = Object.fromEntries(
      [...minor].sort().map(([currency, sum]) => [currency, formatAmount(sum, currency)]),
    );
    return { statements: statements.size, lines, totals };
  }
}

/** Why the period cannot be closed, not even with a reason. */
function refusalOf(
  calendar: string,
  period: string,
  input: ClosingInput,
  state: CalendarState,
): ClosingPreview['refusal'] {
  const refusal = refusalToClose(calendar, period, { ...input, force: '' }, state);
  return refusal && { code: refusal.code, message: refusal.message };
}

/** Why a closing would be refused. */
export function refusalToClose(
  calendar: string,
  period: string,
  input: ClosingInput & { readonly force?: string },
  state: CalendarState,
): DomainError | undefined {
  const people = { proposal: '', by: '', confirmedBy: '' };
  const command = { type: 'close', calendar, period, ...people, ...input, at: '' } as const;
  return refusalTo(command, state, periodClosed(period, state));
}

/** For a period that is closed already, or is being closed. */
function periodClosed(period: string, { closing }: CalendarState): DomainError {
  return closing?.period === period
    ? new DomainError('ClosingInProgress', `${period} is being closed already`, 'conflict')
    : new DomainError('PeriodClosed', `${period} is closed already`, 'conflict');
}

/** What is outstanding now and was not, or not so much of it, when the closing was confirmed. */
export function unconfirmed(confirmed: readonly Outstanding[], now: readonly Outstanding[]): readonly Outstanding[] {
  return now.filter(({ code, count }) => count > (confirmed.find((one) => one.code === code)?.count ?? 0));
}
