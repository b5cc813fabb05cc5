import { describe, expect, it } from '@jest/globals';
import { openDatabase } from '@tantieme/event-sourcing/read-model/database';
import { startProjection } from '@tantieme/event-sourcing/process/projection';
import { decode } from '@tantieme/contracts/envelope';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { openSqliteBroker } from '@tantieme/messaging/embedded/broker';

import { CatchUps } from '../programme/catch-ups.process.js';
import { Closing } from './closing.process.js';
import { document } from '../bonus/bonus.fixture.js';
import { programmeStream } from '../programme/programme.js';
import { earning, manifest, pauseMs } from '../testing/http.fixture.js';
import { takeCommissions } from '../inputs.consumer.js';
import { readModel } from '../rewards.tables.js';
import type { RewardsTables } from '../rewards.tables.js';
import { Runtimes, serviceContext } from '../runtimes.service.js';

const PAYEES = 4;

/** A store that dies after so many appends: those of a call that still fit are stored, and nothing is answered. */
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
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  return { store: dying, isDead: () => isDead };
}

async function prepared(): Promise<EventStore> {
  const store = openSqliteEventStore(':memory:');
  const runtimes = new Runtimes(store);
  await runtimes.programmes.handle(
    programmeStream('volume'),
    { type: 'publish', at: '2026-01-01T08:00:00Z', document: document(), by: 'dora' },
    serviceContext('test', 'test'),
  );
  const messages = Array.from({ length: PAYEES }, (_, index) =>
    earning(`P${index}`, `crm|${index}`, 0, [`${(index + 5) * 10_000}.00`]),
  );
  const batch = [...messages, manifest('2026-03')].map(({ topic, message }, index) => ({
    envelope: decode(message.value),
    message: { ...message, topic, partition: 0, offset: BigInt(index) },
  }));
  expect(await takeCommissions(runtimes, batch)).toEqual([]);
  return store;
}

async function until(is: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await is())) await pauseMs(5);
}

async function eventsOf(store: EventStore, type: string): Promise<readonly string[]> {
  const { events } = await store.readAll({ filter: { types: [type] }, limit: 1000 });
  return events.map(({ stream, dataText }) => `${stream} ${dataText}`).sort();
}

describe('the closing of a period', () => {
  it('ends in the same manifest, wherever it was killed', async () => {
    const types = ['RewardsPeriodClosing', 'BonusPeriodClosed', 'ManifestPageWritten', 'RewardsPeriodClosed'];
    let reference: readonly (readonly string[])[] | undefined;
    for (let appends = 0; appends <= PAYEES + 3; appends += 1) {
      const store = await prepared();
      const db = openDatabase<RewardsTables>(':memory:');
      const broker = openSqliteBroker(':memory:');
      const projection = startProjection({ store, db, projection: readModel, onError: () => undefined });
      const catchUps = await new CatchUps(new Runtimes(store), db, () => undefined).start();
      const reached = async (work: string, position: bigint): Promise<void> =>
        work === projection.name ? projection.waitFor(position) : undefined;
      const dying = dyingAfter(store, appends);
      const killed = new Closing(new Runtimes(dying.store), broker, db, reached, () => undefined);
      await killed.start();
      await until(() => dying.isDead());
      await killed.stop();
      const closing = await new Closing(new Runtimes(store), broker, db, reached, () => undefined).start();
      await until(async () => (await eventsOf(store, 'RewardsPeriodClosed')).length > 0);
      await until(async () => (await closing.position()) === (await store.head()));
      await closing.stop();
      const outcome = await Promise.all(types.map((type) => eventsOf(store, type)));
      expect(outcome.map(({ length }) => length)).toEqual([1, PAYEES, 1, 1]);
      expect(outcome).toEqual((reference ??= outcome));
      await catchUps.stop();
      await projection.stop();
      await db.destroy();
      await broker.close();
      await store.close();
    }
  });
});
