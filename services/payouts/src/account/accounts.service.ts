import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import { createPartialStateRuntime } from '@tantieme/event-sourcing/decide/partial-state-runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { messagesOf } from './account.events-out.js';
import { account, ACCOUNT_PARTIAL_STATES } from './account.js';
import type { AccountCommand, AccountEvent, AccountState } from './account.js';

/** Memory for accounts with their open lines. Every earning of every payee goes through its account. */
const FULL_ACCOUNTS_BYTES_MAX = 96 * 1024 * 1024;

/** Memory for accounts whose lines were evicted, and what one of them takes. */
const PARTIAL_ACCOUNTS_BYTES_MAX = 96 * 1024 * 1024;
const PARTIAL_ACCOUNT_BYTES = 2500;

/** Injection token of {@link Accounts}. */
export const ACCOUNTS = Symbol('accounts');
export type Accounts = Runtime<AccountState, AccountCommand, AccountEvent>;

export function openAccounts(store: EventStore): Accounts {
  return createPartialStateRuntime({
    store,
    decider: account,
    partialStates: ACCOUNT_PARTIAL_STATES,
    fullStateBytesMax: FULL_ACCOUNTS_BYTES_MAX,
    partialStateBytes: PARTIAL_ACCOUNT_BYTES,
    cacheBytesMax: PARTIAL_ACCOUNTS_BYTES_MAX,
    messagesOf,
  });
}
