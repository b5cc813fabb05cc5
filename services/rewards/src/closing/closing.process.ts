/**
 * Closes the periods of rewards: each after commission-calculation has closed its own, and after everything that was
 * published before that was received. Reopens a period once commission-calculation posts in it again. Each step may be
 * interrupted and repeated: what is done already appends nothing.
 */
import type { ClosingName } from '@tantieme/contracts/closing';
import { compareText } from '@tantieme/contracts/compare-text';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import type { Process, StepContext } from '@tantieme/event-sourcing/process/process';
import { Waits } from '@tantieme/event-sourcing/process/waits';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { Kysely } from 'kysely';

import { manifestEntryOf } from '../bonus/bonus.js';
import { bonusesOfCalendar, bonusesWithLinesIn } from '../bonus/bonus.tables.js';
import type { BonusTables } from '../bonus/bonus.tables.js';
import type { Bonuses } from '../bonus/bonuses.service.js';
import { COMMISSIONS_CONSUMER } from '../bonus/commissions.consumer.js';
import { isCaughtUp } from '../catch-up/catch-up.process.js';
import { PARTNERS_CONSUMER } from '../participant/participant.consumer.js';
import {
  calendarStream,
  isManifestComplete,
  openAfter,
  periodStream,
  REWARDS_PERIOD,
  REWARDS_PERIOD_EVENTS,
} from '../period/period.js';
import { MANIFEST_PAGE_ENTRIES } from '../limits.js';
import type { PeriodEvent } from '../period/period.js';
import type { Calendars, Periods } from '../period/periods.service.js';
import { serviceContext } from '../service-context.js';

/** Bonuses that are closed together. */
const BONUSES_PER_BATCH = 250;

/** Events of periods per read: a manifest page has about 150 KB. */
const EVENTS_PER_READ = 20;

/** Who turns partners and earnings into bonuses. */
const UPSTREAM = [PARTNERS_CONSUMER, COMMISSIONS_CONSUMER, 'rewards-eligibility'];

type PeriodName = Pick<ClosingName, 'calendar' | 'period'>;

export class Closing {
  private readonly pending = new Map<string, PeriodName>();
  private readonly waits: Waits;

  constructor(
    private readonly on: {
      readonly store: EventStore;
      readonly db: Kysely<BonusTables>;
      readonly bonuses: Bonuses;
      readonly calendars: Calendars;
      readonly periods: Periods;
    },
  ) {
    this.waits = new Waits(on.store);
  }

  process(): Process<StoredEvent> {
    return {
      name: 'rewards-closing',
      replicas: 'one-replica',
      source: logSource({ categories: [REWARDS_PERIOD] }, EVENTS_PER_READ),
      prepare: async () => {
        this.pending.clear();
        this.waits.forget('');
      },
      step: async (events, context) => {
        for (const event of events) this.note(event);
        const byCalendar = Map.groupBy(this.pending.values(), ({ calendar }) => calendar);
        await Promise.all(
          [...byCalendar].map(([calendar, periods]) =>
            context.attempt(calendar, () => this.closeInOrder(periods, context)),
          ),
        );
        return this.pending.size > 0 ? 'open' : undefined;
      },
    };
  }

  private note(stored: StoredEvent): void {
    const { type, data } = domainEventOf<PeriodEvent>(stored, REWARDS_PERIOD_EVENTS);
    // The end of a closing is for `proceed` to find: a failure whose append succeeded is over then.
    if (type !== 'RewardsPeriodClosed' && type !== 'RewardsPeriodReopened' && !this.pending.has(stored.stream))
      this.pending.set(stored.stream, { calendar: data.calendar, period: data.period });
  }

  /** A period waits for the one before. */
  private async closeInOrder(periods: readonly PeriodName[], context: StepContext): Promise<'open' | void> {
    for (const name of [...periods].sort((left, right) => compareText(left.period, right.period))) {
      if (!(await this.proceed(name, context))) return 'open';
      const stream = periodStream(name.calendar, name.period);
      this.pending.delete(stream);
      this.waits.forget(`${stream} `);
    }
  }

  /** @returns false while something is missing. */
  private async proceed({ calendar, period }: PeriodName, step: StepContext): Promise<boolean> {
    const { state } = await this.on.periods.load(periodStream(calendar, period));
    if (state.reopeningAt !== undefined) return state.reopened || this.reopen(state.name, state.reopeningAt, step);
    if (state.closed) return true;
    return isManifestComplete(state) && this.close(state.name, state.publishedAt, step);
  }

  private async close(name: ClosingName, at: string, step: StepContext): Promise<boolean> {
    const { periods, calendars, bonuses } = this.on;
    const { calendar, period, closing } = name;
    const stream = periodStream(calendar, period);
    const received = async (place: string): Promise<boolean> =>
      (await this.waits.reached(`${stream} ${closing} ${place}`, UPSTREAM, step)) && isCaughtUp(bonuses.referenceData);

    // Everything published before the manifest counts in this period, so it has to be received before the closing
    // begins.
    if (!(await received('before'))) return false;
    await calendars.handle(
      calendarStream(calendar),
      { type: 'begin-closing', at, calendar, period },
      serviceContext(stream, stream),
    );
    // Decisions that read the calendar before that have to be appended as well.
    if (!(await received('begun'))) return false;
    if (!(await this.waits.reached(`${stream} ${closing} bonuses`, ['rewards-read-model'], step))) return false;
    const entries = await this.closeBonuses(name, at, step.signal);
    const pages = Math.max(1, Math.ceil(entries.length / MANIFEST_PAGE_ENTRIES));
    for (let page = 1; page <= pages; page += 1)
      await periods.handle(
        stream,
        {
          type: 'write-manifest-page',
          ...name,
          page,
          pages,
          entries: entries.slice((page - 1) * MANIFEST_PAGE_ENTRIES, page * MANIFEST_PAGE_ENTRIES),
        },
        serviceContext(`${stream}:${page}`, stream),
      );
    await periods.handle(stream, { type: 'close' }, serviceContext(`${stream}:close`, stream));
    return true;
  }

  private async reopen(
    { calendar, period, closing: number }: ClosingName,
    at: string,
    step: StepContext,
  ): Promise<boolean> {
    const { db, periods, calendars, bonuses } = this.on;
    const stream = periodStream(calendar, period);
    const calendarOfPeriod = calendarStream(calendar);
    await calendars.handle(calendarOfPeriod, { type: 'reopen', at, calendar, period }, serviceContext(stream, stream));
    // Decisions that read the calendar before that have to be appended as well.
    if (!(await this.waits.reached(`${stream} ${number} reopening`, [...UPSTREAM, 'rewards-read-model'], step)))
      return false;
    await bonuses.referenceData.refresh();
    const { closing } = (await calendars.load(calendarOfPeriod)).state;
    const openFrom = closing === null ? null : openAfter(calendar, closing);
    for await (const streams of bonusesOfCalendar(db, calendar, BONUSES_PER_BATCH)) {
      step.signal.throwIfAborted();
      const results = await bonuses.runtime.handleMany(
        streams.map((one) => ({
          stream: one,
          command: { type: 'reopen-period', at, period, openFrom },
          context: serviceContext(stream, stream),
        })),
      );
      for (const result of results) if (result.outcome === 'refused') throw result.error;
    }
    await periods.handle(stream, { type: 'finish-reopening' }, serviceContext(`${stream}:reopen`, stream));
    return true;
  }

  /** @returns the entries of the manifest, in order of stream. */
  private async closeBonuses(
    { calendar, period }: PeriodName,
    at: string,
    signal: AbortSignal,
  ): Promise<readonly ManifestEntry[]> {
    const { db, bonuses } = this.on;
    await bonuses.referenceData.refresh();
    const entries: ManifestEntry[] = [];
    for await (const streams of bonusesWithLinesIn(db, calendar, period, BONUSES_PER_BATCH)) {
      signal.throwIfAborted();
      const results = await bonuses.runtime.handleMany(
        streams.map((stream) => ({
          stream,
          command: { type: 'close-period', at, period },
          context: serviceContext(periodStream(calendar, period), periodStream(calendar, period)),
        })),
      );
      for (const result of results) {
        if (result.outcome === 'refused') throw result.error;
        const programme = bonuses.referenceData.programmeOf(result.state.programme);
        const entry = programme && manifestEntryOf(result.state, programme, period);
        if (entry !== undefined) entries.push(entry);
      }
    }
    return entries.sort((left, right) => compareText(left.stream, right.stream));
  }
}
