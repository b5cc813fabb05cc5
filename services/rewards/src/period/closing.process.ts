/**
 * Closes the periods of rewards, each after commission-calculation has closed its own and everything that it said before
 * is taken. Every stage may be broken off and done again: what was done says so.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { compareText } from '@tantieme/contracts/compare-text';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { TOPICS } from '@tantieme/contracts/topics';
import { advanceCheckpoint, migrateCheckpoints, readCheckpoint } from '@tantieme/event-sourcing/read-model/checkpoints';
import { waitUntilCommitted } from '@tantieme/event-sourcing/process/consumer';
import { errorMessage } from '@tantieme/event-sourcing/process/running-process';
import type { Position } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import type { Kysely } from 'kysely';

import { caughtUp } from '../programme/catch-ups.process.js';
import { manifestEntryOf } from '../bonus/bonus.js';
import { calendarStream, isHeard, MANIFEST_PAGE_ENTRIES, periodStream, REWARDS_PERIOD } from './period.js';
import { GROUPS } from '../consumer-groups.js';
import { bonusesWithLinesIn } from '../rewards.tables.js';
import type { RewardsTables } from '../rewards.tables.js';
import { serviceContext } from '../runtimes.service.js';
import type { Runtimes } from '../runtimes.service.js';

const CHECKPOINT = 'rewards-closing';

/** Bonuses that are closed together. */
const BONUSES_PER_BATCH = 250;

/** Period events a page: a manifest page has some 150 KB. */
const PAGE_EVENTS = 20;

const RETRY_MS = 500;

/** The checkpoint is saved this rarely: it only spares a restart, and tells other replicas how far this one is. */
const SAVE_MS = 1000;

interface Place {
  readonly calendar: string;
  readonly period: string;
}

/** Waits until a follower of the log, wherever it runs, has come to a position. @throws the signal's reason */
export type AwaitPosition = (work: string, position: Position, signal: AbortSignal) => Promise<void>;

export class Closing {
  private readonly stopping = new AbortController();
  private readonly pending = new Map<string, Place>();
  private through: Position = 0n;
  /** Every period that was heard of before is closed. */
  private saved: Position = 0n;
  private running: Promise<unknown> = Promise.resolve();
  private error: string | undefined;

  constructor(
    private readonly runtimes: Runtimes,
    private readonly broker: Broker,
    private readonly db: Kysely<RewardsTables>,
    private readonly reached: AwaitPosition,
    private readonly onError: (error: unknown) => void,
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
        await this.listen();
      } catch (error) {
        if (signal.aborted) return;
        this.error = errorMessage(error);
        this.onError(error);
        await pause(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
  }

  private async listen(): Promise<void> {
    const { signal } = this.stopping;
    const filter = { categories: [REWARDS_PERIOD] };
    await migrateCheckpoints(this.db);
    this.saved = await readCheckpoint(this.db, CHECKPOINT);
    this.through = this.saved;
    await this.closePending();
    for await (const page of this.runtimes.store.subscribe({
      after: this.through,
      filter,
      batchSize: PAGE_EVENTS,
      signal,
    })) {
      for (const { stream, type, dataText } of page.events) {
        if (type === 'RewardsPeriodClosed') this.pending.delete(stream);
        else if (!this.pending.has(stream)) {
          const { calendar, period }: Place = JSON.parse(dataText);
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
        this.onError(error);
      }
    }
  }

  private async save(): Promise<void> {
    const { through } = this;
    if (this.pending.size > 0 || through <= this.saved) return;
    const from = await readCheckpoint(this.db, CHECKPOINT);
    if (from < through) await advanceCheckpoint(this.db, CHECKPOINT, from, through);
    this.saved = through;
  }

  private async closePending(): Promise<void> {
    const inOrder = [...this.pending.entries()].sort(([, left], [, right]) => compareText(left.period, right.period));
    const blocked = new Set<string>();
    for (const [stream, place] of inOrder) {
      if (blocked.has(place.calendar)) continue;
      if (await this.close(place)) this.pending.delete(stream);
      else blocked.add(place.calendar);
    }
    this.error = undefined;
  }

  /** @returns false while commission-calculation has not said all of its manifest. */
  private async close(place: Place): Promise<boolean> {
    const { calendar, period } = place;
    const stream = periodStream(calendar, period);
    const { state } = await this.runtimes.periods.load(stream);
    if (state.closed) return true;
    if (!isHeard(state)) return false;
    const at = state.saidAt;
    // All that was said before the manifest counts in this period: it is taken before the closing begins.
    await this.upstreamSettled();
    await this.runtimes.calendars.handle(
      calendarStream(calendar),
      { type: 'begin-closing', at, calendar, period },
      serviceContext(stream, stream),
    );
    // Whoever looked at the calendar before has stored its decision now.
    await this.upstreamSettled();
    const entries = await this.closeBonuses(place, at);
    const pages = Math.max(1, Math.ceil(entries.length / MANIFEST_PAGE_ENTRIES));
    for (let page = 1; page <= pages; page += 1)
      await this.runtimes.periods.handle(
        stream,
        {
          type: 'write-page',
          calendar,
          period,
          page,
          pages,
          entries: entries.slice((page - 1) * MANIFEST_PAGE_ENTRIES, page * MANIFEST_PAGE_ENTRIES),
        },
        serviceContext(`${stream}:${page}`, stream),
      );
    await this.runtimes.periods.handle(stream, { type: 'close' }, serviceContext(`${stream}:close`, stream));
    return true;
  }

  private async upstreamSettled(): Promise<void> {
    const { signal } = this.stopping;
    const { broker } = this;
    for (const [topic, group] of [
      [TOPICS.partners, GROUPS.partners],
      [TOPICS.commissions, GROUPS.commissions],
    ] as const)
      await waitUntilCommitted({ broker, group, topic, end: await broker.endPositions(topic), signal });
    await this.reached('rewards-eligibility', await this.runtimes.store.head(), signal);
    await caughtUp(this.runtimes, signal);
  }

  /** @returns the entries of the manifest, in order of stream. */
  private async closeBonuses({ calendar, period }: Place, at: string): Promise<readonly ManifestEntry[]> {
    const { runtimes, db } = this;
    await runtimes.directory.refresh();
    await this.reached('rewards-read-model', await runtimes.store.head(), this.stopping.signal);
    const entries: ManifestEntry[] = [];
    for await (const streams of bonusesWithLinesIn(db, calendar, period, BONUSES_PER_BATCH)) {
      this.stopping.signal.throwIfAborted();
      const results = await runtimes.bonuses.handleMany(
        streams.map((stream) => ({
          stream,
          command: { type: 'close-period', at, period },
          context: serviceContext(periodStream(calendar, period), periodStream(calendar, period)),
        })),
      );
      for (const result of results) {
        if (result.outcome === 'refused') throw result.error;
        const programme = runtimes.directory.programmeOf(result.state.programme);
        const entry = programme && manifestEntryOf(result.state, programme, period);
        if (entry !== undefined) entries.push(entry);
      }
    }
    return entries.sort((left, right) => compareText(left.stream, right.stream));
  }
}
