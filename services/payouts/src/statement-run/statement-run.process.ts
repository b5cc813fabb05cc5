/**
 * Issues the statements of every period whose manifests are complete, and withdraws those of a period that is reopened.
 * All its state is in the log: after a restart it visits the unfinished statement runs again, and an account that has
 * its statement, or has withdrawn it, appends nothing.
 */
import type { ClosingName } from '@tantieme/contracts/closing';
import { compareText } from '@tantieme/contracts/compare-text';
import type { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import type { Process } from '@tantieme/event-sourcing/process/process';
import type { StoredEvent } from '@tantieme/event-store/event-store';

import { accountStream } from '../account/account.js';
import type { AccountCommand } from '../account/account.js';
import type { Accounts } from '../account/accounts.service.js';
import { statementId } from '../account/statement.js';
import { accountsOf, isComplete, STATEMENT_RUN, statementRunStream, STATEMENT_RUN_EVENTS } from './statement-run.js';
import type { NamedAccount, StatementRunEvent } from './statement-run.js';
import type { StatementRuns } from './statement-runs.service.js';
import { serviceContext } from '../service-context.js';

/** Accounts whose statements are appended together. */
const ACCOUNTS_PER_BATCH = 250;

/** Events of statement runs per read: a manifest page has about 150 KB. */
const EVENTS_PER_READ = 20;

/** Refusals that end by themselves: lines, or the statement of an earlier period, are still on their way. */
const TEMPORARY: readonly string[] = ['LinesAwaited', 'EarlierPeriodOpen'];

interface PendingRun {
  readonly calendar: string;
  readonly period: string;
  /** The closing that is issued, and its accounts without a statement; undefined until the manifests are complete. */
  issuing?: { readonly name: ClosingName; readonly at: string; readonly accounts: readonly NamedAccount[] };
}

export function statementRunProcess(accounts: Accounts, statementRuns: StatementRuns): Process<StoredEvent> {
  const pending = new Map<string, PendingRun>();

  function note(stored: StoredEvent): void {
    const { type, data } = domainEventOf<StatementRunEvent>(stored, STATEMENT_RUN_EVENTS);
    const { calendar, period } = data;
    // The end of a run is for `issueStatements` to find: a failure whose append succeeded is over then.
    const isWork = type === 'ManifestPageReceived' || type === 'StatementRunStarted' || type === 'WithdrawalBegun';
    if (isWork && !pending.has(stored.stream)) pending.set(stored.stream, { calendar, period });
  }

  /** Within a calendar, a period waits for the one before, because it carries on its balance. */
  async function issueInOrder(runs: readonly PendingRun[], signal: AbortSignal): Promise<'open' | void> {
    for (const run of [...runs].sort((left, right) => compareText(left.period, right.period)))
      if (!(await issueStatements(run, signal))) return 'open';
  }

  /** @returns true if the period has all its statements, or has withdrawn them all. */
  async function issueStatements(run: PendingRun, signal: AbortSignal): Promise<boolean> {
    const stream = statementRunStream(run.calendar, run.period);
    if (run.issuing === undefined) {
      const { state } = await statementRuns.load(stream);
      const { name, publishedAt: at, finished, withdrawalAt, withdrawn } = state;
      if (withdrawalAt !== undefined && !withdrawn) {
        const isDone = await withdraw(stream, name, withdrawalAt, accountsOf(state), signal);
        if (!isDone) return false;
      }
      if (finished) {
        pending.delete(stream);
        return true;
      }
      if (!isComplete(state)) return false;
      await statementRuns.handle(stream, { type: 'start-run' }, serviceContext(`start:${stream}`, stream));
      run.issuing = { name, at, accounts: accountsOf(state) };
    }
    const { name, at, accounts: named } = run.issuing;
    const left = await forAccounts(named, stream, signal, (payee, currency, entries) => ({
      type: 'issue-statement',
      at,
      name: { payee, currency, ...name },
      entries,
    }));
    run.issuing = { name, at, accounts: left };
    if (left.length > 0) return false;
    await statementRuns.handle(stream, { type: 'finish-run' }, serviceContext(`finish:${stream}`, stream));
    pending.delete(stream);
    return true;
  }

  /** No approval can come any more: nothing is refused. @returns false if it was stopped */
  async function withdraw(
    stream: string,
    name: ClosingName,
    at: string,
    named: readonly NamedAccount[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const left = await forAccounts(named, stream, signal, (payee, currency) => ({
      type: 'withdraw-statement',
      at,
      statement: statementId({ payee, currency, ...name }),
    }));
    if (left.length > 0) return false;
    await statementRuns.handle(stream, { type: 'finish-withdrawal' }, serviceContext(`withdraw:${stream}`, stream));
    return true;
  }

  /** @returns the accounts that still wait; those just tried come last. */
  async function forAccounts(
    named: readonly NamedAccount[],
    cause: string,
    signal: AbortSignal,
    commandOf: (payee: string, currency: string, entries: NamedAccount['entries']) => AccountCommand,
  ): Promise<readonly NamedAccount[]> {
    let waiting: readonly NamedAccount[] = [];
    for (let from = 0; from < named.length; from += ACCOUNTS_PER_BATCH) {
      if (signal.aborted) return named;
      const batch = named.slice(from, from + ACCOUNTS_PER_BATCH);
      const results = await accounts.handleMany(
        batch.map(({ payee, currency, entries }) => ({
          stream: accountStream(payee, currency),
          command: commandOf(payee, currency, entries),
          context: serviceContext(cause, cause),
        })),
      );
      for (const result of results) if (result.outcome === 'refused') assertTemporary(result.error);
      const refused = batch.filter((_, index) => results[index]?.outcome === 'refused');
      waiting = [...waiting, ...refused];
      // If a whole batch waits, most of the others do too.
      if (refused.length === batch.length) return [...named.slice(from + batch.length), ...waiting];
    }
    return waiting;
  }

  return {
    name: 'payouts-statement-run',
    replicas: 'one-replica',
    source: logSource({ categories: [STATEMENT_RUN] }, EVENTS_PER_READ),
    prepare: async () => pending.clear(),
    step: async (events, context) => {
      for (const event of events) note(event);
      const byCalendar = Map.groupBy(pending.values(), ({ calendar }) => calendar);
      for (const [calendar, runs] of byCalendar)
        await context.attempt(calendar, () => issueInOrder(runs, context.signal));
      return pending.size > 0 ? 'open' : undefined;
    },
  };
}

/** @throws the refusal if waiting does not help; readiness shows it until somebody resolves it. */
function assertTemporary(error: DomainError): void {
  if (!TEMPORARY.includes(error.code)) throw error;
}
