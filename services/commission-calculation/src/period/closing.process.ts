/**
 * Closes and reopens periods, calendars side by side, step by step (ADR 27). Each step is an event in the stream of the
 * period and idempotent: after a kill at any moment, the process goes on at the first step that is missing. Rewards and
 * payouts announce their steps as messages; nothing here waits inside a step.
 *
 * A closing:
 * 1. The facts from before it are credited: the consumers have reached the end of the log. The credits are earned: deals
 *    whose partner, plan or rate changed are credited again, and the earning consumer has caught up; once more for each
 *    further round of internal messages (to budgets, to payees above).
 * 2. `sealed`, unless something is outstanding by now that nobody confirmed: postings go into the next period.
 * 3. `inputs-drained`: batches from before the seal are finished, and the grants of budgets are final.
 * 4. `earnings-closed`: every stream with a line in the period is closed, and the manifest is published.
 * 5. `rewards-closed`, `manifest-published`, `statements-issued` come from the other services; then it is `closed`.
 */
import { windowStartDay } from '@tantieme/time/calendar/periods';
import { isOfEarning } from '@tantieme/commission-engine/earn/component-rules';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import type { ClosingName } from '@tantieme/contracts/closing';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import type { CommandContext, Work } from '@tantieme/event-sourcing/decide/runtime';
import { metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import type { Process, StepContext } from '@tantieme/event-sourcing/process/process';
import { Waits } from '@tantieme/event-sourcing/process/waits';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { formatMinor } from '@tantieme/money/amount';
import type { Kysely } from 'kysely';
import type { Budgets } from '../budget/budget.service.js';
import { CALENDAR, calendarOfStream, openFromOf } from '../calendar/calendar.js';
import type { CalendarState } from '../calendar/calendar.js';
import type { Calendars } from '../calendar/calendars.service.js';
import { CREDIT_CONSUMER } from '../credit/credit.consumer.js';
import { pendingDealsProjection } from '../credit/pending-deals.projection.js';
import { EARN_CONSUMER } from '../earning/earning.consumer.js';
import { payeePlanOf, planOfEarningStream } from '../earning/earning-stream.js';
import type { EarningCommand } from '../earning/earning.js';
import type { EarningRuntime } from '../earning/earning.service.js';
import { EVERY_PERIOD } from '../earning/earning.tables.js';
import type { EarningTables } from '../earning/earning.tables.js';
import type { PlanCatalog } from '../plan/plan-catalog.service.js';
import { REFERENCE_CONSUMER } from '../reference/reference.consumer.js';
import { READ_MODEL } from '../service-identity.js';
import { unconfirmed } from './closing-preview.service.js';
import type { ClosingPreviews } from './closing-preview.service.js';
import { pagesOf } from './period.js';
import type { PeriodState, Step } from './period.js';
import type { Periods } from './periods.service.js';

/** Earning streams closed per batch: their states are in memory at the same time. */
const BATCH_STREAMS = 100;

/** Who turns credits into earnings: deals that are credited again come first. */
const EARNED_BY = ['commission-deal-dependencies', EARN_CONSUMER];

export interface ClosingDependencies {
  readonly store: EventStore;
  readonly db: Kysely<EarningTables>;
  readonly plans: PlanCatalog;
  readonly calendars: Calendars;
  readonly periods: Periods;
  readonly budgets: Budgets;
  readonly earnings: EarningRuntime;
  readonly previews: ClosingPreviews;
}

/** A closing or reopening that is under way, and what its steps need. */
interface UnderWay {
  readonly name: ClosingName;
  /** ISO 8601 instant at which it was confirmed: what it decides is dated so. */
  readonly at: string;
  readonly context: CommandContext;
  readonly steps: PeriodState['steps'];
  /** Records the step. */
  readonly reach: (step: Step) => Promise<void>;
  /** True once the processes have handled the log as it was at the first call for this place. */
  readonly reached: (place: string, processes: readonly string[]) => Promise<boolean>;
  readonly signal: AbortSignal;
}

export class Closing {
  private readonly waits: Waits;
  /** Calendars that are closing or reopening a period, with the correlation id of the request. */
  private readonly open = new Map<string, string>();

  constructor(private readonly on: ClosingDependencies) {
    this.waits = new Waits(on.store);
  }

  process(): Process<StoredEvent> {
    return {
      name: 'commission-closing',
      replicas: 'one-replica',
      source: logSource({ categories: [CALENDAR], types: ['PeriodClosing', 'PeriodReopening'] }),
      prepare: async () => {
        this.open.clear();
        this.waits.forget('');
      },
      step: async (events, context) => {
        for (const event of events) this.open.set(calendarOfStream(event.stream), metadataOf(event).correlationId);
        await Promise.all(
          [...this.open].map(async ([calendar, correlationId]) => {
            const result = await context.attempt(calendar, () => this.proceed(calendar, correlationId, context));
            if (result !== 'open') this.open.delete(calendar);
          }),
        );
        return this.open.size > 0 ? 'open' : undefined;
      },
    };
  }

  /** Goes as far as possible with the closing or the reopening of a calendar, if there is one. */
  private async proceed(calendar: string, correlationId: string, step: StepContext): Promise<'open' | void> {
    const { calendars, periods } = this.on;
    const { closing, reopening } = await calendars.state(calendar);
    const found = closing ?? reopening;
    // The last step may have been stored without an answer.
    if (found === null) return this.waits.forget(`${calendar} `);
    const { period, closing: number, at } = found;
    const name = { calendar, period, closing: number };
    const kind = closing === null ? 'reopening' : 'closing';
    const context = { correlationId, cause: `${kind}:${calendar}:${period}:${number}` };
    const reach = async (one: Step): Promise<void> => {
      const now = new Date(step.timers.nowMs()).toISOString();
      await periods.handle(calendar, period, { type: 'reach-step', closing: number, step: one, at: now }, context);
    };
    await reach(kind === 'closing' ? 'announced' : 'reopening');
    const { steps } = await periods.state(calendar, period);
    const reached = (place: string, processes: readonly string[]): Promise<boolean> =>
      this.waits.reached(`${calendar} ${context.cause} ${place}`, processes, step);
    const underWay = { name, at, context, steps, reach, reached, signal: step.signal };
    const isDone = closing !== null ? await this.close(underWay, closing) : await this.reopen(underWay);
    if (!isDone) return 'open';
    this.waits.forget(`${calendar} `);
  }

  /** @returns false while it waits for something. */
  private async close(underWay: UnderWay, closing: NonNullable<CalendarState['closing']>): Promise<boolean> {
    const { name, at, context, steps, reach, reached } = underWay;
    const { calendar, period } = name;
    const { calendars, budgets, periods, previews } = this.on;
    if (!steps.has('sealed')) {
      if (!(await reached('facts', [REFERENCE_CONSUMER, CREDIT_CONSUMER]))) return false;
      for (let rounds = await this.internalRounds(calendar); rounds >= 0; rounds--)
        if (!(await reached(`credits ${rounds}`, EARNED_BY))) return false;
      if (!(await reached('pending', [pendingDealsProjection.name, READ_MODEL]))) return false;
      const { outstanding } = await previews.input(calendar, period, await calendars.state(calendar));
      if (unconfirmed(closing.outstanding, outstanding).length > 0) {
        // What ends it may bring earnings of the period.
        this.waits.forget(`${calendar} `);
        return false;
      }
      await calendars.handle(calendar, { type: 'seal', period, at }, context);
      await reach('sealed');
    }
    if (!steps.has('inputs-drained')) {
      if (!(await reached('seal', EARNED_BY))) return false;
      const openFrom = openFromOf(calendar, await calendars.state(calendar));
      if (openFrom !== null) await budgets.closePeriods(calendar, openFrom, at, context);
      await reach('inputs-drained');
    }
    if (!steps.has('earnings-closed')) {
      if (!(await reached('streams', [READ_MODEL]))) return false;
      await this.closeStreams(underWay);
      if (!(await reached('manifest', [READ_MODEL]))) return false;
      for (const page of pagesOf(name, await this.manifest(name)))
        await periods.handle(calendar, period, { type: 'add-page', page, at }, context);
      await reach('earnings-closed');
    }
    const others: readonly Step[] = ['rewards-closed', 'manifest-published', 'statements-issued'];
    if (!others.every((step) => steps.has(step))) return false;
    await reach('closed');
    await calendars.handle(calendar, { type: 'finish', period, at }, context);
    return true;
  }

  /** @returns false while it waits for something. */
  private async reopen({ name, at, context, steps, reach, reached, signal }: UnderWay): Promise<boolean> {
    const { calendar, period } = name;
    const { calendars, budgets } = this.on;
    // A closing that had not sealed its period has nothing to be withdrawn.
    if (steps.has('sealed')) {
      if (!steps.has('unsealed')) {
        if (!steps.has('statements-withdrawn')) {
          if (!steps.has('approval-begun')) return false;
          await calendars.handle(calendar, { type: 'refuse-reopening', period, at }, context);
          return true;
        }
        await calendars.handle(calendar, { type: 'unseal', period, at }, context);
        await reach('unsealed');
      }
      if (!steps.has('earnings-reopened')) {
        // Decisions that read the calendar before that have to be appended as well.
        if (!(await reached('unseal', [...EARNED_BY, READ_MODEL]))) return false;
        const openFrom = openFromOf(calendar, await calendars.state(calendar));
        await this.reopenStreams(name, openFrom, at, context, signal);
        await budgets.reopenPeriods(calendar, openFrom, at, context);
        await reach('earnings-reopened');
      }
      if (!steps.has('rewards-reopened')) return false;
    }
    await reach('reopened');
    await calendars.handle(calendar, { type: 'finish-reopening', period, at }, context);
    return true;
  }

  /** Further rounds of internal messages until earnings are stable: to a budget and back, then to the payees above. */
  private async internalRounds(calendar: string): Promise<number> {
    const { plans } = this.on;
    // Another process may have published versions.
    await plans.reload();
    const components = plans
      .ids()
      .flatMap((id) => plans.find(id)?.versions ?? [])
      .filter(({ plan }) => plan.calendarKey === calendar)
      .flatMap(({ plan }) => plan.components);
    const toBudgets = components.some(({ budgetMinor }) => budgetMinor !== undefined) ? 2 : 0;
    return toBudgets + (components.some(isOfEarning) ? 1 : 0);
  }

  /** A stream that is closed appends nothing. */
  private async closeStreams({ name, at, context, signal }: UnderWay): Promise<void> {
    const { calendar, period } = name;
    // Includes streams with lines of an earlier period that was never closed; they are posted in this one.
    const rows = await this.on.db
      .selectFrom('commission_streams')
      .select('stream')
      .distinct()
      .where('calendar', '=', calendar)
      .where('period', '<=', period)
      .where('entry', 'is', null)
      .orderBy('stream')
      .execute();
    for (const streams of batchesOf(rows, signal)) await this.closeBatch(streams, period, at, context);
  }

  /** Streams that closed the period, and those with lines after it, which may move back. */
  private async reopenStreams(
    { calendar, period }: ClosingName,
    openFrom: string | null,
    at: string,
    context: CommandContext,
    signal: AbortSignal,
  ): Promise<void> {
    const rows = await this.on.db
      .selectFrom('commission_streams')
      .select('stream')
      .distinct()
      .where('calendar', '=', calendar)
      .where('period', '!=', EVERY_PERIOD)
      .where('period', '>=', period)
      .orderBy('stream')
      .execute();
    const command = { type: 'reopen-period', period, openFrom, at } as const;
    for (const streams of batchesOf(rows, signal))
      await this.handleAll(streams.map((stream) => ({ stream, command, context })));
  }

  private async closeBatch(
    streams: readonly string[],
    period: string,
    at: string,
    context: CommandContext,
  ): Promise<void> {
    const { plans } = this.on;
    // Another process may have published a version; the closing needs the minimum of the one in force.
    await plans.refresh([...new Set(streams.map(planOfEarningStream))]);
    const work = streams.map((stream): Work<EarningCommand> => {
      const { payee, plan } = payeePlanOf(stream);
      const { version, minimumMinor, decimals } = this.planAtPeriodStart(plan, period);
      const minimum = formatMinor(minimumMinor, decimals);
      const command = { type: 'close-period', payee, plan, period, minimum, planVersion: version, at } as const;
      return { stream, command, context };
    });
    await this.handleAll(work);
  }

  /** @throws the refusal of a command */
  private async handleAll(work: readonly Work<EarningCommand>[]): Promise<void> {
    const results = await this.on.earnings.handleMany(work, { isPassing: true });
    for (const result of results) if (result.outcome === 'refused') throw result.error;
  }

  /** The plan version in force when the period begins; the first one if the period begins before it. */
  private planAtPeriodStart(plan: string, period: string): CompiledPlan {
    const versions = this.on.plans.find(plan)?.versions ?? [];
    let inForce = versions[0];
    if (inForce === undefined) throw new Error(`the plan ${plan} has no published version`);
    const day = windowStartDay(inForce.plan.calendar, period);
    for (const version of versions)
      if (version.effectiveFrom <= day && version.effectiveFrom >= inForce.effectiveFrom) inForce = version;
    return inForce.plan;
  }

  /** In order of stream. */
  private async manifest({ calendar, period }: ClosingName): Promise<readonly ManifestEntry[]> {
    const rows = await this.on.db
      .selectFrom('commission_streams')
      .select('entry')
      .where('calendar', '=', calendar)
      .where('period', '=', period)
      .where('entry', 'is not', null)
      .orderBy('stream')
      .execute();
    return rows
      .map(({ entry }) => JSON.parse(entry ?? '') as ManifestEntry)
      .filter(({ lines, negative }) => lines > 0 || negative !== undefined);
  }
}

function* batchesOf(rows: readonly { readonly stream: string }[], signal: AbortSignal): Generator<readonly string[]> {
  for (let start = 0; start < rows.length; start += BATCH_STREAMS) {
    signal.throwIfAborted();
    yield rows.slice(start, start + BATCH_STREAMS).map(({ stream }) => stream);
  }
}
