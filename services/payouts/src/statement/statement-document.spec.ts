import { afterEach, describe, expect, it } from '@jest/globals';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { account, accountStream } from '../account/account.js';
import type { AccountCommand } from '../account/account.js';
import { CALENDAR, entry, issue, line, receive } from '../account/account.fixture.js';
import { readStatement } from './statement-document.service.js';

const DEALS = 20;
const PERIODS = Array.from({ length: 12 }, (_, index) => `2026-${String(index + 1).padStart(2, '0')}`);

describe('the lines of a statement', () => {
  const store = openSqliteEventStore(':memory:');
  afterEach(() => store.close());

  it('are read from the first event that has one, whatever the account received before', async () => {
    const runtime = createRuntime({ store, decider: account });
    const stream = accountStream('P1', 'EUR');
    let revision = -1;
    const handle = async (command: AccountCommand): Promise<void> => {
      revision += 1;
      await runtime.handle(stream, command, { actor: 'a', correlationId: 'c', cause: `${revision}` });
    };
    for (const [month, period] of PERIODS.entries()) {
      const lines = Array.from({ length: DEALS }, (_, deal) =>
        line({ deal: `crm|D-${period}-${deal}`, period, origin: period }),
      );
      for (const [deal, one] of lines.entries())
        await handle(receive([one], { origin: { stream: 'earning-P1|resellers', revision: month * DEALS + deal } }));
      await handle(issue(period, [entry(lines)]));
    }

    const read = counting(store);
    const location = { id: `P1|EUR|${CALENDAR}|2026-12`, payee: 'P1', currency: 'EUR', revision };
    expect((await readStatement(read.store, location)).lines).toHaveLength(DEALS);
    expect(read.events()).toBe(DEALS + 1);
  });
});

/** Counts the events that are read. */
function counting(store: EventStore): { readonly store: EventStore; readonly events: () => number } {
  let events = 0;
  const readStream: EventStore['readStream'] = async (stream, options) => {
    const read = await store.readStream(stream, options);
    events += read.length;
    return read;
  };
  return { store: { ...store, readStream }, events: () => events };
}
