/**
 * The lines of a statement, out of the log: its account's events up to the statement, through the same `evolve` that
 * decided it. The hash of what comes out is compared with the one that was issued.
 */
import type { Statement } from '@tantieme/contracts/payout';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';
import { parseAmount } from '@tantieme/money/amount';

import { account, accountStream, termsOf } from '../account/account.js';
import type { AccountEvent } from '../account/account.js';
import { composeStatement } from './statement.js';

/** Events of an account a page. */
const PAGE_EVENTS = 2000;

/** Where a statement stands. */
export interface StatementPlace {
  readonly id: string;
  readonly payee: string;
  readonly currency: string;
  /** Revision of its event in the account's stream. */
  readonly revision: number;
}

/** The log no longer gives the statement that was issued: `tantieme verify` tells what was changed. */
export class StatementNotReproduced extends Error {
  readonly code = 'StatementNotReproduced';
  constructor(readonly statement: string) {
    super(`the log does not give the lines of ${statement} that its hash covers`);
  }
}

/** @throws {StatementNotReproduced} */
export async function readStatement(store: EventStore, place: StatementPlace): Promise<Statement> {
  const stream = accountStream(place.payee, place.currency);
  let state = account.initialState();
  for (let from = 0; from <= place.revision; from += PAGE_EVENTS) {
    const limit = Math.min(PAGE_EVENTS, place.revision + 1 - from);
    for (const stored of await store.readStream(stream, { from, limit })) {
      const event = domainEventOf<AccountEvent>(stored, account);
      if (stored.revision === place.revision) {
        if (event.type !== 'StatementIssued' || event.data.statement.id !== place.id) break;
        const { statement } = event.data;
        const { payee, currency, calendar, period, opening } = statement;
        const held = state.held.linesOf(calendar, period);
        const composed = composeStatement({
          payee,
          currency,
          calendar,
          period,
          openingMinor: parseAmount(opening, currency),
          openingExchanged: state.carriedExchanged.get(calendar) ?? [],
          terms: termsOf(event.data.entries, held, currency),
          lines: [...held.values()].flat(),
        });
        if (composed.hash !== statement.hash) break;
        return composed;
      }
      state = account.evolve(state, event);
    }
  }
  throw new StatementNotReproduced(place.id);
}
