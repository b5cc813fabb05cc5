/**
 * Closes a period, stage by stage. Each step is idempotent and remembers nothing of an earlier run: after a kill at any
 * moment, the whole closing runs again and ends in the same state.
 *
 * 1. Credit the facts from before the closing: note the ends of `deals`, `partners` and
 *    `references.inbound`, and wait until the consumers reach them.
 * 2. Earn the credits: wait until deals whose partner, plan or rate changed are credited again and the relays have
 *    published them; note the end of `commission-credits` and wait for it; repeat for each further round of internal
 * messages (to budgets, to payees
 *    above).
 * 3. Seal the period: postings go into the next one from now on. Wait for batches that were fetched before the seal.
 * 4. Close every stream with a line in the period.
 * 5. Publish the manifest.
 */
import { windowStartDay } from '@tantieme/time/calendar/periods';
import { isOfEarning } from '@tantieme/commission-engine/earn/component-rules';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { TOPICS } from '@tantieme/contracts/topics';
import { waitUntilCommitted } from '@tantieme/event-sourcing/process/consumer';
import type { CommandContext, Work } from '@tantieme/event-sourcing/decide/runtime';
import type { EventFilter, EventStore, Position } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { formatMinor } from '@tantieme/money/amount';
import type { Kysely } from 'kysely';
import { CALENDAR } from '../calendar/calendar.js';
import type { Calendars } from '../calendar/calendars.service.js';
import { CREDIT_GROUP } from '../credit/credit.consumer.js';
import { CREDITS_TOPIC } from '../credit/credit.events-out.js';
import { EARN_GROUP } from '../earning/earning.consumer.js';
import { planOfEarningStream } from '../earning/earning.js';
import type { EarningCommand } from '../earning/earning.js';
import type { Earning, EarningRuntime } from '../earning/earning.service.js';
import type { EarningTables } from '../earning/earning.tables.js';
import type { PlanCatalog } from '../plan/plan-catalog.service.js';
import { REFERENCE_GROUP } from '../reference/reference.consumer.js';
import { ACTOR } from '../service-identity.js';
import { pagesOf } from './period.js';
import type { PeriodCommand, Stage } from './period.js';
import type { Periods } from './periods.service.js';

export const CLOSINGS: EventFilter = { categories: [CALENDAR], types: ['PeriodClosing'] };

/** Earning streams closed per batch: their states are in memory at the same time. */
const BATCH_STREAMS = 100;

/**
 * Waits until a process of this name, in any thread or replica, has reached a position of the log.
 * @throws the signal's reason
 */
export type AwaitPosition = (name: string, position: Position, signal: AbortSignal) => Promise<void>;

export interface ClosingDependencies {
  readonly store: EventStore;
  readonly broker: Broker;
  readonly db: Kysely<EarningTables>;
  readonly plans: PlanCatalog;
  readonly calendars: Calendars;
  readonly periods: Periods;
  readonly earnings: EarningRuntime;
  readonly earning: Earning;
  readonly awaitPosition: AwaitPosition;
}

export class Closing {
  constructor(private readonly on: ClosingDependencies) {}

  /** Runs the closing of a calendar to its end, if there is one. @throws the signal's reason */
  async run(calendar: string, correlationId: string, signal: AbortSignal): Promise<void> {
    const { calendars, periods } = this.on;
    const { closing } = await calendars.state(calendar);
    if (closing === null) return;
    const { period, at } = closing;
    const context = { actor: ACTOR, correlationId, cause: `closing:${calendar}:${period}` };
    const handle = (command: PeriodCommand): Promise<void> => periods.handle(calendar, period, command, context);
    const reachStage = (stage: Stage): Promise<void> => handle({ type: 'reach-stage', stage, at });

    await this.factsCredited(signal);
    await reachStage('facts-credited');
    for (let rounds = await this.internalRounds(calendar); rounds >= 0; rounds--) await this.creditsEarned(signal);
    await reachStage('credits-earned');

    await calendars.handle(calendar, { type: 'seal', period, at }, context);
    await this.creditsEarned(signal);
    await reachStage('sealed');

    await this.closeStreams(calendar, period, at, context, signal);
    await reachStage('streams-closed');

    for (const page of pagesOf(calendar, period, await this.manifest(calendar, period)))
      await handle({ type: 'add-page', page, at });
    await handle({ type: 'close', at });
    await calendars.handle(calendar, { type: 'finish', period, at }, context);
  }

  private async factsCredited(signal: AbortSignal): Promise<void> {
    const { broker } = this.on;
    const [deals, partners, inbound] = [
      await broker.endPositions(TOPICS.deals),
      await broker.endPositions(TOPICS.partners),
      await broker.endPositions(TOPICS.referencesInbound),
    ];
    await waitUntilCommitted({ broker, group: REFERENCE_GROUP, topic: TOPICS.partners, end: partners, signal });
    await waitUntilCommitted({ broker, group: REFERENCE_GROUP, topic: TOPICS.referencesInbound, end: inbound, signal });
    await waitUntilCommitted({ broker, group: CREDIT_GROUP, topic: TOPICS.deals, end: deals, signal });
  }

  /** Further rounds of internal messages until earnings are stable: to a budget and back, then to the payees above. */
  private async internalRounds(calendar: string): Promise<number> {
    const { plans } = this.on;
    // Another process may have published versions.
    await plans.load();
    const components = plans
      .ids()
      .flatMap((id) => plans.find(id)?.versions ?? [])
      .filter(({ plan }) => plan.calendarKey === calendar)
      .flatMap(({ plan }) => plan.components);
    const toBudgets = components.some(({ budgetMinor }) => budgetMinor !== undefined) ? 2 : 0;
    return toBudgets + (components.some(isOfEarning) ? 1 : 0);
  }

  private async creditsEarned(signal: AbortSignal): Promise<void> {
    const { store, broker, awaitPosition } = this.on;
    // Recrediting appends events, so the head is read again afterwards: the relays have to pass those too.
    await awaitPosition('commission-deal-dependencies', await store.head(), signal);
    for (const relay of ['commission-credit-relay', 'commission-relay'])
      await awaitPosition(relay, await store.head(), signal);
    const end = await broker.endPositions(CREDITS_TOPIC);
    await waitUntilCommitted({ broker, group: EARN_GROUP, topic: CREDITS_TOPIC, end, signal });
  }

  private async closeStreams(
    calendar: string,
    period: string,
    at: string,
    context: CommandContext,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, db, awaitPosition } = this.on;
    await awaitPosition('commission-read-model', await store.head(), signal);
    // Includes streams with lines of an earlier period that was never closed; they are posted in this one.
    const rows = await db
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
    await awaitPosition('commission-read-model', await store.head(), signal);
  }

  private async close(streams: readonly string[], period: string, at: string, context: CommandContext): Promise<void> {
    const { plans, earnings } = this.on;
    // Another process may have published a version; the closing needs the minimum of the one in force.
    await plans.refresh([...new Set(streams.map(planOfEarningStream))]);
    const work = streams.map((stream): Work<EarningCommand> => {
      const { hash, minimumMinor, decimals } = this.planAtPeriodStart(planOfEarningStream(stream), period);
      const minimum = formatMinor(minimumMinor, decimals);
      return { stream, command: { type: 'close-period', period, minimum, planHash: hash, at }, context };
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
