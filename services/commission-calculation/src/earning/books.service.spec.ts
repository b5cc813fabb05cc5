import { afterEach, describe, expect, it } from '@jest/globals';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { migrateCheckpoints, readCheckpoint, advanceCheckpoint } from '@tantieme/event-sourcing/read-model/checkpoints';
import { openDatabase } from '@tantieme/event-sourcing/read-model/database';
import { migrate } from '@tantieme/event-sourcing/read-model/migrations';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { CreditMessage } from '../credit/credit.events-out.js';
import { Calendars } from '../calendar/calendars.service.js';
import { bookIndex, writeBooks } from './book-index.tables.js';
import type { BookTables } from './book-index.tables.js';
import { earningBooks } from './books.js';
import { EARNING, earningStream } from './earning-stream.js';
import { earningDecider } from './earning.js';
import { dealPostings, EARNING_EVENTS } from './earning-events.js';
import type { EarningEvent } from './earning-events.js';
import { MIGRATIONS } from '../migrations.js';
import { planDecider, planStream } from '../plan/plan.js';
import { READ_MODEL } from '../service-identity.js';
import { AT, dealOf, partnerOf, PLAN, World } from '../testing/world.fixture.js';
import { Earning } from './earning.service.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';

const closeables: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closeables.splice(0)) await close();
});

const STREAM = earningStream('anna', 'resellers');
const CONTEXT = { actor: 'test', correlationId: 'c' };

/** Credits of deals of one seller, out of order, of some that change, and of one that is returned. */
function credits(dealCount: number): readonly CreditMessage[] {
  const world = new World();
  world.apply({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
  world.apply({ kind: 'partner', revision: 0, partner: partnerOf('anna', { upline: 'dora' }) });
  world.apply({ kind: 'partner', revision: 0, partner: partnerOf('dora') });
  const deal = (index: number, net: string, revision = 0): void =>
    world.apply({
      kind: 'deal',
      revision,
      deal: dealOf(`D-${index}`, {
        bookedAt: `2026-0${1 + Math.floor((index * 6) / dealCount)}-${String(1 + ((index * 17) % 28)).padStart(2, '0')}T12:00:00Z`,
        lines: [{ id: '1', category: 'hardware', net }],
      }),
    });
  for (let index = 0; index < dealCount; index += 1) {
    deal(index, `${50 + index}.25`);
    if (index % 10 === 9) deal(index - 1, `${2000 - index}.10`, 1);
  }
  deal(3, '999.99', 1);
  const { deal: sold } = world.credits.get('crm|D-5')?.state ?? {};
  const returns = [{ id: 'R', at: '2026-06-20T10:00:00Z' }];
  if (sold !== undefined) world.apply({ kind: 'deal', revision: 1, deal: { ...sold, returns } });
  return world.creditsInTransit.map(({ deal: name, payee, plan, number, groups }, index) => ({
    id: `credit-${index}`,
    time: AT,
    deal: name,
    number,
    payee,
    plan,
    groups,
    correlationId: 'c',
    causationId: `event-${index}`,
  }));
}

interface Memory {
  readonly cacheBytes: number;
  /** Longer streams are not read whole. */
  readonly wholeStreamEvents?: number;
  /** Batches after which the index is brought up to date; never without. */
  readonly indexEvery?: number;
  /** Starts again before each batch. */
  readonly restarts?: boolean;
  /** Processes that take turns; each first repeats an earlier credit, and so reads what the others wrote. */
  readonly writers?: number;
}

/** A process that earns credits, with its log and its index. */
class EarningProcess {
  /** Events read from the store since the last reset. */
  eventsRead = 0;
  private readonly store = openSqliteEventStore(':memory:');
  private readonly db = openDatabase<BookTables>(':memory:');
  readonly catalog = new PlanCatalog(this.store);

  constructor(private readonly memory: Memory) {
    closeables.push(
      () => this.store.close(),
      () => this.db.destroy(),
    );
  }

  static async start(memory: Memory): Promise<EarningProcess> {
    const process = new EarningProcess(memory);
    const world = new World();
    world.apply({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
    const plans = createRuntime({ store: process.store, decider: planDecider });
    for (const [index, event] of (world.plans.get('resellers')?.events ?? []).entries())
      await plans.handle(planStream('resellers'), planDecider.commandOf(event), { ...CONTEXT, cause: `plan ${index}` });
    await process.catalog.load();
    await migrateCheckpoints(process.db);
    await migrate(process.db, MIGRATIONS);
    return process;
  }

  /** As after a restart: nothing is in memory. */
  newRuntime() {
    const decider = earningDecider(this.catalog);
    const { wholeStreamEvents = 1, cacheBytes } = this.memory;
    const books = earningBooks(decider, bookIndex(this.db, READ_MODEL), { wholeStreamEvents });
    return createRuntime({ store: this.counted(), decider, books, cacheBytesMax: cacheBytes, shrunkBytesMax: 1e9 });
  }

  private counted(): EventStore {
    const { store } = this;
    const counted: EventStore = Object.create(store, {
      readStream: {
        value: async (...read: Parameters<EventStore['readStream']>) => {
          const events = await store.readStream(...read);
          this.eventsRead += events.length;
          return events;
        },
      },
      readStreams: {
        value: async (streams: readonly string[]) => {
          const found = await store.readStreams(streams);
          for (const events of found.values()) this.eventsRead += events.length;
          return found;
        },
      },
      append: { value: store.append.bind(store) },
      appendMany: { value: store.appendMany.bind(store) },
    }) as EventStore;
    return counted;
  }

  /** What the read model's process does. */
  async index(): Promise<void> {
    const after = await readCheckpoint(this.db, READ_MODEL);
    const { events, through } = await this.store.readAll({ after, filter: { categories: [EARNING] }, limit: 100_000 });
    await this.db.transaction().execute(async (trx) => {
      await writeBooks(trx, events);
      await advanceCheckpoint(trx, READ_MODEL, after, through);
    });
  }

  async earn(all: readonly CreditMessage[], batch = 5): Promise<void> {
    const { restarts = false, writers = 1, indexEvery } = this.memory;
    const runtimes = Array.from({ length: writers }, () => this.newRuntime());
    for (let at = 0; at < all.length; at += batch) {
      const runtime = restarts ? this.newRuntime() : runtimes[(at / batch) % writers];
      if (runtime === undefined) throw new Error('no runtime');
      const earning = new Earning(runtime, new Calendars(this.store), this.catalog);
      if (writers > 1 && at > 0) expect(await earning.earn(all.slice(0, 2))).toEqual([]);
      expect(await earning.earn(all.slice(at, at + batch))).toEqual([]);
      if (indexEvery !== undefined && (at / batch) % indexEvery === 0) await this.index();
    }
  }

  async close(period: string) {
    const planVersion = this.catalog.newest('resellers').version;
    const command = {
      type: 'close-period',
      payee: 'anna',
      plan: 'resellers',
      period,
      planVersion,
      minimum: '0.00',
      at: AT,
    } as const;
    return this.newRuntime().handle(STREAM, command, { ...CONTEXT, cause: `close ${period}` });
  }

  /** All events of the stream, as text. */
  async decided(): Promise<readonly string[]> {
    return (await this.store.readStream(STREAM)).map(({ type, dataText }) => `${type} ${dataText}`);
  }

  async postings(): Promise<ReadonlyMap<string, string>> {
    const { events } = await this.store.readAll({ filter: { categories: [EARNING] }, limit: 100_000 });
    return new Map(
      events.flatMap((stored) =>
        dealPostings(domainEventOf<EarningEvent>(stored, EARNING_EVENTS)).map(
          ({ deal, lines }) => [`${stored.stream} ${deal}`, JSON.stringify(lines)] as const,
        ),
      ),
    );
  }
}

const ENOUGH: Memory = { cacheBytes: 1e9, wholeStreamEvents: 1e9 };

describe('a process that does not have all books in memory', () => {
  const all = credits(120);

  async function decidedWith(memory: Memory) {
    const process = await EarningProcess.start(memory);
    await process.earn(all.slice(0, 120));
    await process.close('2026-01');
    await process.earn(all.slice(120));
    await process.close('2026-02');
    await process.close('2026-04');
    return process;
  }

  it.each<[string, Memory]>([
    ['is short of memory', { cacheBytes: 1, indexEvery: 1 }],
    ['is short of memory, with an index that lags', { cacheBytes: 1, indexEvery: 7 }],
    ['is short of memory, and reads a stream whole while it is short', { cacheBytes: 1, wholeStreamEvents: 60 }],
    ['restarts before each batch', { cacheBytes: 1e9, indexEvery: 1, restarts: true }],
    ['restarts, with an index that lags', { cacheBytes: 1e9, indexEvery: 7, restarts: true }],
    ['restarts, short of memory, without an index', { cacheBytes: 1, restarts: true }],
    ['takes turns with others', { cacheBytes: 1e9, indexEvery: 4, writers: 3 }],
    ['takes turns with others, short of memory', { cacheBytes: 1, indexEvery: 4, writers: 3 }],
  ])('and %s, decides the same to the byte', async (_, memory) => {
    const enough = await decidedWith(ENOUGH);
    const short = await decidedWith(memory);
    expect(await short.decided()).toEqual(await enough.decided());
    expect(await short.postings()).toEqual(await enough.postings());
  });

  it('reads all books for a caller that loads the state', async () => {
    const enough = await decidedWith(ENOUGH);
    const short = await decidedWith({ cacheBytes: 1, indexEvery: 3 });
    const { state } = await short.newRuntime().load(STREAM);
    expect(state.engine.loaded).toBeUndefined();
    expect(state.engine.lineCount).toBe((await enough.newRuntime().load(STREAM)).state.engine.lineCount);
  });
});

describe('the payee above everybody', () => {
  it('reads the deal of a return, and nothing else', async () => {
    const process = await EarningProcess.start({ cacheBytes: 1e9 });
    const above = credits(400).filter(({ payee }) => payee === 'dora');
    await process.earn(above.slice(0, -1), 100);
    await process.index();
    process.eventsRead = 0;
    await process.earn(above.slice(-1));
    expect(process.eventsRead).toBeLessThan(20);
  });
});

describe('closed periods', () => {
  /** Events read for the next deal, a late deal and the closing after a restart. */
  async function eventsRead(dealCount: number) {
    const process = await EarningProcess.start({ cacheBytes: 1e9 });
    const all = credits(dealCount).filter(({ payee }) => payee === 'anna');
    const open = all.filter(({ groups }) => groups[0]?.period === '2026-06');
    const closed = all.filter((one) => !open.includes(one));
    const [late, ...inTime] = closed;
    await process.earn([...inTime, ...open.slice(0, 3)]);
    for (const period of ['2026-01', '2026-02', '2026-03', '2026-04', '2026-05']) await process.close(period);
    await process.index();
    const readFor = async (use: () => Promise<unknown>): Promise<number> => {
      process.eventsRead = 0;
      await use();
      await process.index();
      return process.eventsRead;
    };
    return {
      next: await readFor(() => process.earn(open.slice(3, 4))),
      late: await readFor(() => process.earn(late === undefined ? [] : [late])),
      again: await readFor(() => process.earn(inTime.slice(-1))),
      closing: await readFor(() => process.close('2026-06')),
      inWindow: inTime.filter(({ groups }) => groups[0]?.window === '2026-Q1').length,
    };
  }

  it('are not read for the next deal, for the next closing, or for a repetition', async () => {
    const few = await eventsRead(60);
    const many = await eventsRead(600);
    // The second quarter is half over: its lines are read for the next deal.
    expect(many.next).toBeLessThan(600 / 2);
    expect(many.again).toBeLessThan(20);
    expect(many.closing).toBeLessThan(60);
    expect(few.closing).toBeLessThan(60);
  });

  it('are read for a late deal, but only its measurement window', async () => {
    const { late, inWindow } = await eventsRead(600);
    expect(late).toBeGreaterThan(inWindow);
    expect(late).toBeLessThan(inWindow + 60);
  });
});
