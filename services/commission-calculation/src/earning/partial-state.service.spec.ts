import { afterEach, describe, expect, it } from '@jest/globals';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { createPartialStateRuntime } from '@tantieme/event-sourcing/decide/partial-state-runtime';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { CreditMessage } from '../credit/credit.events-out.js';
import { calendarDecider } from '../period/calendar.js';
import { EARNING, EARNING_TAILS, earningDecider, earningStream } from './earning.js';
import type { EarningEvent } from './earning.js';
import { planDecider, planStream } from '../plan/plan.js';
import { AT, dealOf, partnerOf, PLAN, World } from '../testing/world.fixture.js';
import { Earning } from './earning.service.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';

const stores: EventStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

/** Credits of 60 deals of one seller, each second one out of its order, and of one that changes. */
function credits(): readonly CreditMessage[] {
  const world = new World();
  world.take({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
  world.take({ kind: 'partner', revision: 0, partner: partnerOf('anna', { upline: 'dora' }) });
  world.take({ kind: 'partner', revision: 0, partner: partnerOf('dora') });
  const deal = (index: number, net: string, revision = 0): void =>
    world.take({
      kind: 'deal',
      revision,
      deal: dealOf(`D-${index}`, {
        bookedAt: `2026-01-${String(1 + ((index * 17) % 28)).padStart(2, '0')}T12:00:00Z`,
        lines: [{ id: '1', category: 'hardware', net }],
      }),
    });
  for (let index = 0; index < 60; index += 1) deal(index, `${50 + index}.25`);
  deal(3, '999.99', 1);
  return world.onTheWay.map(({ deal: name, payee, plan, number, groups }, index) => ({
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

/** Earns the credits in small batches, with so much memory for whole states. */
async function earn(bytesMax: number) {
  const store = openSqliteEventStore(':memory:');
  stores.push(store);
  const world = new World();
  world.take({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
  const plans = createRuntime({ store, decider: planDecider });
  for (const [index, event] of (world.plans.get('resellers')?.events ?? []).entries())
    await plans.handle(planStream('resellers'), planDecider.commandOf(event), {
      actor: 'test',
      correlationId: 'c',
      cause: `plan ${index}`,
    });
  const book = new PlanCatalog(store);
  await book.fill();
  let tails = 0;
  const runtime = createPartialStateRuntime({
    store,
    decider: earningDecider(book),
    partialStates: {
      ...EARNING_TAILS,
      makePartial: (state) => {
        tails += 1;
        EARNING_TAILS.makePartial(state);
      },
    },
    fullStateBytesMax: bytesMax,
    partialStateBytes: 25_000,
    cacheBytesMax: 1e9,
  });
  const earning = new Earning(runtime, createRuntime({ store, decider: calendarDecider }), book);
  const all = credits();
  for (let at = 0; at < all.length; at += 5) expect(await earning.earn(all.slice(at, at + 5))).toEqual([]);
  const stream = earningStream('anna', 'resellers');
  const { state: whole } = await runtime.load(stream);
  const { events } = await store.readAll({ filter: { categories: [EARNING] }, limit: 10_000 });
  // What was said of a deal last counts: within a batch, deals that need the whole stream are decided after the others.
  const told = new Map<string, string>();
  for (const stored of events)
    for (const { deal, lines } of domainEventOf<EarningEvent>(stored, {}).data.deals)
      told.set(`${stored.stream} ${deal}`, JSON.stringify(lines));
  return { tails, whole, told, count: events.length };
}

describe('a process that is short of memory', () => {
  it('posts the same as one that has enough, without an event more', async () => {
    const enough = await earn(1e9);
    const short = await earn(0);
    expect(enough.tails).toBe(0);
    expect(short.tails).toBeGreaterThan(10);
    expect(short.told).toEqual(enough.told);
    expect(short.count).toBe(enough.count);
    expect(short.told.size).toBe(120);
  });

  it('gives the state of a stream as a whole to whoever asks for it', async () => {
    const enough = await earn(1e9);
    const short = await earn(20_000);
    expect(short.whole.tail).toBeUndefined();
    expect(short.whole.engine.lineCount).toBe(enough.whole.engine.lineCount);
  });
});
