/**
 * Issues the statements of every period whose manifests are complete. All its state is in the log: after a restart it
 * visits the unfinished statement runs again, and an account that already has its statement appends nothing.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { compareText } from '@tantieme/contracts/compare-text';
import { advanceCheckpoint, migrateCheckpoints, readCheckpoint } from '@tantieme/event-sourcing/read-model/checkpoints';
import type { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import { errorMessage } from '@tantieme/event-sourcing/process/running-process';
import type { EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';

import { accountStream } from '../account/account.js';
import type { Accounts } from '../account/accounts.service.js';
import { accountsOf, isComplete, STATEMENT_RUN, STATEMENT_RUN_EVENTS, statementRunStream } from './statement-run.js';
import type { NamedAccount, StatementRunEvent } from './statement-run.js';
import type { StatementRuns } from './statement-runs.service.js';
import { serviceContext } from '../service-context.js';

const CHECKPOINT = 'payouts-statement-run';

/** Accounts whose statements are appended together. */
const ACCOUNTS_PER_BATCH = 250;

/** Events of statement runs per read: a manifest page has about 150 KB. */
const EVENTS_PER_READ = 20;

/** How often statements that wait for lines are tried again. */
const RETRY_MS = 500;

/** The pause between two tries is as long as the try took, within these bounds. */
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 5000;

/** How often the checkpoint is saved if nothing happens. It only shows other replicas how far this one has read. */
const SAVE_MS = 1000;

/** Refusals that a retry resolves: lines, or the statement of an earlier period, have yet to arrive. */
const TEMPORARY: readonly string[] = ['LinesAwaited', 'EarlierPeriodOpen'];

interface PendingRun {
  readonly calendar: string;
  readonly period: string;
  /** Accounts without a statement; undefined until the manifests are complete. */
  accounts?: readonly NamedAccount[];
  publishedAt?: string;
}

export class StatementRunProcess {
  private readonly stopping = new AbortController();
  private readonly pending = new Map<string, PendingRun>();
  /** Position up to which events of statement runs were read. */
  private through: Position = 0n;
  /** Position of the saved checkpoint: every run that began before it is finished. */
  private saved: Position = 0n;
  private error: string | undefined;
  /** True if events were read since the checkpoint was saved. */
  private hasNews = false;
  private savedAtMs = 0;
  private woken = false;
  private wakeUp: (() => void) | undefined;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly options: {
      readonly store: EventStore;
      readonly db: AnyDatabase;
      readonly accounts: Accounts;
      readonly statementRuns: StatementRuns;
      readonly onError: (error: unknown) => void;
    },
  ) {}

  start(): this {
    this.running = this.untilStopped(() => this.begin());
    return this;
  }

  /** Call this when messages arrived that a statement may wait for. */
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
        this.fail(error);
        await this.pause(RETRY_MS);
      }
  }

  private fail(error: unknown): void {
    this.error = errorMessage(error);
    this.options.onError(error);
  }

  private async pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  private async begin(): Promise<void> {
    await migrateCheckpoints(this.options.db);
    this.saved = await readCheckpoint(this.options.db, CHECKPOINT);
    this.through = this.saved;
    await Promise.all([this.untilStopped(() => this.follow()), this.untilStopped(() => this.work())]);
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    const filter = { categories: [STATEMENT_RUN] };
    const { store } = this.options;
    for await (const page of store.subscribe({ after: this.through, filter, batchSize: EVENTS_PER_READ, signal })) {
      for (const event of page.events) this.note(event);
      this.through = page.through;
      if (page.events.length > 0) this.wake();
    }
  }

  private note(stored: StoredEvent): void {
    const { stream } = stored;
    const { type, data } = domainEventOf<StatementRunEvent>(stored, STATEMENT_RUN_EVENTS);
    this.hasNews = true;
    if (type === 'StatementRunFinished') this.pending.delete(stream);
    else if (!this.pending.has(stream)) {
      const { calendar, period } = data;
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
      await this.tryPending();
      // A try may read whole accounts. A pause of the same length leaves half of the time to incoming messages.
      const tookMs = performance.now() - begunMs;
      if (this.pending.size === 0 && (this.hasNews || Date.now() - this.savedAtMs >= SAVE_MS)) await this.save();
      await this.pause(this.pending.size === 0 ? PAUSE_MS_MIN : Math.min(Math.max(PAUSE_MS_MIN, tookMs), PAUSE_MS_MAX));
    }
  }

  private async save(): Promise<void> {
    const { through } = this;
    this.hasNews = false;
    this.savedAtMs = Date.now();
    if (through === this.saved) return;
    const { db, store } = this.options;
    await advanceCheckpoint(db, CHECKPOINT, this.saved, through, await store.hashAt(through));
    this.saved = through;
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

  /** Calendars are independent. Within one, a period waits for the one before, whose balance its statements open with. */
  private async tryPending(): Promise<void> {
    const inOrder = [...this.pending.values()].sort((left, right) => compareText(left.period, right.period));
    const blockedCalendars = new Set<string>();
    for (const run of inOrder) {
      if (this.stopping.signal.aborted) return;
      if (blockedCalendars.has(run.calendar)) continue;
      try {
        if (!(await this.issueStatements(run))) blockedCalendars.add(run.calendar);
      } catch (error) {
        // A calendar that needs attention does not block the others.
        blockedCalendars.add(run.calendar);
        this.fail(error);
      }
    }
  }

  /** @returns true if the period has all its statements. */
  private async issueStatements(run: PendingRun): Promise<boolean> {
    const { statementRuns } = this.options;
    const { calendar, period } = run;
    const stream = statementRunStream(calendar, period);
    if (run.accounts === undefined) {
      const { state } = await statementRuns.load(stream);
      if (state.finished) {
        this.pending.delete(stream);
        return true;
      }
      if (!isComplete(state)) return false;
      run.publishedAt = state.publishedAt;
      run.accounts = accountsOf(state);
    }
    run.accounts = await this.issueTo(run.accounts, calendar, period, run.publishedAt ?? '');
    if (run.accounts.length > 0) return false;
    await statementRuns.handle(stream, { type: 'finish-run' }, serviceContext(`finish:${stream}`, stream));
    this.pending.delete(stream);
    return true;
  }

  /** @returns the accounts that still wait; those just tried come last. */
  private async issueTo(
    accounts: readonly NamedAccount[],
    calendar: string,
    period: string,
    at: string,
  ): Promise<readonly NamedAccount[]> {
    let waiting: readonly NamedAccount[] = [];
    const cause = statementRunStream(calendar, period);
    for (let from = 0; from < accounts.length; from += ACCOUNTS_PER_BATCH) {
      if (this.stopping.signal.aborted) return accounts;
      const batch = accounts.slice(from, from + ACCOUNTS_PER_BATCH);
      const results = await this.options.accounts.handleMany(
        batch.map(({ payee, currency, entries }) => ({
          stream: accountStream(payee, currency),
          command: { type: 'issue-statement', at, payee, currency, calendar, period, entries },
          context: serviceContext(cause, cause),
        })),
      );
      for (const result of results) if (result.outcome === 'refused') assertTemporary(result.error);
      const refused = batch.filter((_, index) => results[index]?.outcome === 'refused');
      waiting = [...waiting, ...refused];
      // If a whole batch waits, most of the others do too.
      if (refused.length === batch.length) return [...accounts.slice(from + batch.length), ...waiting];
    }
    return waiting;
  }
}

/** @throws the refusal if a retry cannot resolve it; readiness shows it until somebody does. */
function assertTemporary(error: DomainError): void {
  if (!TEMPORARY.includes(error.code)) throw error;
}
