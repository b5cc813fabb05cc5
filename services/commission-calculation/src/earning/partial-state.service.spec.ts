import { afterEach, describe, expect, it } from '@jest/globals';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { createPartialStateRuntime } from '@tantieme/event-sourcing/decide/partial-state-runtime';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { CreditMessage } from '../credit/credit.events-out.js';
import { Calendars } from '../calendar/calendars.service.js';
import { EARNING, EARNING_PARTIAL_STATES, earningDecider, earningStream } from './earning.js';
import { dealPostings, EARNING_EVENTS } from './earning-events.js';
import type { EarningEvent } from './earning-events.js';
import { planDecider, planStream } from '../plan/plan.js';
import { AT, dealOf, partnerOf, PLAN, World } from '../testing/world.fixture.js';
import { Earning } from './earning.service.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';

const stores: EventStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

/** Credits of 60 deals of one seller, out of order, and of one changed deal. */
function credits(): readonly CreditMessage[] {
  const world = new World();
  world.apply({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
  world.apply({ kind: 'partner', revision: 0, partner: partnerOf('anna', { upline: 'dora' }) });
  world.apply({ kind: 'partner', revision: 0, partner: partnerOf('dora') });
  const deal = (index: number, net: string, revision = 0): void =>
    world.apply({
      kind: 'deal',
      revision,
      deal: dealOf(`D-${index}`, {
        bookedAt: `2026-01-${String(1 + ((index * 17) % 28)).padStart(2, '0')}T12:00:00Z`,
        lines: [{ id: '1', category: 'hardware', net }],
      }),
    });
  for (let index = 0; index < 60; index += 1) deal(index, `${50 + index}.25`);
  deal(3, '999.99', 1);
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

/** Earns the credits in small batches. @param bytesMax memory for whole states */
async function earn(bytesMax: number) {
  const store = openSqliteEventStore(':memory:');
  stores.push(store);
  const world = new World();
  world.apply({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
  const plans = createRuntime({ store, decider: planDecider });
  for (const [index, event] of (world.plans.get('resellers')?.events ?? []).entries())
    await plans.handle(planStream('resellers'), planDecider.commandOf(event), {
      actor: 'test',
      correlationId: 'c',
      cause: `plan ${index}`,
    });
  const catalog = new PlanCatalog(store);
  await catalog.load();
  let partialStates = 0;
  const runtime = createPartialStateRuntime({
    store,
    decider: earningDecider(catalog),
    partialStates: {
      ...EARNING_PARTIAL_STATES,
      makePartial: (state) => {
        partialStates += 1;
        EARNING_PARTIAL_STATES.makePartial(state);
      },
    },
    fullStateBytesMax: bytesMax,
    partialStateBytes: 25_000,
    cacheBytesMax: 1e9,
  });
  const earning = new Earning(runtime, new Calendars(store), catalog);
  const all = credits();
  for (let at = 0; at < all.length; at += 5) expect(await earning.earn(all.slice(at, at + 5))).toEqual([]);
  const stream = earningStream('anna', 'resellers');
  const { state: whole } = await runtime.load(stream);
  const { events } = await store.readAll({ filter: { categories: [EARNING] }, limit: 10_000 });
  // The last postings of a deal count: within a batch, deals that need the whole stream are decided after the others.
  const posted = new Map<string, string>();
  for (const stored of events)
    for (const { deal, lines } of dealPostings(domainEventOf<EarningEvent>(stored, EARNING_EVENTS)))
      posted.set(`${stored.stream} ${deal}`, JSON.stringify(lines));
  return { partialStates, whole, posted, count: events.length };
}

describe('a process that is short of memory', () => {
  it('posts the same, with the same number of events, as one with enough memory', async () => {
    const enough = await earn(1e9);
    const short = await earn(0);
    expect(enough.partialStates).toBe(0);
    expect(short.partialStates).toBeGreaterThan(10);
    expect(short.posted).toEqual(enough.posted);
    expect(short.count).toBe(enough.count);
    expect(short.posted.size).toBe(120);
  });

  it('loads the whole state of a stream', async () => {
    const enough = await earn(1e9);
    const short = await earn(20_000);
    expect(short.whole.partial).toBeUndefined();
    expect(short.whole.engine.lineCount).toBe(enough.whole.engine.lineCount);
  });
});
