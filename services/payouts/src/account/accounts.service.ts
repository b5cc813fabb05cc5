import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import { createPartialStateRuntime } from '@tantieme/event-sourcing/decide/partial-state-runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { PAYOUTS } from './account.events-out.js';
import { account, ACCOUNT_PARTIAL_STATES } from './account.js';
import type { AccountCommand, AccountEvent, AccountState } from './account.js';
import { FULL_ACCOUNTS_BYTES_MAX, PARTIAL_ACCOUNTS_BYTES_MAX, PARTIAL_ACCOUNT_BYTES } from '../limits.js';

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
    messagesOf: PAYOUTS.toMessages,
  });
}
