import { Inject, Injectable } from '@nestjs/common';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { CommandContext, Runtime } from '@tantieme/event-sourcing/decide/runtime';
import { createPartialStateRuntime } from '@tantieme/event-sourcing/decide/partial-state-runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';

import { account, ACCOUNT_TAILS } from './account/account.js';
import type { AccountCommand, AccountEvent, AccountState } from './account/account.js';
import { settlement } from './statement-run/statement-run.js';
import type { SettlementCommand, SettlementEvent, SettlementState } from './statement-run/statement-run.js';

/** Bytes of accounts in memory with their lines, and of those without. Every earning of every payee goes through its account. */
const WHOLE_ACCOUNTS_BYTES_MAX = 96 * 1024 * 1024;
const ACCOUNT_TAIL_BYTES = 2500;
const ACCOUNT_TAILS_BYTES_MAX = 96 * 1024 * 1024;

export const ACTOR = 'service:payouts';

/** The deciders of payouts, over the store. */
@Injectable()
export class Runtimes {
  readonly accounts: Runtime<AccountState, AccountCommand, AccountEvent>;
  readonly settlements: Runtime<SettlementState, SettlementCommand, SettlementEvent>;

  constructor(@Inject(EVENT_STORE) readonly store: EventStore) {
    this.accounts = createPartialStateRuntime({
      store,
      decider: account,
      partialStates: ACCOUNT_TAILS,
      fullStateBytesMax: WHOLE_ACCOUNTS_BYTES_MAX,
      partialStateBytes: ACCOUNT_TAIL_BYTES,
      cacheBytesMax: ACCOUNT_TAILS_BYTES_MAX,
    });
    this.settlements = createRuntime({ store, decider: settlement });
  }
}

/** The context of what this service does by itself. */
export function serviceContext(cause: string, correlationId: string, causationId?: string): CommandContext {
  return { actor: ACTOR, correlationId, cause, ...(causationId === undefined ? {} : { causationId }) };
}
