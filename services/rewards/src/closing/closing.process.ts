/**
 * Closes the periods of rewards: each once commission-calculation has closed the same period and everything published
 * before has been received. Each step may be interrupted and repeated: a completed step appends nothing.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { compareText } from '@tantieme/contracts/compare-text';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { TOPICS } from '@tantieme/contracts/topics';
import { advanceCheckpoint, migrateCheckpoints, readCheckpoint } from '@tantieme/event-sourcing/read-model/checkpoints';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { waitUntilCommitted } from '@tantieme/event-sourcing/process/consumer';
import { errorMessage } from '@tantieme/event-sourcing/process/running-process';
import type { EventStore, Position } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import type { Kysely } from 'kysely';

import { manifestEntryOf } from '../bonus/bonus.js';
import { bonusesWithLinesIn } from '../bonus/bonus.tables.js';
import type { BonusTables } from '../bonus/bonus.tables.js';
import type { Bonuses } from '../bonus/bonuses.service.js';
import { COMMISSIONS_GROUP } from '../bonus/commissions.consumer.js';
import { caughtUp } from '../catch-up/catch-up.process.js';
import { PARTNERS_GROUP } from '../participant/participant.consumer.js';
import {
  calendarStream,
  isManifestComplete,
  periodStream,
  REWARDS_PERIOD,
  REWARDS_PERIOD_EVENTS,
} from '../period/period.js';
import { MANIFEST_PAGE_ENTRIES } from '../limits.js';
import type { PeriodEvent } from '../period/period.js';
import type { Calendars, Periods } from '../period/periods.service.js';
import { serviceContext } from '../service-context.js';

const CHECKPOINT = 'rewards-closing';

/** Bonuses that are closed together. */
const BONUSES_PER_BATCH = 250;

/** Events of periods per read: a manifest page has about 150 KB. */
const EVENTS_PER_READ = 20;

const RETRY_MS = 500;

/** How often the checkpoint is saved. It shortens a restart, and shows other replicas how far this one has read. */
const SAVE_MS = 1000;

interface PeriodName {
  readonly calendar: string;
  readonly period: string;
}

/** Waits until background work, in any replica, has processed the log up to a position. @throws the signal's reason */
export type AwaitPosition = (work: string, position: Position, signal: AbortSignal) => Promise<void>;

export class Closing {
  private readonly stopping = new AbortController();
  private readonly pending = new Map<string, PeriodName>();
  /** Position up to which events of periods were read. */
  private through: Position = 0n;
  /** Position of the saved checkpoint: every period that began to close before it is closed. */
  private saved: Position = 0n;
  private running: Promise<unknown> = Promise.resolve();
  private error: string | undefined;

  constructor(
    private readonly options: {
      readonly store: EventStore;
      readonly broker: Broker;
      readonly db: Kysely<BonusTables>;
      readonly bonuses: Bonuses;
      readonly calendars: Calendars;
      readonly periods: Periods;
      readonly awaitPosition: AwaitPosition;
      readonly onError: (error: unknown) => void;
    },
  ) {}

  start(): this {
    this.running = Promise.all([this.run(), this.keepCheckpoint()]);
    return this;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  async position(): Promise<Position> {
    return this.pending.size === 0 ? this.through : this.saved;
  }

  lastError(): string | undefined {
    return this.error;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted)
      try {
        await this.follow();
      } catch (error) {
        if (signal.aborted) return;
        this.error = errorMessage(error);
        this.options.onError(error);
        await pause(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    const { store, db } = this.options;
    const filter = { categories: [REWARDS_PERIOD] };
    await migrateCheckpoints(db);
    this.saved = await readCheckpoint(db, CHECKPOINT);
    this.through = this.saved;
    await this.closePending();
    for await (const page of store.subscribe({ after: this.through, filter, batchSize: EVENTS_PER_READ, signal })) {
      for (const stored of page.events) {
        const { stream } = stored;
        const { type, data } = domainEventOf<PeriodEvent>(stored, REWARDS_PERIOD_EVENTS);
        if (type === 'RewardsPeriodClosed') this.pending.delete(stream);
        else if (!this.pending.has(stream)) {
          const { calendar, period } = data;
          this.pending.set(stream, { calendar, period });
        }
      }
      this.through = page.through;
      if (page.events.length > 0) await this.closePending();
    }
  }

  private async keepCheckpoint(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await pause(SAVE_MS, undefined, { signal }).catch(() => undefined);
      try {
        await this.save();
      } catch (error) {
        this.options.onError(error);
      }
    }
  }

  private async save(): Promise<void> {
    const { through } = this;
    const { db, store } = this.options;
    if (this.pending.size > 0 || through <= this.saved) return;
    const from = await readCheckpoint(db, CHECKPOINT);
    if (from < through) await advanceCheckpoint(db, CHECKPOINT, from, through, await store.hashAt(through));
    this.saved = through;
  }

  private async closePending(): Promise<void> {
    const inOrder = [...this.pending.entries()].sort(([, left], [, right]) => compareText(left.period, right.period));
    const blockedCalendars = new Set<string>();
    for (const [stream, name] of inOrder) {
      if (blockedCalendars.has(name.calendar)) continue;
      if (await this.close(name)) this.pending.delete(stream);
      else blockedCalendars.add(name.calendar);
    }
    this.error = undefined;
  }

  /** @returns false while pages of the manifest of commission-calculation are missing. */
  private async close(name: PeriodName): Promise<boolean> {
    const { periods, calendars } = this.options;
    const { calendar, period } = name;
    const stream = periodStream(calendar, period);
    const { state } = await periods.load(stream);
    if (state.closed) return true;
    if (!isManifestComplete(state)) return false;
    const at = state.publishedAt;
    // Everything published before the manifest counts in this period, so it has to be received before the closing
    // begins.
    await this.awaitUpstream();
    await calendars.handle(
      calendarStream(calendar),
      { type: 'begin-closing', at, calendar, period },
      serviceContext(stream, stream),
    );
    // Decisions that read the calendar before the closing began are still valid; wait until they are appended.
    await this.awaitUpstream();
    const entries = await this.closeBonuses(name, at);
    const pages = Math.max(1, Math.ceil(entries.length / MANIFEST_PAGE_ENTRIES));
    for (let page = 1; page <= pages; page += 1)
      await periods.handle(
        stream,
        {
          type: 'write-manifest-page',
          calendar,
          period,
          page,
          pages,
          entries: entries.slice((page - 1) * MANIFEST_PAGE_ENTRIES, page * MANIFEST_PAGE_ENTRIES),
        },
        serviceContext(`${stream}:${page}`, stream),
      );
    await periods.handle(stream, { type: 'close' }, serviceContext(`${stream}:close`, stream));
    return true;
  }

  /** Waits until partners, earnings, eligibility and catch-ups have processed everything published so far. */
  private async awaitUpstream(): Promise<void> {
    const { signal } = this.stopping;
    const { broker, store, bonuses, awaitPosition } = this.options;
    for (const [topic, group] of [
      [TOPICS.partners, PARTNERS_GROUP],
      [TOPICS.commissions, COMMISSIONS_GROUP],
    ] as const)
      await waitUntilCommitted({ broker, group, topic, end: await broker.endPositions(topic), signal });
    await awaitPosition('rewards-eligibility', await store.head(), signal);
    await caughtUp(bonuses.referenceData, signal);
  }

  /** @returns the entries of the manifest, in order of stream. */
  private async closeBonuses({ calendar, period }: PeriodName, at: string): Promise<readonly ManifestEntry[]> {
    const { store, db, bonuses, awaitPosition } = this.options;
    const { signal } = this.stopping;
    await bonuses.referenceData.refresh();
    await awaitPosition('rewards-read-model', await store.head(), signal);
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
