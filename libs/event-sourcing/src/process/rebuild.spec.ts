import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStore, Page, StoredEvent } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { sql } from 'kysely';
import type { Kysely, Transaction } from 'kysely';

import { CheckpointMoved, readCheckpoint } from '../read-model/checkpoints.js';
import { openShadowDatabase, openDatabase } from '../read-model/database.js';
import { ENGINES, TestDatabases } from '../testing/databases.fixture.js';
import type { Engine } from '../testing/databases.fixture.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import { openPostgresShadowDatabase, openPostgresDatabase } from '../read-model/postgres-database.js';
import { projectionProcess } from './projection.js';
import type { Projection } from '../read-model/projection.js';
import { LogTooShort, rebuildProjection } from './rebuild.js';
import type { RebuildResult, RebuildOptions } from './rebuild.js';
import { startProcess } from '../testing/process.fixture.js';
import type { RunningProcess } from '../testing/process.fixture.js';
import { createRuntime } from '../decide/runtime.js';
import { domainEventOf } from '../decide/upcasting.js';
import { causedBy, tally, temporaryDirectory } from '../testing/tally.fixture.js';
import type { EntryAdded } from '../testing/tally.fixture.js';

interface Tables {
  sums: { stream: string; sum: number; note: string | null };
  entries: { entry: string; amount: number };
}

const directory = temporaryDirectory();
const databases = new TestDatabases();
afterAll(async () => {
  await databases.end();
  directory.remove();
});

/** SQLSTATE of a row that another transaction has locked. */
const LOCK_NOT_AVAILABLE = '55P03';

let files = 0;
let store: EventStore;
let opened: { readonly engine: Engine; readonly database: string };
let db: Kysely<Tables>;
const started: RunningProcess[] = [];
const connections: Kysely<Tables>[] = [];
let errors: unknown[];

function openStore(): EventStore {
  files += 1;
  return openSqliteEventStore(directory.path(`events-${files}.sqlite`));
}

/** Another connection, as another process would open it. */
function connect({ engine, database } = opened): Kysely<Tables> {
  const one: Kysely<Tables> =
    engine === 'embedded' ? openDatabase(database) : openPostgresDatabase(database, () => undefined);
  connections.push(one);
  return one;
}

async function open(engine: Engine): Promise<void> {
  store = openStore();
  opened = { engine, database: await databases.fresh(engine) };
  db = connect();
  errors = [];
}
afterEach(async () => {
  for (const running of started.splice(0)) await running.stop();
  for (const connection of connections.splice(0)) await connection.destroy();
  await store.close();
});

/** Adds to existing rows, so that a repeated effect shows. */
async function addUp(trx: Transaction<Tables>, events: readonly StoredEvent[]): Promise<void> {
  for (const stored of events) {
    const { entry, amount } = domainEventOf<EntryAdded>(stored, tally.events).data.input;
    await trx.insertInto('entries').values({ entry, amount }).execute();
    await trx
      .insertInto('sums')
      .values({ stream: stored.stream, sum: amount, note: null })
      .onConflict((conflict) =>
        conflict.column('stream').doUpdateSet((expression) => ({
          sum: expression('sums.sum', '+', expression.ref('excluded.sum')),
        })),
      )
      .execute();
  }
}

async function createSums(database: AnyDatabase): Promise<void> {
  await database.schema
    .createTable('sums')
    .ifNotExists()
    .addColumn('stream', 'text', (column) => column.primaryKey())
    .addColumn('sum', 'integer', (column) => column.notNull())
    .addColumn('note', 'text')
    .execute();
}

async function createEntries(database: AnyDatabase): Promise<void> {
  await database.schema
    .createTable('entries')
    .addColumn('entry', 'text', (column) => column.primaryKey())
    .addColumn('amount', 'integer', (column) => column.notNull())
    .execute();
  await database.schema.createIndex('entries_by_amount').on('entries').column('amount').execute();
}

const sums: Projection<Tables> = {
  name: 'sums',
  filter: { categories: ['tally'] },
  batchSize: 7,
  migrations: { owner: 'sums', files: { '0001-sums': { up: createSums }, '0002-entries': { up: createEntries } } },
  tables: ['sums', 'entries'],
  apply: addUp,
};

function start(into: Kysely<Tables>, from: EventStore = store): RunningProcess {
  const running = startProcess(projectionProcess(into, sums), {
    store: from,
    db: into,
    onError: (error) => errors.push(error),
  });
  started.push(running);
  return running;
}

let added = 0;
async function add(count: number): Promise<void> {
  const from = added;
  added += count;
  await createRuntime({ store, decider: tally }).handleMany(
    Array.from({ length: count }, (_, index) => ({
      stream: `tally-${(from + index) % 3}`,
      command: { entry: `e${from + index}`, amount: 1 },
      context: causedBy(`e${from + index}`),
    })),
  );
}

/** Corrupts both tables: a sum that is too high, and an entry that never existed. */
async function tamper(): Promise<void> {
  await db
    .updateTable('sums')
    .set({ sum: sql`sum + 1000`, note: 'forged' })
    .where('stream', '=', 'tally-0')
    .execute();
  await db.insertInto('entries').values({ entry: 'forged', amount: 1 }).execute();
}

async function filled(events: number): Promise<void> {
  added = 0;
  await add(events);
  const running = start(db);
  await running.waitFor(await store.head());
  await running.stop();
}

async function rebuild(
  projection: Projection<Tables> = sums,
  { from = store, onProgress }: { from?: EventStore; onProgress?: RebuildOptions['onProgress'] } = {},
): Promise<RebuildResult> {
  const { engine, database } = opened;
  const shadow = engine === 'embedded' ? openShadowDatabase(database) : await openPostgresShadowDatabase(database);
  try {
    return await rebuildProjection({ store: from, db, shadow, projection, onProgress });
  } finally {
    await shadow.db.destroy();
  }
}

/** Appends twice when it has reached the end, so that the last event is applied while the live checkpoint is locked. */
function late(onLocked = async (): Promise<void> => undefined): Projection<Tables> {
  let appended = 0;
  return {
    ...sums,
    apply: async (trx, events) => {
      if (appended === 2) await onLocked();
      else if (events.at(-1)?.position === (await store.head())) {
        appended += 1;
        await add(1);
      }
      await addUp(trx, events);
    },
  };
}

async function dump(of: Kysely<Tables> = db): Promise<unknown> {
  return {
    sums: await of.selectFrom('sums').select(['stream', 'sum', 'note']).orderBy('stream').execute(),
    entries: await of.selectFrom('entries').select(['entry', 'amount']).orderBy('entry').execute(),
    checkpoint: await readCheckpoint(of, 'sums'),
  };
}

async function dumpOfFresh(): Promise<unknown> {
  const fresh = connect({ engine: opened.engine, database: await databases.fresh(opened.engine) });
  await start(fresh).waitFor(await store.head());
  return dump(fresh);
}

/** Reads both tables in one query, again and again. Returns the kinds of content that it saw. */
function watch(): { stop(): Promise<ReadonlySet<string>> } {
  const reader = connect();
  const seen = new Set<string>();
  let isStopped = false;
  const watching = (async () => {
    while (!isStopped) {
      const { rows } = await sql<{ sum: number; entries: number; forged: number }>`
        select (select coalesce(sum(sum), 0) from sums) as sum, count(*) as entries,
          coalesce(sum(case when entry = 'forged' then 1 else 0 end), 0) as forged from entries`.execute(reader);
      const [{ sum, entries, forged } = { sum: 0, entries: 0, forged: 0 }] = rows;
      if (entries === 0) seen.add('empty');
      else if (forged === 1 && sum === entries - 1 + 1000) seen.add('old');
      else if (forged === 0 && sum === entries) seen.add('new');
      else seen.add(`a mixture: ${JSON.stringify(rows)}`);
      await new Promise(setImmediate);
    }
  })();
  return {
    stop: async () => {
      isStopped = true;
      await watching;
      return seen;
    },
  };
}

describe.each(ENGINES)('a rebuild in the %s database', (engine) => {
  beforeEach(() => open(engine));

  it('replaces wrong rows by those of a fresh projection', async () => {
    await filled(50);
    const honest = await dump();
    await tamper();
    const before = await db.introspection.getTables();
    const progress: bigint[] = [];
    const rebuilt = await rebuild(sums, { onProgress: ({ position }) => progress.push(position) });
    expect(rebuilt).toEqual({ events: 50, position: 50n, rows: { sums: 3, entries: 50 } });
    expect(await dump()).toEqual(honest);
    expect(await dumpOfFresh()).toEqual(honest);
    expect(progress).toEqual([7n, 14n, 21n, 28n, 35n, 42n, 49n, 50n]);
    expect(await db.introspection.getTables()).toEqual(before);
  });

  it('creates missing tables, empty for an empty log', async () => {
    expect(await rebuild()).toEqual({ events: 0, position: 0n, rows: { sums: 0, entries: 0 } });
    added = 0;
    await add(3);
    expect(await rebuild()).toMatchObject({ events: 3, rows: { sums: 3, entries: 3 } });
    expect(await dumpOfFresh()).toEqual(await dump());
  });

  it('supports a table whose columns an older version created in another order', async () => {
    await sql`create table sums (note text, sum integer not null, stream text primary key)`.execute(db);
    await filled(5);
    const honest = await dump();
    await tamper();
    await rebuild();
    expect(await dump()).toEqual(honest);
  });

  it('shows readers either the old or the new content, and includes what is appended until the swap', async () => {
    await filled(30);
    await tamper();
    const reader = watch();
    await rebuild({
      ...sums,
      // Appends while the copy is filled and while the live checkpoint is locked.
      apply: async (trx, events) => {
        if (added < 80) await add(5);
        await addUp(trx, events);
      },
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([...(await reader.stop())].sort()).toEqual(['new', 'old']);
    await start(db).waitFor(await store.head());
    expect(await dump()).toEqual(await dumpOfFresh());
    expect(errors).toEqual([]);
  });

  it('lets the live projection resume from the position of the copy', async () => {
    await filled(30);
    await tamper();
    const gate = gated(store);
    const filler = start(db, gate.store);
    await filler.waitFor(30n);
    await add(20);
    await rebuild();
    await add(5);
    gate.open();
    await filler.waitFor(55n);
    expect(errors).toEqual([new CheckpointMoved('sums', 30n)]);
    expect(await dump()).toEqual(await dumpOfFresh());
  });

  it('changes nothing if it ends before the swap', async () => {
    await filled(30);
    await tamper();
    let isThrough = false;
    let step = 0;
    while (!isThrough) {
      step += 1;
      let steps = 0;
      const ended = new Error(`ended at ${step}`);
      const onProgress = (): void => {
        steps += 1;
        if (steps === step) throw ended;
      };
      const before = await dump();
      const failed = await rebuild(late(), { onProgress }).catch((error: unknown) => error);
      isThrough = failed !== ended;
      if (isThrough) expect(failed).toMatchObject({ position: await store.head() });
      else expect(await dump()).toEqual(before);
    }
    expect(step).toBeGreaterThan(7);
    expect(await dump()).toEqual(await dumpOfFresh());
  });

  it('rolls back a replaced table if a later one fails', async () => {
    await filled(1);
    await tamper();
    await db.updateTable('entries').set({ amount: 2 }).where('entry', '=', 'forged').execute();
    await add(1);
    const before = await dump();
    // The second table to be replaced refuses its rows.
    await db.schema.createIndex('one_of_each').unique().on('entries').column('amount').execute();
    await expect(rebuild()).rejects.toThrow(/unique/i);
    expect(await dump()).toEqual(before);
  });

  it('refuses another log, which lacks the events of the live rows', async () => {
    await filled(10);
    const before = await dump();
    const other = openStore();
    await expect(rebuild(sums, { from: other })).rejects.toThrow(LogTooShort);
    await other.close();
    expect(await dump()).toEqual(before);
  });
});

describe('a rebuild in PostgreSQL', () => {
  beforeEach(() => open('postgres'));

  it('keeps the live checkpoint locked while it applies the last events', async () => {
    await filled(10);
    const filler = connect();
    const answers: unknown[] = [];
    await rebuild(
      late(async () => {
        const asking = sql`select position from checkpoints where name = 'sums' for update nowait`.execute(filler);
        answers.push(await asking.catch((error: unknown) => error));
      }),
    );
    expect(answers).toEqual([expect.objectContaining({ code: LOCK_NOT_AVAILABLE })]);
  });

  it('works beside a busy projection and another rebuild', async () => {
    await filled(40);
    await tamper();
    const filler = start(connect());
    const reader = watch();
    let isDone = false;
    const adding = (async () => {
      while (!isDone && added < 200) await add(3);
    })();
    await Promise.all([rebuild(), rebuild()]);
    isDone = true;
    await adding;
    await filler.waitFor(await store.head());
    expect([...(await reader.stop())].filter((kind) => kind !== 'new' && kind !== 'old')).toEqual([]);
    expect(await dump()).toEqual(await dumpOfFresh());
    expect(errors.filter((error) => !(error instanceof CheckpointMoved))).toEqual([]);
  });

  it('changes nothing if its connection breaks during the copy or the swap', async () => {
    await filled(20);
    await tamper();
    const before = await dump();
    const server = await databases.postgres();
    const inCopy: Projection<Tables> = {
      ...sums,
      apply: async (trx, events) => {
        if (events.at(-1)?.position === 14n) await server.terminateConnections(opened.database);
        await addUp(trx, events);
      },
    };
    for (const projection of [inCopy, late(() => server.terminateConnections(opened.database))]) {
      await expect(rebuild(projection)).rejects.toThrow();
      expect(await dump()).toEqual(before);
    }
  });
});

/** A store whose subscriptions hold back events after position 30 until `open` is called. */
function gated(of: EventStore): { readonly store: EventStore; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* pages(coming: AsyncIterable<Page>): AsyncGenerator<Page> {
    for await (const page of coming) {
      if (page.events.some(({ position }) => position > 30n)) await promise;
      yield page;
    }
  }
  return {
    store: {
      append: (append) => of.append(append),
      appendMany: (appends) => of.appendMany(appends),
      readStream: (stream, options) => of.readStream(stream, options),
      readStreams: (streams) => of.readStreams(streams),
      readAll: (options) => of.readAll(options),
      subscribe: (options) => pages(of.subscribe(options)),
      head: () => of.head(),
      hashAt: (position) => of.hashAt(position),
      close: () => of.close(),
    },
    open: resolve,
  };
}
