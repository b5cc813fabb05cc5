/**
 * The statement run of a period: it collects the manifests of commissions and rewards, and is finished when every
 * account that they name has its statement. Either somebody begins to approve these statements or the period is
 * reopened and they are withdrawn, whichever comes first. The next closing of the period begins a new run in the same
 * stream.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import type { ClosingName } from '@tantieme/contracts/closing';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';

import type { AccountEntry } from '../account/account.js';

export const STATEMENT_RUN = 'statementrun';

export function statementRunStream(calendar: string, period: string): string {
  return `${STATEMENT_RUN}-${calendar}:${period}`;
}

/** The contexts that close periods. A statement needs the manifests of both. */
export const MANIFEST_AUTHORS = ['commissions', 'rewards'] as const;
export type ManifestAuthor = (typeof MANIFEST_AUTHORS)[number];

interface ManifestPage extends ClosingName {
  readonly author: ManifestAuthor;
  /** From 1. */
  readonly page: number;
  readonly pages: number;
  readonly entries: readonly ManifestEntry[];
}

export type StatementRunCommand =
  | ({ readonly type: 'receive-manifest-page'; readonly at: string } & ManifestPage)
  | { readonly type: 'start-run' | 'finish-run' | 'finish-withdrawal' }
  | { readonly type: 'begin-approval'; readonly at: string }
  | ({ readonly type: 'begin-withdrawal'; readonly at: string } & ClosingName);

export type StatementRunEvent =
  | {
      readonly type: 'ManifestPageReceived';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: ManifestPage;
    }
  | {
      /** All pages of both manifests are there. `StatementRunFinished`: every account that they name has its statement. */
      readonly type: 'StatementRunStarted' | 'StatementRunFinished';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly statements: number } & ClosingName;
    }
  | {
      /**
       * - `ApprovalBegun`: from here on the statements cannot be withdrawn.
       * - `WithdrawalBegun`: from here on they cannot be approved. `StatementsWithdrawn`: all of them are withdrawn.
       */
      readonly type: 'ApprovalBegun' | 'WithdrawalBegun' | 'StatementsWithdrawn';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: ClosingName;
    };

interface Manifest {
  readonly pages: number;
  /** Entries by page; pages arrive in any order. */
  readonly received: Map<number, readonly ManifestEntry[]>;
}

export interface StatementRunState {
  /** Of the newest closing; number 0 before the first page. */
  readonly name: ClosingName;
  readonly manifests: ReadonlyMap<ManifestAuthor, Manifest>;
  /** The latest instant at which a page was published: the same for every order of arrival. */
  readonly publishedAt: string;
  readonly started: boolean;
  readonly finished: boolean;
  readonly approvalBegun: boolean;
  /** ISO 8601 instant at which the withdrawal began. */
  readonly withdrawalAt: string | undefined;
  readonly withdrawn: boolean;
}

export const STATEMENT_RUN_EVENTS: EventTypes<StatementRunEvent> = {
  ManifestPageReceived: { version: 1 },
  StatementRunStarted: { version: 1 },
  StatementRunFinished: { version: 1 },
  ApprovalBegun: { version: 1 },
  WithdrawalBegun: { version: 1 },
  StatementsWithdrawn: { version: 1 },
};

/** The state of a closing that nothing is known of. */
function begun(name: ClosingName): StatementRunState {
  const nothing = { started: false, finished: false, approvalBegun: false, withdrawalAt: undefined, withdrawn: false };
  return { name, manifests: new Map(), publishedAt: '', ...nothing };
}

export const statementRun: Decider<StatementRunState, StatementRunCommand, StatementRunEvent> = {
  category: STATEMENT_RUN,
  events: STATEMENT_RUN_EVENTS,
  initialState: () => begun({ calendar: '', period: '', closing: 0 }),
  decide(command, state) {
    switch (command.type) {
      case 'receive-manifest-page':
        return receivePage(command, state);
      case 'start-run':
        return state.started ? [] : [runEvent('StatementRunStarted', state)];
      case 'finish-run':
        return state.finished ? [] : [runEvent('StatementRunFinished', state)];
      case 'begin-approval':
        return beginApproval(command.at, state);
      case 'begin-withdrawal':
        return beginWithdrawal(command, state);
      case 'finish-withdrawal': {
        const { name, withdrawalAt, withdrawn } = state;
        if (withdrawalAt === undefined || withdrawn) return [];
        return [{ type: 'StatementsWithdrawn', version: 1, occurredAt: withdrawalAt, data: name }];
      }
      default:
        return command satisfies never;
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'ManifestPageReceived': {
        const { calendar, period, closing, author, page, pages, entries } = event.data;
        const run = closing > state.name.closing ? begun({ calendar, period, closing }) : state;
        const received = new Map(run.manifests.get(author)?.received).set(page, entries);
        return {
          ...run,
          manifests: new Map(run.manifests).set(author, { pages, received }),
          publishedAt: event.occurredAt > run.publishedAt ? event.occurredAt : run.publishedAt,
        };
      }
      case 'StatementRunStarted':
        return { ...state, started: true };
      case 'StatementRunFinished':
        return { ...state, finished: true };
      case 'ApprovalBegun':
        return { ...state, approvalBegun: true };
      case 'WithdrawalBegun':
        return { ...state, withdrawalAt: event.occurredAt };
      case 'StatementsWithdrawn':
        return { ...state, withdrawn: true };
      default:
        return event satisfies never;
    }
  },
  commandOf(event) {
    switch (event.type) {
      case 'ManifestPageReceived':
        return { type: 'receive-manifest-page', at: event.occurredAt, ...event.data };
      case 'StatementRunStarted':
        return { type: 'start-run' };
      case 'StatementRunFinished':
        return { type: 'finish-run' };
      case 'ApprovalBegun':
        return { type: 'begin-approval', at: event.occurredAt };
      case 'WithdrawalBegun':
        return { type: 'begin-withdrawal', at: event.occurredAt, ...event.data };
      case 'StatementsWithdrawn':
        return { type: 'finish-withdrawal' };
      default:
        return event satisfies never;
    }
  },
  sizeOf: ({ manifests }) => {
    let entries = 0;
    for (const { received } of manifests.values()) for (const page of received.values()) entries += page.length;
    return 1000 + entries * 500;
  },
};

/**
 * A manifest never changes: a repeated page, or one of an earlier closing, appends nothing.
 * @throws {DomainError} `ManifestConflict`
 */
function receivePage(
  command: Extract<StatementRunCommand, { readonly type: 'receive-manifest-page' }>,
  state: StatementRunState,
): StatementRunEvent[] {
  const { type: _, at, ...data } = command;
  const { calendar, period, closing, author, page, pages, entries } = data;
  if (closing < state.name.closing) return [];
  const manifest = closing > state.name.closing ? undefined : state.manifests.get(author);
  const received = manifest?.received.get(page);
  if (received !== undefined && manifest?.pages === pages && canonicalJson(received) === canonicalJson(entries))
    return [];
  if (received !== undefined || page > pages || (manifest !== undefined && manifest.pages !== pages))
    throw new DomainError(
      'ManifestConflict',
      `page ${page} of ${pages} of the manifest of ${author} for ${period} in ${calendar} contradicts the pages received before`,
      'conflict',
    );
  return [{ type: 'ManifestPageReceived', version: 1, occurredAt: at, data }];
}

/** @throws {DomainError} `ManifestAwaited` */
function runEvent(type: 'StatementRunStarted' | 'StatementRunFinished', state: StatementRunState): StatementRunEvent {
  if (!isComplete(state)) throw new DomainError('ManifestAwaited', 'pages of the manifests are missing', 'conflict');
  const { name, publishedAt: occurredAt } = state;
  return { type, version: 1, occurredAt, data: { ...name, statements: accountsOf(state).length } };
}

/** @throws {DomainError} `StatementsNotIssued`, `StatementsWithdrawn` */
function beginApproval(at: string, { name, approvalBegun, withdrawalAt }: StatementRunState): StatementRunEvent[] {
  if (approvalBegun) return [];
  const { calendar, period, closing } = name;
  if (closing === 0) throw new DomainError('StatementsNotIssued', 'the period has no statements yet', 'conflict');
  if (withdrawalAt !== undefined)
    throw new DomainError(
      'StatementsWithdrawn',
      `${period} in ${calendar} was reopened; its statements are issued again when it is closed again`,
      'conflict',
    );
  return [{ type: 'ApprovalBegun', version: 1, occurredAt: at, data: name }];
}

/** No event if the approval has begun: commission-calculation was told so, and keeps the period closed. */
function beginWithdrawal(
  { at, calendar, period, closing }: Extract<StatementRunCommand, { readonly type: 'begin-withdrawal' }>,
  { name, approvalBegun, withdrawalAt }: StatementRunState,
): StatementRunEvent[] {
  if (closing !== name.closing || approvalBegun || withdrawalAt !== undefined) return [];
  return [{ type: 'WithdrawalBegun', version: 1, occurredAt: at, data: { calendar, period, closing } }];
}

/** True if all pages of both manifests were received. */
export function isComplete(state: StatementRunState): boolean {
  return MANIFEST_AUTHORS.every((author) => {
    const manifest = state.manifests.get(author);
    return manifest !== undefined && manifest.received.size === manifest.pages;
  });
}

/** An account that the manifests name. */
export interface NamedAccount {
  readonly payee: string;
  readonly currency: string;
  /** In order of stream. */
  readonly entries: readonly AccountEntry[];
}

/** The accounts that the manifests name, by payee and currency, for any order of pages. */
export function accountsOf(state: StatementRunState): readonly NamedAccount[] {
  const accounts = new Map<string, { payee: string; currency: string; entries: AccountEntry[] }>();
  for (const { received } of state.manifests.values())
    for (const page of received.values())
      for (const { payee, currency, ...entry } of page) {
        const name = `${payee}|${currency}`;
        const found = accounts.get(name) ?? { payee, currency, entries: [] };
        found.entries.push(entry);
        accounts.set(name, found);
      }
  for (const { entries } of accounts.values()) entries.sort((left, right) => compareText(left.stream, right.stream));
  return [...accounts.values()].sort(
    (left, right) => compareText(left.payee, right.payee) || compareText(left.currency, right.currency),
  );
}
