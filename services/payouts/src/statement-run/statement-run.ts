/**
 * The statement run of a period: it collects the manifests of commissions and rewards, and is finished when every
 * account that they name has its statement.
 */
import { compareText } from '@tantieme/contracts/compare-text';
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

interface ManifestPage {
  readonly calendar: string;
  readonly period: string;
  readonly author: ManifestAuthor;
  /** From 1. */
  readonly page: number;
  readonly pages: number;
  readonly entries: readonly ManifestEntry[];
}

export type StatementRunCommand =
  ({ readonly type: 'receive-manifest-page'; readonly at: string } & ManifestPage) | { readonly type: 'finish-run' };

export type StatementRunEvent =
  | {
      readonly type: 'ManifestPageReceived';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: ManifestPage;
    }
  | {
      /** Every account that the manifests name has its statement. */
      readonly type: 'StatementRunFinished';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly calendar: string; readonly period: string; readonly statements: number };
    };

interface Manifest {
  readonly pages: number;
  /** Entries by page; pages arrive in any order. */
  readonly received: Map<number, readonly ManifestEntry[]>;
}

export interface StatementRunState {
  calendar: string;
  period: string;
  readonly manifests: Map<ManifestAuthor, Manifest>;
  /** The latest instant at which a page was published: the same for every order of arrival. */
  publishedAt: string;
  finished: boolean;
}

export const STATEMENT_RUN_EVENTS: EventTypes<StatementRunEvent> = {
  ManifestPageReceived: { version: 1 },
  StatementRunFinished: { version: 1 },
};

export const statementRun: Decider<StatementRunState, StatementRunCommand, StatementRunEvent> = {
  category: STATEMENT_RUN,
  events: STATEMENT_RUN_EVENTS,
  initialState: () => ({ calendar: '', period: '', manifests: new Map(), publishedAt: '', finished: false }),
  decide(command, state) {
    switch (command.type) {
      case 'receive-manifest-page':
        return receivePage(command, state);
      case 'finish-run':
        return finishRun(state);
      default:
        return command satisfies never;
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'ManifestPageReceived': {
        const { calendar, period, author, page, pages, entries } = event.data;
        state.calendar = calendar;
        state.period = period;
        const manifest = state.manifests.get(author) ?? { pages, received: new Map() };
        manifest.received.set(page, entries);
        state.manifests.set(author, manifest);
        if (event.occurredAt > state.publishedAt) state.publishedAt = event.occurredAt;
        return state;
      }
      case 'StatementRunFinished':
        state.finished = true;
        return state;
      default:
        return event satisfies never;
    }
  },
  commandOf(event) {
    switch (event.type) {
      case 'ManifestPageReceived':
        return { type: 'receive-manifest-page', at: event.occurredAt, ...event.data };
      case 'StatementRunFinished':
        return { type: 'finish-run' };
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

/** A manifest never changes: a repeated page appends nothing. @throws {DomainError} `ManifestConflict` */
function receivePage(
  command: Extract<StatementRunCommand, { readonly type: 'receive-manifest-page' }>,
  state: StatementRunState,
): StatementRunEvent[] {
  const { type: _, at, ...data } = command;
  const { calendar, period, author, page, pages, entries } = data;
  const manifest = state.manifests.get(author);
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
function finishRun(state: StatementRunState): StatementRunEvent[] {
  if (state.finished) return [];
  if (!isComplete(state)) throw new DomainError('ManifestAwaited', 'pages of the manifests are missing', 'conflict');
  const { calendar, period, publishedAt } = state;
  return [
    {
      type: 'StatementRunFinished',
      version: 1,
      occurredAt: publishedAt,
      data: { calendar, period, statements: accountsOf(state).length },
    },
  ];
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
