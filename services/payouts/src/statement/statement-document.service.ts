/**
 * Reads the lines of a statement from the log: those of its period, from the first event that may hold one. Composes the
 * statement again by the arithmetic that issued it, and compares its hash with the one that was issued.
 */
import type { LedgerLine } from '@tantieme/contracts/ledger';
import type { Statement } from '@tantieme/contracts/payout';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';
import { parseAmount } from '@tantieme/money/amount';

import { ACCOUNT_EVENTS, accountStream, STATEMENT_ENGINES } from '../account/account.js';
import type { AccountEvent } from '../account/account.js';
import { ungroupLedgerLines } from '../account/ledger-line-groups.js';
import { OpenLines } from '../account/open-lines.js';
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
  { id, payee, currency, revision }: StatementLocation,
  engines = STATEMENT_ENGINES,
): Promise<Statement> {
  const stream = accountStream(payee, currency);
  const [last] = await store.readStream(stream, { from: revision, limit: 1 });
  const event = last && domainEventOf<AccountEvent>(last, ACCOUNT_EVENTS);
  if (event?.type !== 'StatementIssued' || event.data.statement.id !== id) throw new StatementNotReproduced(id);
  const { statement, entries, linesFrom, openingExchanged = [], engine } = event.data;
  const { composeStatement, termsOf } = engines.of(engine);
  const { calendar, period, opening, hash } = statement;
  const linesByStream = await linesOf(store, stream, { calendar, period, from: linesFrom, until: revision });
  const composed = composeStatement({
    payee,
    currency,
    calendar,
    period,
    openingMinor: parseAmount(opening, currency),
    openingExchanged,
    terms: termsOf(entries, linesByStream, currency),
    lines: [...linesByStream.values()].flat(),
  });
  if (composed.hash !== hash) throw new StatementNotReproduced(id);
  return composed;
}

/** The newest lines of each key in events `from` to before `until`, of one period, by the stream they come from. */
async function linesOf(
  store: EventStore,
  stream: string,
  wanted: { readonly calendar: string; readonly period: string; readonly from: number; readonly until: number },
): Promise<ReadonlyMap<string, readonly LedgerLine[]>> {
  const { calendar, period, until } = wanted;
  const found = new OpenLines();
  for (let from = wanted.from; from < until; from += STATEMENT_EVENTS_PER_READ) {
    const limit = Math.min(STATEMENT_EVENTS_PER_READ, until - from);
    for (const stored of await store.readStream(stream, { from, limit })) {
      const { type, data } = domainEventOf<AccountEvent>(stored, ACCOUNT_EVENTS);
      if (type !== 'LedgerLinesReceived' || data.calendar !== calendar) continue;
      const lines = ungroupLedgerLines(data.key, data.groups).filter((line) => line.period === period);
      found.replace(data.origin.stream, data.key, data.origin.revision, calendar, lines);
    }
  }
  return found.linesOf(calendar, period);
}
