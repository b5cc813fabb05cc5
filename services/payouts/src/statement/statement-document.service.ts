/**
 * Reads the lines of a statement from the log: it applies the account's events up to the statement with the decider's
 * own `evolve`, composes the statement again by the arithmetic that issued it, and compares its hash with the one that was issued.
 */
import type { Statement } from '@tantieme/contracts/payout';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';
import { parseAmount } from '@tantieme/money/amount';

import { ACCOUNT_EVENTS, accountDecider, accountStream, STATEMENT_ENGINES } from '../account/account.js';
import type { AccountEvent } from '../account/account.js';
import { parseStatementId } from '../account/statement.js';
import { STATEMENT_EVENTS_PER_READ } from '../limits.js';

export interface StatementLocation {
  readonly id: string;
  readonly payee: string;
  readonly currency: string;
  /** Revision of its event in the stream of the account. */
  readonly revision: number;
}

/** The log does not reproduce the statement that was issued. `tantieme verify` names the event that was changed. */
export class StatementNotReproduced extends Error {
  readonly code = 'StatementNotReproduced';
  constructor(readonly statement: string) {
    super(`the log does not reproduce ${statement}: its lines do not match the issued hash`);
  }
}

/** @throws {StatementNotReproduced} */
export async function readStatement(
  store: EventStore,
  location: StatementLocation,
  engines = STATEMENT_ENGINES,
): Promise<Statement> {
  const account = accountDecider(engines);
  const stream = accountStream(location.payee, location.currency);
  let state = account.initialState();
  for (let from = 0; from <= location.revision; from += STATEMENT_EVENTS_PER_READ) {
    const limit = Math.min(STATEMENT_EVENTS_PER_READ, location.revision + 1 - from);
    for (const stored of await store.readStream(stream, { from, limit })) {
      const event = domainEventOf<AccountEvent>(stored, ACCOUNT_EVENTS);
      if (stored.revision === location.revision) {
        if (event.type !== 'StatementIssued' || event.data.statement.id !== location.id) break;
        const name = parseStatementId(location.id);
        if (name === undefined) break;
        const { statement, engine } = event.data;
        const { composeStatement, termsOf } = engines.of(engine);
        const { currency, calendar, period, opening } = statement;
        const linesByStream = state.openLines.linesOf(calendar, period);
        const composed = composeStatement({
          ...name,
          openingMinor: parseAmount(opening, currency),
          openingExchanged: state.carried.get(calendar)?.exchanged ?? [],
          terms: termsOf(event.data.entries, linesByStream, currency),
          lines: [...linesByStream.values()].flat(),
        });
        if (composed.hash !== statement.hash) break;
        return composed;
      }
      state = account.evolve(state, event);
    }
  }
  throw new StatementNotReproduced(location.id);
}
