import { describe, expect, it } from '@jest/globals';
import { decode } from '@tantieme/contracts/envelope';
import { openDatabase } from '@tantieme/event-sourcing/read-model/database';
import { startProcess } from '@tantieme/event-sourcing/testing/process.fixture';
import type { RunningProcess } from '@tantieme/event-sourcing/testing/process.fixture';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { earning, entryOf, lineOf, manifest } from '../testing/http.fixture.js';
import { openAccounts } from '../account/accounts.service.js';
import { receiveMessages } from '../payouts.consumer.js';
import { statementRunProcess } from './statement-run.process.js';
import { openStatementRuns } from './statement-runs.service.js';

const PAYEES = 6;

/** A store that fails after `appends` appends: the call that exceeds them stores the first ones and throws. */
function dyingAfter(store: EventStore, appends: number): { readonly store: EventStore; isDead(): boolean } {
  let left = appends;
  let isDead = false;
  const dying = new Proxy(store, {
    get(target, name) {
      if (name === 'appendMany')
        return async (all: Parameters<EventStore['appendMany']>[0]) => {
          if (all.length === 0) return [];
          if (all.length < left) {
            left -= all.length;
            return target.appendMany(all);
          }
          if (!isDead && left > 0) await target.appendMany(all.slice(0, left));
          isDead = true;
          throw new Error('killed');
        };
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  return { store: dying, isDead: () => isDead };
}

async function prepared(): Promise<EventStore> {
  const store = openSqliteEventStore(':memory:');
  const payees = Array.from({ length: PAYEES }, (_, index) => `P${index}`);
  const messages = [
    ...payees.map((payee) => earning(payee, `crm|${payee}`, 0, [{}])),
    manifest(
      '/commission-calculation',
      '2026-01',
      payees.map((payee) => entryOf(payee, [lineOf(`crm|${payee}`, {})])),
    ),
    manifest('/rewards', '2026-01', []),
  ];
  const batch = messages.map(({ topic, message }, index) => ({
    envelope: decode(message.value),
    message: { ...message, topic, partition: 0, offset: BigInt(index) },
  }));
  expect(await receiveMessages(openAccounts(store), openStatementRuns(store), batch)).toEqual([]);
  return store;
}

function processOver(store: EventStore, db: AnyDatabase): RunningProcess {
  return startProcess(statementRunProcess(openAccounts(store), openStatementRuns(store)), { store, db });
}

async function until(is: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await is())) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function eventsOf(store: EventStore, type: string): Promise<readonly string[]> {
  const { events } = await store.readAll({ filter: { types: [type] }, limit: 1000 });
  return events.map(({ stream, dataText }) => `${stream} ${dataText}`).sort();
}

describe('the statement run', () => {
  it('ends in the same statements, wherever it is killed', async () => {
    let reference: readonly string[] | undefined;
    for (let appends = 0; appends <= PAYEES + 1; appends += 1) {
      const store = await prepared();
      const db = openDatabase(':memory:');
      const dying = dyingAfter(store, appends);
      const killed = processOver(dying.store, db);
      await until(() => dying.isDead());
      await killed.stop();
      const run = processOver(store, db);
      await until(async () => (await eventsOf(store, 'StatementRunFinished')).length > 0);
      await run.waitFor(await store.head());
      await run.stop();
      const issued = await eventsOf(store, 'StatementIssued');
      expect(issued.length).toBe(PAYEES);
      expect(issued).toEqual((reference ??= issued));
      expect((await eventsOf(store, 'StatementRunFinished')).length).toBe(1);
      await db.destroy();
      await store.close();
    }
  });
});
