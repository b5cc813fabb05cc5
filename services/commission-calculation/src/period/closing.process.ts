/**
 * Closes periods, calendars side by side, stage by stage. Each stage is idempotent and nothing of an earlier run is
 * needed: after a kill at any moment, the closing runs again and ends in the same state.
 *
 * 1. The facts from before the closing are credited: the consumers have reached the end of the log.
 * 2. The credits are earned: deals whose partner, plan or rate changed are credited again, and the earning consumer has
 *    caught up; once more for each further round of internal messages (to budgets, to payees above).
 * 3. The period is sealed: postings go into the next one from now on. Batches from before the seal are finished.
 * 4. Every stream with a line in the period is closed.
 * 5. The manifest is published.
 */
import { windowStartDay } from '@tantieme/time/calendar/periods';
import { isOfEarning } from '@tantieme/commission-engine/earn/component-rules';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import type { CommandContext, Work } from '@tantieme/event-sourcing/decide/runtime';
import { metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import type { Process, StepContext } from '@tantieme/event-sourcing/process/process';
import { Waits } from '@tantieme/event-sourcing/process/waits';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { formatMinor } from '@tantieme/money/amount';
import type { Kysely } from 'kysely';
import { CALENDAR, calendarOfStream } from '../calendar/calendar.js';
import type { Calendars } from '../calendar/calendars.service.js';
import { CREDIT_CONSUMER } from '../credit/credit.consumer.js';
import { EARN_CONSUMER } from '../earning/earning.consumer.js';
import { payeePlanOf, planOfEarningStream } from '../earning/earning.js';
import type { EarningCommand } from '../earning/earning.js';
import type { Earning, EarningRuntime } from '../earning/earning.service.js';
import type { EarningTables } from '../earning/earning.tables.js';
import type { PlanCatalog } from '../plan/plan-catalog.service.js';
import { REFERENCE_CONSUMER } from '../reference/reference.consumer.js';
import { READ_MODEL } from '../service-identity.js';
import { pagesOf } from './period.js';
import type { PeriodCommand, Stage } from './period.js';
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
  readonly earnings: EarningRuntime;
  readonly earning: Earning;
}

export class Closing {
  private readonly waits: Waits;
  /** Calendars that are closing, with the correlation id of the request. */
  private readonly open = new Map<string, string>();

  constructor(private readonly on: ClosingDependencies) {
    this.waits = new Waits(on.store);
  }

  process(): Process<StoredEvent> {
    return {
      name: 'commission-closing',
      replicas: 'one-replica',
      source: logSource({ categories: [CALENDAR], types: ['PeriodClosing'] }),
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

  /** Goes as far as possible with the closing of a calendar, if there is one. */
  private async proceed(calendar: string, correlationId: string, step: StepContext): Promise<'open' | void> {
    const { calendars, periods } = this.on;
    const { closing } = await calendars.state(calendar);
    if (closing === null) return;
    const { period, at } = closing;
    const context = { correlationId, cause: `closing:${calendar}:${period}` };
    const handle = (command: PeriodCommand): Promise<void> => periods.handle(calendar, period, command, context);
    const reachStage = (stage: Stage): Promise<void> => handle({ type: 'reach-stage', stage, at });
    const reached = (place: string, processes: readonly string[]): Promise<boolean> =>
      this.waits.reached(`${calendar} ${place}`, processes, step);

    if (!(await reached('facts', [REFERENCE_CONSUMER, CREDIT_CONSUMER]))) return 'open';
    await reachStage('facts-credited');
    for (let rounds = await this.internalRounds(calendar); rounds >= 0; rounds--)
      if (!(await reached(`credits ${rounds}`, EARNED_BY))) return 'open';
    await reachStage('credits-earned');

    await calendars.handle(calendar, { type: 'seal', period, at }, context);
    if (!(await reached('seal', EARNED_BY))) return 'open';
    await reachStage('sealed');

    if (!(await reached('streams', [READ_MODEL]))) return 'open';
    await this.closeStreams(calendar, period, at, context, step.signal);
    if (!(await reached('manifest', [READ_MODEL]))) return 'open';
    await reachStage('streams-closed');

    for (const page of pagesOf(calendar, period, await this.manifest(calendar, period)))
      await handle({ type: 'add-page', page, at });
    await handle({ type: 'close', at });
    await calendars.handle(calendar, { type: 'finish', period, at }, context);
    this.waits.forget(`${calendar} `);
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
  private async closeStreams(
    calendar: string,
    period: string,
    at: string,
    context: CommandContext,
    signal: AbortSignal,
  ): Promise<void> {
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
    for (let start = 0; start < rows.length; start += BATCH_STREAMS) {
      signal.throwIfAborted();
      const streams = rows.slice(start, start + BATCH_STREAMS).map(({ stream }) => stream);
      await this.close(streams, period, at, context);
    }
  }

  private async close(streams: readonly string[], period: string, at: string, context: CommandContext): Promise<void> {
    const { plans, earnings } = this.on;
    // Another process may have published a version; the closing needs the minimum of the one in force.
    await plans.refresh([...new Set(streams.map(planOfEarningStream))]);
    const work = streams.map((stream): Work<EarningCommand> => {
      const { payee, plan } = payeePlanOf(stream);
      const { version, minimumMinor, decimals } = this.planAtPeriodStart(plan, period);
      const minimum = formatMinor(minimumMinor, decimals);
      const command = { type: 'close-period', payee, plan, period, minimum, planVersion: version, at } as const;
      return { stream, command, context };
    });
    for (const result of await earnings.handleMany(work)) if (result.outcome === 'refused') throw result.error;
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
  private async manifest(calendar: string, period: string): Promise<readonly ManifestEntry[]> {
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
