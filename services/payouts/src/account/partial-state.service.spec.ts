/** Accounts in a process that is short of memory: their lines are forgotten, and read again where a statement needs them. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import { createPartialStateRuntime } from '@tantieme/event-sourcing/decide/partial-state-runtime';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { account, ACCOUNT_TAILS, accountStream } from './account.js';
import type { AccountCommand } from './account.js';
import { entry, issue, line, take } from './account.fixture.js';

const stores: EventStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

const PAYEES = ['P1', 'P2', 'P3'];

function workOf(payee: string, command: AccountCommand, cause: string): Work<AccountCommand> {
  return { stream: accountStream(payee, 'EUR'), command, context: { actor: 'test', correlationId: 'c', cause } };
}

/** Each deal is said twice, the second time with another amount; some messages come again, or too late. */
function messages(): readonly { readonly payee: string; readonly command: AccountCommand; readonly cause: string }[] {
  const said = Array.from({ length: 40 }, (_, revision) => {
    const key = `crm|D-${revision % 25}`;
    const lines = [line({ deal: key, amount: `${10 + revision}.00` })];
    return take(lines, { key, origin: { stream: 'earning|resellers', revision } });
  });
  const arriving = said.flatMap((command, index) => {
    const again = index % 7 === 3 ? said.slice(index - 3, index + 1) : [];
    return [command, ...again];
  });
  return PAYEES.flatMap((payee) => arriving.map((command, index) => ({ payee, command, cause: `${payee} ${index}` })));
}

const HELD: readonly LedgerLine[] = Array.from({ length: 25 }, (_, index) => {
  const revision = index + 25 < 40 ? index + 25 : index;
  return line({ deal: `crm|D-${index}`, amount: `${10 + revision}.00` });
});

async function run(fullStateBytesMax: number) {
  const store = openSqliteEventStore(':memory:');
  stores.push(store);
  let tails = 0;
  const runtime = createPartialStateRuntime({
    store,
    decider: account,
    partialStates: {
      ...ACCOUNT_TAILS,
      makePartial: (state) => {
        tails += 1;
        ACCOUNT_TAILS.makePartial(state);
      },
    },
    fullStateBytesMax,
    partialStateBytes: 2500,
    cacheBytesMax: 1e9,
  });
  const arriving = messages();
  for (let at = 0; at < arriving.length; at += 4)
    for (const { outcome } of await runtime.handleMany(
      // Payees in turn, so that none stays in memory for being the newest.
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
      workOf(payee, issue('2026-01', [entry(HELD, { stream: 'earning|resellers' })], { payee }), `issue ${payee}`),
    ]);
  await runtime.handle(accountStream('P1', 'EUR'), approve, { actor: 'alice', correlationId: 'c', cause: 'approve' });
  const { events } = await store.readAll({ limit: 10_000 });
  const told = events.map(({ stream, type, dataText }) => `${stream} ${type} ${dataText}`).sort();
  return { tails, told, whole: (await runtime.load(accountStream('P2', 'EUR'))).state };
}

describe('accounts whose lines do not fit into memory', () => {
  it('take, issue and approve the same as others, without an event more', async () => {
    const enough = await run(1e9);
    const short = await run(0);
    expect(enough.tails).toBe(0);
    expect(short.tails).toBeGreaterThan(2);
    expect(short.told).toEqual(enough.told);
    expect(short.told.filter((text) => text.includes('StatementIssued'))).toHaveLength(PAYEES.length);
    expect(short.told.filter((text) => text.includes('LedgerTaken'))).toHaveLength(PAYEES.length * 40);
  });

  it('are given as wholes to whoever asks for them', async () => {
    const { whole } = await run(0);
    expect(whole.held.isWhole).toBe(true);
    expect(whole.statements.size).toBe(1);
  });
});
