import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { entry, issue, line, receive } from './account.fixture.js';
import { accountStream } from './account.js';
import { openAccounts } from './accounts.service.js';

let store: EventStore;
beforeEach(() => {
  store = openSqliteEventStore(':memory:');
});
afterEach(() => store.close());

it('a statement whose total no message can hold is refused, not issued without a message', async () => {
  const accounts = openAccounts(store);
  const stream = accountStream('P1', 'EUR');
  const lines = Array.from({ length: 12 }, (_, index) =>
    line({ line: `booked|${index + 10}`, amount: '999999999999999999.99' }),
  );
  const context = (cause: string) => ({ actor: 'test', correlationId: 'c', cause });
  await accounts.handle(stream, receive(lines), context('1'));
  await expect(accounts.handle(stream, issue('2026-01', [entry(lines)]), context('2'))).rejects.toMatchObject({
    code: 'MessageInvalid',
    fields: expect.arrayContaining([expect.objectContaining({ field: 'total' })]),
  });
  expect((await accounts.load(stream)).revision).toBe(0);
});
