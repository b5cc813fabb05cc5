/**
 * Accounts in a process that is short of memory: their lines are evicted, and read again when a statement needs them.
 */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import { createPartialStateRuntime } from '@tantieme/event-sourcing/decide/partial-state-runtime';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { account, ACCOUNT_PARTIAL_STATES, accountStream } from './account.js';
import type { AccountCommand } from './account.js';
import { entry, issue, line, receive } from './account.fixture.js';

const stores: EventStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

const PAYEES = ['P1', 'P2', 'P3'];

function workOf(payee: string, command: AccountCommand, cause: string): Work<AccountCommand> {
  return { stream: accountStream(payee, 'EUR'), command, context: { actor: 'test', correlationId: 'c', cause } };
}

/** Most deals arrive twice, the second time with another amount; some messages are repeated or late. */
function messages(): readonly { readonly payee: string; readonly command: AccountCommand; readonly cause: string }[] {
  const inOrder = Array.from({ length: 40 }, (_, revision) => {
    const key = `crm|D-${revision % 25}`;
    const lines = [line({ deal: key, amount: `${10 + revision}.00` })];
    return receive(lines, { key, origin: { stream: 'earning|resellers', revision } });
  });
  const arriving = inOrder.flatMap((command, index) => {
    const again = index % 7 === 3 ? inOrder.slice(index - 3, index + 1) : [];
    return [command, ...again];
  });
  return PAYEES.flatMap((payee) => arriving.map((command, index) => ({ payee, command, cause: `${payee} ${index}` })));
}

const NEWEST_LINES: readonly LedgerLine[] = Array.from({ length: 25 }, (_, index) => {
  const revision = index + 25 < 40 ? index + 25 : index;
  return line({ deal: `crm|D-${index}`, amount: `${10 + revision}.00` });
});

async function run(fullStateBytesMax: number) {
  const store = openSqliteEventStore(':memory:');
  stores.push(store);
  let evictions = 0;
  const runtime = createPartialStateRuntime({
    store,
    decider: account,
    partialStates: {
      ...ACCOUNT_PARTIAL_STATES,
      makePartial: (state) => {
        evictions += 1;
        ACCOUNT_PARTIAL_STATES.makePartial(state);
      },
    },
    fullStateBytesMax,
    partialStateBytes: 2500,
    cacheBytesMax: 1e9,
  });
  const arriving = messages();
  for (let at = 0; at < arriving.length; at += 4)
    for (const { outcome } of await runtime.handleMany(
      // In batches across payees, so that no account stays in memory as the newest.
      arriving.slice(at, at + 4).map(({ payee, command, cause }) => workOf(payee, command, cause)),
    ))
      expect(outcome).toBe('accepted');
  const approve: AccountCommand = {
    type: 'approve-statement',
    at: '2026-02-04T09:00:00Z',
    statement: 'P1|EUR|monthly@Europe/Paris|2026-01',
    by: 'alice',
  };
  for (const payee of PAYEES)
    await runtime.handleMany([
      workOf(
        payee,
        issue('2026-01', [entry(NEWEST_LINES, { stream: 'earning|resellers' })], { payee }),
        `issue ${payee}`,
      ),
    ]);
  await runtime.handle(accountStream('P1', 'EUR'), approve, { actor: 'alice', correlationId: 'c', cause: 'approve' });
  const { events } = await store.readAll({ limit: 10_000 });
  const appended = events.map(({ stream, type, dataText }) => `${stream} ${type} ${dataText}`).sort();
  return { evictions, appended, whole: (await runtime.load(accountStream('P2', 'EUR'))).state };
}

describe('accounts whose lines do not fit into memory', () => {
  it('append the same events as accounts in memory, and no more', async () => {
    const enough = await run(1e9);
    const short = await run(0);
    expect(enough.evictions).toBe(0);
    expect(short.evictions).toBeGreaterThan(2);
    expect(short.appended).toEqual(enough.appended);
    expect(short.appended.filter((text) => text.includes('StatementIssued'))).toHaveLength(PAYEES.length);
    expect(short.appended.filter((text) => text.includes('LedgerLinesReceived'))).toHaveLength(PAYEES.length * 40);
  });

  it('are loaded with all their lines', async () => {
    const { whole } = await run(0);
    expect(whole.openLines.isEvicted).toBe(false);
    expect(whole.statements.size).toBe(1);
  });
});
