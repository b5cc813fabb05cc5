import { afterEach, describe, expect, it } from '@jest/globals';
import { openDatabase } from '@tantieme/event-sourcing/read-model/database';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import type { Process, StepContext } from '@tantieme/event-sourcing/process/process';
import { systemTimers } from '@tantieme/time/timers';
import { projectionProcess } from '@tantieme/event-sourcing/process/projection';
import { startProcess } from '@tantieme/event-sourcing/testing/process.fixture';
import type { RunningProcess } from '@tantieme/event-sourcing/testing/process.fixture';
import { decode } from '@tantieme/contracts/envelope';
import type { Kysely } from 'kysely';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { document } from '../bonus/bonus.fixture.js';
import { BONUS_EVENTS, bonusDecider, bonusStream } from '../bonus/bonus.js';
import type { BonusEvent } from '../bonus/bonus.js';
import { openBonuses } from '../bonus/bonuses.service.js';
import { COMMISSIONS_CONSUMER, receiveCommissions } from '../bonus/commissions.consumer.js';
import { catchUpProcess } from '../catch-up/catch-up.process.js';
import { Closing } from './closing.process.js';
import { openEarningsLedger } from '../ledger/earnings-ledger.service.js';
import { PARTNERS_CONSUMER } from '../participant/participant.consumer.js';
import { openCalendars, openPeriods } from '../period/periods.service.js';
import { programmeStream } from '../programme/programme.js';
import { openProgrammes } from '../programme/programmes.service.js';
import { readModel } from '../rewards.tables.js';
import type { RewardsTables } from '../rewards.tables.js';
import { serviceContext } from '../service-context.js';
import { earning, manifest, pauseMs } from '../testing/http.fixture.js';

const PAYEES = 4;
const WAIT_MS_MAX = 10_000;

/** Ends what a test has opened, newest first, also after it failed: a process that goes on would keep Jest from ending. */
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function openReadModel(): Kysely<RewardsTables> {
  const db = openDatabase<RewardsTables>(':memory:');
  ends.push(() => db.destroy());
  return db;
}

function started(...of: Parameters<typeof startProcess<StoredEvent>>): RunningProcess {
  const process = startProcess(...of);
  ends.push(() => process.stop());
  return process;
}

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
  ends.push(() => store.close());
  await openProgrammes(store).handle(
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
  const services = { ledger: openEarningsLedger(store), periods: openPeriods(store), bonuses: openBonuses(store) };
  expect(await receiveCommissions(services, batch)).toEqual([]);
  return store;
}

async function until(is: () => Promise<boolean> | boolean): Promise<void> {
  for (const untilMs = Date.now() + WAIT_MS_MAX; !(await is()); await pauseMs(5))
    if (Date.now() > untilMs) throw new Error(`not within ${WAIT_MS_MAX} ms: ${is.toString()}`);
}

async function eventsOf(store: EventStore, type: string): Promise<readonly string[]> {
  const { events } = await store.readAll({ filter: { types: [type] }, limit: 1000 });
  return events.map(({ stream, dataText }) => `${stream} ${dataText}`).sort();
}

describe('the closing of a period', () => {
  it('takes a bonus that was decided before the closing began and stored after it', async () => {
    const store = await prepared();
    const db = openReadModel();
    const bonuses = openBonuses(store);
    const [decided] = (await store.readAll({ filter: { types: ['BonusDecided'] }, limit: 1 })).events;
    if (decided === undefined) throw new Error('expected a bonus');
    const event = parseDomainEvent<BonusEvent>(decided, BONUS_EVENTS);
    const command = bonusDecider((hash) => bonuses.referenceData.programmeOf(hash)).commandOf(event);
    if (command.type !== 'decide-bonus' || command.earnings === null) throw new Error('expected a decision');
    const earnings = { ...command.earnings, deal: 'crm|late' };
    const closing = new Closing({
      store,
      db,
      bonuses: openBonuses(store),
      calendars: openCalendars(store),
      periods: openPeriods(store),
    });
    const others = [catchUpProcess({ store, db, bonuses, programmes: openProgrammes(store) })];
    const readModelProcess = started(projectionProcess(db, readModel), { store, db, others });
    let isLate = true;
    const context: StepContext = {
      signal: AbortSignal.timeout(WAIT_MS_MAX),
      timers: systemTimers,
      hasReached: async (process, position) => {
        if (process === readModel.name) await readModelProcess.waitFor(position);
        // The decision read the calendar before the closing began; whoever waits for its process finds it stored.
        else if (isLate && (await eventsOf(store, 'RewardsPeriodClosing')).length > 0) {
          isLate = false;
          const late = { ...command, payee: 'LATE', earnings, openFrom: null };
          await bonuses.runtime.handle(bonusStream('LATE', 'volume'), late, serviceContext('late', 'late'));
        }
        return true;
      },
      attempt: (_, work) => work(),
      saveIn: async () => undefined,
    };
    const { events } = await store.readAll({ filter: { categories: ['rewardsperiod'] }, limit: 100 });
    await until(async () => (await closing.process().step(events, context)) !== 'open');
    expect((await eventsOf(store, 'ManifestPageWritten')).join()).toContain('bonus-LATE|volume');
  });

  it('ends in the same manifest, wherever it is killed', async () => {
    const types = ['RewardsPeriodClosing', 'BonusPeriodClosed', 'ManifestPageWritten', 'RewardsPeriodClosed'];
    let reference: readonly (readonly string[])[] | undefined;
    for (let appends = 0; appends <= PAYEES + 3; appends += 1) {
      const store = await prepared();
      const db = openReadModel();
      const bonuses = openBonuses(store);
      const idle = async (): Promise<void> => undefined;
      const others: readonly Process<StoredEvent>[] = [
        projectionProcess(db, readModel),
        catchUpProcess({ store, db, bonuses, programmes: openProgrammes(store) }),
        ...[PARTNERS_CONSUMER, COMMISSIONS_CONSUMER, 'rewards-eligibility'].map((name): Process<StoredEvent> => ({
          name,
          replicas: 'one-replica',
          source: logSource({ categories: [] }),
          step: idle,
        })),
      ];
      const closingOver = (over: EventStore): RunningProcess => {
        const closing = new Closing({
          store: over,
          db,
          bonuses: openBonuses(over),
          calendars: openCalendars(over),
          periods: openPeriods(over),
        });
        return started(closing.process(), { store, db, others });
      };
      const dying = dyingAfter(store, appends);
      const killed = closingOver(dying.store);
      await until(() => dying.isDead());
      await killed.stop();
      const closing = closingOver(store);
      await until(async () => (await eventsOf(store, 'RewardsPeriodClosed')).length > 0);
      await closing.waitFor(await store.head());
      await closing.stop();
      const outcome = await Promise.all(types.map((type) => eventsOf(store, type)));
      expect(outcome.map(({ length }) => length)).toEqual([1, PAYEES, 1, 1]);
      expect(outcome).toEqual((reference ??= outcome));
    }
  });
});
