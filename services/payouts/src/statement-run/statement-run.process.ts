/**
 * Issues the statements of every period whose manifests are complete. It remembers nothing that is not in the log: after
 * a restart it looks at the settlements again that were not finished, and an account that has its statement says so.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { compareText } from '@tantieme/contracts/compare-text';
import { advanceCheckpoint, migrateCheckpoints, readCheckpoint } from '@tantieme/event-sourcing/read-model/checkpoints';
import type { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import { errorMessage } from '@tantieme/event-sourcing/process/running-process';
import type { Position, StoredEvent } from '@tantieme/event-store/event-store';

import { accountStream } from '../account/account.js';
import { accountsOf, isComplete, SETTLEMENT, settlementStream } from './statement-run.js';
import type { SettledAccount } from './statement-run.js';
import { serviceContext } from '../runtimes.service.js';
import type { Runtimes } from '../runtimes.service.js';

const CHECKPOINT = 'payouts-statement-run';

/** Accounts whose statements are appended together. */
const ACCOUNTS_PER_BATCH = 250;

/** Settlement events a page: a manifest page has some 150 KB. */
const PAGE_EVENTS = 20;

/** While statements wait for lines they are tried again this often, in milliseconds, and not more often than that. */
const RETRY_MS = 500;
const RETRY_MS_MIN = 50;

/** However long a try takes, the next begins after so many milliseconds. */
const RETRY_MS_MAX = 5000;

/** Where nothing is heard of, the checkpoint is saved this rarely: it only tells other replicas how far this one is. */
const SAVE_MS = 1000;

/** Refusals that end by themselves: the lines, or the statement of an earlier period, are still on their way. */
const TEMPORARY: readonly string[] = ['LinesAwaited', 'EarlierPeriodOpen'];

interface Pending {
  readonly calendar: string;
  readonly period: string;
  /** Accounts without a statement; undefined before the manifests are complete. */
  accounts?: readonly SettledAccount[];
  saidAt?: string;
}

export class StatementRun {
  private readonly stopping = new AbortController();
  private readonly pending = new Map<string, Pending>();
  /** Settlement events seen up to here. */
  private through: Position = 0n;
  /** Every settlement that was heard of before is finished. */
  private saved: Position = 0n;
  private error: string | undefined;
  /** Settlements were heard of since the checkpoint. */
  private isNews = false;
  private savedAtMs = 0;
  private woken = false;
  private wakeUp: (() => void) | undefined;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly runtimes: Runtimes,
    private readonly db: AnyDatabase,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): this {
    this.running = this.untilStopped(() => this.begin());
    return this;
  }

  /** Something arrived that a statement may have waited for. */
  wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.running;
  }

  async position(): Promise<Position> {
    return this.pending.size === 0 ? this.through : this.saved;
  }

  lastError(): string | undefined {
    return this.error;
  }

  private async untilStopped(task: () => Promise<void>): Promise<void> {
    while (!this.stopping.signal.aborted)
      try {
        await task();
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        this.error = errorMessage(error);
        this.onError(error);
        await pause(RETRY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
  }

  private async begin(): Promise<void> {
    await migrateCheckpoints(this.db);
    this.saved = await readCheckpoint(this.db, CHECKPOINT);
    this.through = this.saved;
    await Promise.all([this.untilStopped(() => this.listen()), this.untilStopped(() => this.work())]);
  }

  private async listen(): Promise<void> {
    const { signal } = this.stopping;
    const filter = { categories: [SETTLEMENT] };
    const pages = this.runtimes.store.subscribe({ after: this.through, filter, batchSize: PAGE_EVENTS, signal });
    for await (const page of pages) {
      for (const event of page.events) this.note(event);
      this.through = page.through;
      if (page.events.length > 0) this.wake();
    }
  }

  private note({ stream, type, dataText }: StoredEvent): void {
    this.isNews = true;
    if (type === 'StatementRunFinished') this.pending.delete(stream);
    else if (!this.pending.has(stream)) {
      const { calendar, period }: { calendar: string; period: string } = JSON.parse(dataText);
      this.pending.set(stream, { calendar, period });
    }
  }

  private async work(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.wait();
      if (this.stopping.signal.aborted) return;
      this.woken = false;
      this.error = undefined;
      const begunMs = performance.now();
      await this.runPending();
      // Trying may read whole accounts: what arrives meanwhile is to have as much of the machine.
      const tookMs = performance.now() - begunMs;
      if (this.pending.size === 0 && (this.isNews || Date.now() - this.savedAtMs >= SAVE_MS)) await this.save();
      const { signal } = this.stopping;
      const pauseMs = this.pending.size === 0 ? RETRY_MS_MIN : Math.min(Math.max(RETRY_MS_MIN, tookMs), RETRY_MS_MAX);
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async save(): Promise<void> {
    const seen = this.through;
    this.isNews = false;
    this.savedAtMs = Date.now();
    if (seen === this.saved) return;
    await advanceCheckpoint(this.db, CHECKPOINT, this.saved, seen);
    this.saved = seen;
  }

  private wait(): Promise<void> {
    if (this.woken) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.wakeUp = undefined;
        resolve();
      };
      const timer = setTimeout(done, RETRY_MS);
      this.wakeUp = done;
    });
  }

  /** Calendars are independent of one another; within one, a period waits for the one before, whose balance it carries on. */
  private async runPending(): Promise<void> {
    const inOrder = [...this.pending.values()].sort((left, right) => compareText(left.period, right.period));
    const blocked = new Set<string>();
    for (const pending of inOrder) {
      if (this.stopping.signal.aborted) return;
      if (blocked.has(pending.calendar)) continue;
      try {
        if (!(await this.issue(pending))) blocked.add(pending.calendar);
      } catch (error) {
        // One calendar that needs somebody to look after it does not hold up the others.
        blocked.add(pending.calendar);
        this.error = errorMessage(error);
        this.onError(error);
      }
    }
  }

  /** @returns true where all statements of the period are issued. */
  private async issue(pending: Pending): Promise<boolean> {
    const { calendar, period } = pending;
    const stream = settlementStream(calendar, period);
    if (pending.accounts === undefined) {
      const { state } = await this.runtimes.settlements.load(stream);
      if (state.finished) {
        this.pending.delete(stream);
        return true;
      }
      if (!isComplete(state)) return false;
      pending.saidAt = state.saidAt;
      pending.accounts = accountsOf(state);
    }
    pending.accounts = await this.issueTo(pending.accounts, calendar, period, pending.saidAt ?? '');
    if (pending.accounts.length > 0) return false;
    await this.runtimes.settlements.handle(stream, { type: 'finish-run' }, serviceContext(`finish:${stream}`, stream));
    this.pending.delete(stream);
    return true;
  }

  /** @returns the accounts that still wait, those that were tried at the end. */
  private async issueTo(
    accounts: readonly SettledAccount[],
    calendar: string,
    period: string,
    at: string,
  ): Promise<readonly SettledAccount[]> {
    let waiting: readonly SettledAccount[] = [];
    const cause = settlementStream(calendar, period);
    for (let from = 0; from < accounts.length; from += ACCOUNTS_PER_BATCH) {
      if (this.stopping.signal.aborted) return accounts;
      const batch = accounts.slice(from, from + ACCOUNTS_PER_BATCH);
      const results = await this.runtimes.accounts.handleMany(
        batch.map(({ payee, currency, entries }) => ({
          stream: accountStream(payee, currency),
          command: { type: 'issue-statement', at, payee, currency, calendar, period, entries },
          context: serviceContext(cause, cause),
        })),
      );
      for (const result of results) if (result.outcome === 'refused') assertTemporary(result.error);
      const waits = batch.filter((_, index) => results[index]?.outcome === 'refused');
      waiting = [...waiting, ...waits];
      // Where a whole batch waits, so do most of the others.
      if (waits.length === batch.length) return [...accounts.slice(from + batch.length), ...waiting];
    }
    return waiting;
  }
}

/** @throws the refusal, where waiting does not help: it shows in the readiness until somebody looks after it. */
function assertTemporary(error: DomainError): void {
  if (!TEMPORARY.includes(error.code)) throw error;
}
