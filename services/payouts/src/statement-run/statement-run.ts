/**
 * The settlement of a period: it holds the manifests of commissions and rewards, and remembers when the statements of
 * all accounts that they name were issued.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';

import type { AccountEntry } from '../account/account.js';
import { accountName } from '../statement/statement.js';

export const SETTLEMENT = 'settlement';

export function settlementStream(calendar: string, period: string): string {
  return `${SETTLEMENT}-${calendar}:${period}`;
}

/** Who closes periods. A statement needs the manifests of both. */
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

export type SettlementCommand =
  ({ readonly type: 'take-manifest-page'; readonly at: string } & ManifestPage) | { readonly type: 'finish-run' };

export type SettlementEvent =
  | {
      readonly type: 'ManifestPageTaken';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: ManifestPage;
    }
  | {
      /** Every account of the manifests has its statement. */
      readonly type: 'StatementRunFinished';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly calendar: string; readonly period: string; readonly statements: number };
    };

/** Pages of one author: sparse until it is complete. */
interface Manifest {
  readonly pages: number;
  readonly taken: Map<number, readonly ManifestEntry[]>;
}

export interface SettlementState {
  calendar: string;
  period: string;
  readonly manifests: Map<ManifestAuthor, Manifest>;
  /** The latest instant at which a manifest was said: the same for every order of arrival. */
  saidAt: string;
  finished: boolean;
}

export const settlement: Decider<SettlementState, SettlementCommand, SettlementEvent> = {
  category: SETTLEMENT,
  initialState: () => ({ calendar: '', period: '', manifests: new Map(), saidAt: '', finished: false }),
  decide(command, state) {
    switch (command.type) {
      case 'take-manifest-page':
        return takePage(command, state);
      case 'finish-run':
        return finishRun(state);
      default:
        return command satisfies never;
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'ManifestPageTaken': {
        const { calendar, period, author, page, pages, entries } = event.data;
        state.calendar = calendar;
        state.period = period;
        const manifest = state.manifests.get(author) ?? { pages, taken: new Map() };
        manifest.taken.set(page, entries);
        state.manifests.set(author, manifest);
        if (event.occurredAt > state.saidAt) state.saidAt = event.occurredAt;
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
      case 'ManifestPageTaken':
        return { type: 'take-manifest-page', at: event.occurredAt, ...event.data };
      case 'StatementRunFinished':
        return { type: 'finish-run' };
      default:
        return event satisfies never;
    }
  },
  sizeOf: ({ manifests }) => {
    let entries = 0;
    for (const { taken } of manifests.values()) for (const page of taken.values()) entries += page.length;
    return 1000 + entries * 500;
  },
};

/** A manifest is final: the same page again is nothing new. @throws {DomainError} `ManifestConflict` */
function takePage(
  command: Extract<SettlementCommand, { readonly type: 'take-manifest-page' }>,
  state: SettlementState,
): SettlementEvent[] {
  const { type: _, at, ...data } = command;
  const { calendar, period, author, page, pages, entries } = data;
  const manifest = state.manifests.get(author);
  const taken = manifest?.taken.get(page);
  if (taken !== undefined && manifest?.pages === pages && canonicalJson(taken) === canonicalJson(entries)) return [];
  if (taken !== undefined || page > pages || (manifest !== undefined && manifest.pages !== pages))
    throw new DomainError(
      'ManifestConflict',
      `page ${page} of ${pages} of the manifest of ${author} for ${period} in ${calendar} contradicts what was taken`,
      'conflict',
    );
  return [{ type: 'ManifestPageTaken', version: 1, occurredAt: at, data }];
}

/** @throws {DomainError} `ManifestAwaited` */
function finishRun(state: SettlementState): SettlementEvent[] {
  if (state.finished) return [];
  if (!isComplete(state)) throw new DomainError('ManifestAwaited', 'the manifests are not complete', 'conflict');
  const { calendar, period, saidAt } = state;
  return [
    {
      type: 'StatementRunFinished',
      version: 1,
      occurredAt: saidAt,
      data: { calendar, period, statements: accountsOf(state).length },
    },
  ];
}

/** True where both manifests are whole. */
export function isComplete(state: SettlementState): boolean {
  return MANIFEST_AUTHORS.every((author) => {
    const manifest = state.manifests.get(author);
    return manifest !== undefined && manifest.taken.size === manifest.pages;
  });
}

export interface SettledAccount {
  readonly payee: string;
  readonly currency: string;
  /** In order of stream. */
  readonly entries: readonly AccountEntry[];
}

/** The accounts that the manifests name, in order of payee and currency, whatever the order of pages. */
export function accountsOf(state: SettlementState): readonly SettledAccount[] {
  const accounts = new Map<string, { payee: string; currency: string; entries: AccountEntry[] }>();
  for (const { taken } of state.manifests.values())
    for (const page of taken.values())
      for (const { payee, currency, ...entry } of page) {
        const name = accountName(payee, currency);
        const found = accounts.get(name) ?? { payee, currency, entries: [] };
        found.entries.push(entry);
        accounts.set(name, found);
      }
  for (const { entries } of accounts.values()) entries.sort((left, right) => compareText(left.stream, right.stream));
  return [...accounts.values()].sort(
    (left, right) => compareText(left.payee, right.payee) || compareText(left.currency, right.currency),
  );
}
