/** One process with all five services, over the ports of a simulated world. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import type { INestApplicationContext, LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { decode } from '@tantieme/contracts/envelope';
import { categoryOf } from '@tantieme/event-store/event-store';
import { ACCOUNT } from '@tantieme/payouts/account/account';
import { PAYOUTS } from '@tantieme/payouts/account/account.events-out';
import { sqliteDialect } from '@tantieme/event-sourcing/read-model/database';
import { withWholeEvents } from '@tantieme/event-store/run';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';
import type { TopicView } from '@tantieme/messaging/embedded/topic-view';
import { RuntimeModule } from '@tantieme/service-kit/application/runtime.module';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import {
  BROKER,
  DATABASE,
  EVENT_STORE,
  LEADERSHIP,
  THREAD_CHANNEL,
  TIMERS,
  TOPIC_VIEWS,
} from '@tantieme/service-kit/runtime/runtime-tokens';
import { SimulatedBroker, SimulatedTopics } from '@tantieme/simulation/broker';
import { SimulatedEventStore, SimulatedLog } from '@tantieme/simulation/event-store';
import type { Machine, Simulation } from '@tantieme/simulation/simulation';
import { Kysely } from 'kysely';
import type { Dialect, Driver } from 'kysely';

import { AllInOneModule } from '../all-in-one.module.js';
import { SimulatedLeadership } from './leadership.js';
import type { SimulatedLocks } from './leadership.js';

/** Failures are the point of a simulation: nobody reads about each of them. */
const SILENT: LoggerService = { log: () => undefined, error: () => undefined, warn: () => undefined };

/** Partitions of a topic of the simulated broker. */
const PARTITIONS = 3;

/** Longer than any run lasts: the time that a connection is waited for is not simulated. */
const ACQUIRE_MS = 60_000;

/** What outlives machines. */
export class Disks {
  /** Of the embedded broker's file. */
  readonly directory = mkdtempSync(join(tmpdir(), 'tantieme-simulation-'));
  readonly log = new SimulatedLog();
  readonly topics = new SimulatedTopics(PARTITIONS);
  readonly locks: SimulatedLocks = new Map();
  readonly database = new DatabaseSync(':memory:');
  /** The machine whose transaction is open. */
  writer: Machine | undefined;

  /** The servers of database and broker notice that a machine is gone. */
  disconnect(machine: Machine): void {
    if (this.writer === machine) {
      if (this.database.isTransaction) this.database.exec('rollback');
      this.writer = undefined;
    }
    this.topics.expel(machine);
    for (const [name, holder] of this.locks) if (holder === machine) this.locks.delete(name);
  }

  remove(): void {
    this.database.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** What a payout says and when it is due belong to an approval: finance is told of each, and always the same. */
export function unpaid({ log, topics }: Disks): readonly string[] {
  const told = new Map<string, string>();
  const violations: string[] = [];
  for (const { messages } of topics.of(PAYOUTS.topic))
    for (const { value } of messages) {
      const { id } = decode(value);
      if ((told.get(id) ?? value) !== value) violations.push(`the message ${id} was published with two contents`);
      told.set(id, value);
    }
  if (topics.partitions.size === 0) return violations;
  for (const stored of log.events)
    if (categoryOf(stored.stream) === ACCOUNT)
      for (const { value } of PAYOUTS.toMessages(stored))
        if (!told.has(decode(value).id)) violations.push(`the message ${decode(value).id} was never published`);
  return violations;
}

/** `embedded`: the log is the broker. `kafka`: relays publish to a broker with partitions. */
export type Messaging = 'embedded' | 'kafka';

export async function startMachine(
  simulation: Simulation,
  machine: Machine,
  disks: Disks,
  messaging: Messaging,
): Promise<INestApplicationContext> {
  const environment = messaging === 'kafka' ? { TANTIEME_KAFKA: 'simulated:9092' } : {};
  const config = loadConfig(environment, { dataDirectory: `/simulated/${machine.name}` });
  const timers = simulation.timersOf(machine);
  const views = new Map<string, TopicView>();
  const module = await Test.createTestingModule({ imports: [RuntimeModule.forRoot(config), AllInOneModule] })
    .setLogger(SILENT)
    .overrideProvider(EVENT_STORE)
    .useValue(withWholeEvents(new SimulatedEventStore(simulation, machine, disks.log)))
    .overrideProvider(TOPIC_VIEWS)
    .useValue(views)
    .overrideProvider(BROKER)
    .useValue(
      messaging === 'kafka'
        ? new SimulatedBroker(simulation, machine, disks.topics)
        : openEmbeddedBroker(join(disks.directory, 'broker.sqlite'), { views, timers }),
    )
    .overrideProvider(DATABASE)
    .useValue(new Kysely({ dialect: turning(sqliteDialect(disks.database, ACQUIRE_MS), simulation, machine, disks) }))
    .overrideProvider(LEADERSHIP)
    .useValue(new SimulatedLeadership(simulation, machine, disks.locks))
    .overrideProvider(THREAD_CHANNEL)
    .useValue(null)
    .overrideProvider(TIMERS)
    .useValue(timers)
    .compile();
  return module.init();
}

/** Every transaction, and every statement outside of one, is a turn. A transaction excludes those of other machines. */
function turning(dialect: Dialect, simulation: Simulation, machine: Machine, disks: Disks): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createDriver: (): Driver => {
      const driver = dialect.createDriver();
      const end = (): void => {
        disks.writer = undefined;
      };
      return {
        init: () => driver.init(),
        acquireConnection: async () => {
          const connection = await driver.acquireConnection();
          do await simulation.turn(machine, 'database');
          while (disks.writer !== undefined);
          return connection;
        },
        beginTransaction: (connection, settings) => {
          disks.writer = machine;
          return driver.beginTransaction(connection, settings);
        },
        commitTransaction: (connection) => driver.commitTransaction(connection).finally(end),
        rollbackTransaction: (connection) => driver.rollbackTransaction(connection).finally(end),
        releaseConnection: (connection) => driver.releaseConnection(connection),
        // The database belongs to the disks.
        destroy: async () => undefined,
      };
    },
  };
}
