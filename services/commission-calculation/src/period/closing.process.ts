/**
 * Closes a period, stage by stage. Every step is idempotent and asks nothing of what an earlier run remembered: after a kill
 * at any moment, the whole closing runs again and ends in the same.
 *
 * 1. The facts of before the closing are credited: the ends of `deals`, `partners` and `references.inbound` are captured, and
 *    waited for.
 * 2. They are earned: the follower has credited again what they made stale, the relay has published it, and the end of
 *    `commission-credits` is captured and waited for; again for what is told on within this service (to budgets, to payees above).
 * 3. The period is sealed: from now on postings go into the next one. Batches that were fetched before the seal are waited for.
 * 4. Every stream with a line in the period is closed.
 * 5. The manifest is said.
 */
import { windowStartDay } from '@tantieme/time/calendar/periods';
import { isOfEarning } from '@tantieme/commission-engine/earn/component-rules';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { TOPICS } from '@tantieme/contracts/topics';
import { waitUntilCommitted } from '@tantieme/event-sourcing/process/consumer';
import type { CommandContext, Work } from '@tantieme/event-sourcing/decide/runtime';
import type { EventFilter, Position } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { formatMinor } from '@tantieme/money/amount';
import type { Kysely } from 'kysely';
import { CREDITS_TOPIC } from '../credit/credit.events-out.js';
import { CALENDAR, calendarStream } from './calendar.js';
import { EARNING } from '../earning/earning.js';
import type { EarningCommand } from '../earning/earning.js';
import { pagesOf, periodStream } from './period.js';
import type { PeriodCommand, Stage } from './period.js';
import { ACTOR } from '../events-out.js';
import { CREDIT_GROUP, EARN_GROUP, REFERENCE_GROUP } from '../inputs.consumer.js';
import type { CommissionTables } from '../ledger.tables.js';
import type { Runtimes } from '../runtimes.service.js';

export const CLOSINGS: EventFilter = { categories: [CALENDAR], types: ['PeriodClosing'] };

/** Earning streams that are closed in one go: their states are all in memory at once. */
const STREAMS_AT_ONCE = 100;

/** Waits until a follower of the log, wherever it runs, has come to a position. @throws the signal's reason */
export type AwaitPosition = (work: string, position: Position, signal: AbortSignal) => Promise<void>;

export class Closing {
  constructor(
    private readonly runtimes: Runtimes,
    private readonly broker: Broker,
    private readonly db: Kysely<CommissionTables>,
    private readonly reached: AwaitPosition,
  ) {}

  /** Runs the closing that a calendar has begun to its end. Nothing where it has begun none. @throws the signal's reason */
  async run(calendar: string, correlationId: string, signal: AbortSignal): Promise<void> {
    const { closing } = (await this.runtimes.calendars.load(calendarStream(calendar))).state;
    if (closing === null) return;
    const { period, at } = closing;
    const context = { actor: ACTOR, correlationId, cause: `closing:${calendar}:${period}` };
    const tell = (command: PeriodCommand): Promise<unknown> =>
      this.runtimes.periods.handle(periodStream(calendar, period), command, context);
    const reach = (stage: Stage): Promise<unknown> => tell({ type: 'reach-stage', stage, at });

    await this.factsCredited(signal);
    await reach('facts-credited');
    for (let left = await this.timesToldOn(calendar); left >= 0; left--) await this.creditsEarned(signal);
    await reach('credits-earned');

    await this.runtimes.calendars.handle(calendarStream(calendar), { type: 'seal', period, at }, context);
    await this.creditsEarned(signal);
    await reach('sealed');

    await this.closeStreams(calendar, period, at, context, signal);
    await reach('streams-closed');

    for (const page of pagesOf(calendar, period, await this.manifest(calendar, period)))
      await tell({ type: 'add-page', page, at });
    await tell({ type: 'close', at });
    await this.runtimes.calendars.handle(calendarStream(calendar), { type: 'finish', period, at }, context);
  }

  private async factsCredited(signal: AbortSignal): Promise<void> {
    const { broker } = this;
    const [deals, partners, inbound] = [
      await broker.endPositions(TOPICS.deals),
      await broker.endPositions(TOPICS.partners),
      await broker.endPositions(TOPICS.referencesInbound),
    ];
    await waitUntilCommitted({ broker, group: REFERENCE_GROUP, topic: TOPICS.partners, end: partners, signal });
    await waitUntilCommitted({ broker, group: REFERENCE_GROUP, topic: TOPICS.referencesInbound, end: inbound, signal });
    await waitUntilCommitted({ broker, group: CREDIT_GROUP, topic: TOPICS.deals, end: deals, signal });
  }

  /**
   * How often what is earned is told on within this service before it comes to rest: to a budget and back, then to the payees
   * above. Each is another round of messages to wait for.
   */
  private async timesToldOn(calendar: string): Promise<number> {
    const { planBook } = this.runtimes;
    // Versions are published elsewhere.
    await planBook.fill();
    const components = planBook
      .ids()
      .flatMap((id) => planBook.find(id)?.versions ?? [])
      .filter(({ plan }) => plan.calendarKey === calendar)
      .flatMap(({ plan }) => plan.components);
    const toBudgets = components.some(({ budgetMinor }) => budgetMinor !== undefined) ? 2 : 0;
    return toBudgets + (components.some(isOfEarning) ? 1 : 0);
  }

  private async creditsEarned(signal: AbortSignal): Promise<void> {
    const { broker, reached } = this;
    const { store } = this.runtimes;
    // Before the follower is there, it may still credit deals again; what it has credited is behind the second head.
    await reached('commission-index', await store.head(), signal);
    for (const relay of ['commission-credit-relay', 'commission-relay'])
      await reached(relay, await store.head(), signal);
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
    await this.reached('commission-read-model', await this.runtimes.store.head(), signal);
    // Also streams with a line of an earlier period that was never closed: it is posted in this one.
    const rows = await this.db
      .selectFrom('commission_streams')
      .select('stream')
      .distinct()
      .where('calendar', '=', calendar)
      .where('period', '<=', period)
      .where('entry', 'is', null)
      .orderBy('stream')
      .execute();
    for (let start = 0; start < rows.length; start += STREAMS_AT_ONCE) {
      signal.throwIfAborted();
      const some = rows.slice(start, start + STREAMS_AT_ONCE).map(({ stream }) => stream);
      await this.close(some, period, at, context);
    }
    await this.reached('commission-read-model', await this.runtimes.store.head(), signal);
  }

  private async close(streams: readonly string[], period: string, at: string, context: CommandContext): Promise<void> {
    // Versions are published elsewhere, and the minimum is that of the one in force.
    await this.runtimes.planBook.reload([...new Set(streams.map(planOfStream))]);
    const work = streams.map((stream): Work<EarningCommand> => {
      const { hash, minimumMinor, decimals } = this.planInForce(planOfStream(stream), period);
      const minimum = formatMinor(minimumMinor, decimals);
      return { stream, command: { type: 'close-period', period, minimum, planHash: hash, at }, context };
    });
    for (const result of await this.runtimes.earnings.handleMany(work)) {
      if (result.outcome === 'accepted') continue;
      if (result.error.code !== 'PostingUnfinished') throw result.error;
      // Left by a process that was killed between a large change and its postings.
      await this.runtimes.earning.postRest(result.stream, period, at, context);
      await this.close([result.stream], period, at, context);
    }
  }

  /** The plan's version that is in force when the period begins. */
  private planInForce(plan: string, period: string): CompiledPlan {
    const versions = this.runtimes.planBook.find(plan)?.versions ?? [];
    let inForce = versions[0];
    if (inForce === undefined) throw new Error(`there is no plan ${plan}`);
    const day = windowStartDay(inForce.plan.calendar, period);
    for (const version of versions)
      if (version.effectiveFrom <= day && version.effectiveFrom >= inForce.effectiveFrom) inForce = version;
    return inForce.plan;
  }

  /** In order of stream. */
  private async manifest(calendar: string, period: string): Promise<readonly ManifestEntry[]> {
    const rows = await this.db
      .selectFrom('commission_streams')
      .select('entry')
      .where('calendar', '=', calendar)
      .where('period', '=', period)
      .where('entry', 'is not', null)
      .orderBy('stream')
      .execute();
    return rows
      .map(({ entry }): ManifestEntry => JSON.parse(entry ?? ''))
      .filter(({ lines, negative }) => lines > 0 || negative !== undefined);
  }
}

function planOfStream(stream: string): string {
  const name = stream.slice(EARNING.length + 1);
  return name.slice(name.indexOf('|') + 1);
}
