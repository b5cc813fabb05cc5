import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { verifyLog } from '@tantieme/audit/verify';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { APPEND_BYTES_MAX } from '@tantieme/event-store/limits';
import type { EventStore } from '@tantieme/event-store/event-store';
import { isPart, withWholeEvents } from '@tantieme/event-store/run';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { Calendars } from '../calendar/calendars.service.js';
import { earningMessages } from './earning.events-out.js';
import { Earning } from './earning.service.js';
import type { EarningMessage } from './earning.service.js';
import { EARNING } from './earning-stream.js';
import { earningDecider } from './earning.js';
import { dealPostings, EARNING_EVENTS } from './earning-events.js';
import type { EarningEvent } from './earning-events.js';
import { planDecider, planStream } from '../plan/plan.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import { replayables } from '../replayables.js';
import { AT, dealOf, partnerOf, World } from '../testing/world.fixture.js';

/** Every line is paid 1 % up to a basis of 100,000, and 2 % above. */
const planOf = (more: string): string => `
plan: resellers
title: Resellers
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
components:
  - id: hardware
    credit: { trigger: booked, where: { line.category: hardware } }
    measure: { over: quarter }
    rate:
      retroactive: [{ below: 100000, pay: 1 % }, { pay: 2 % }]
${more}`;

const OVERRIDE = '  - { id: team, credit: { override: [hardware], of: earning, levels: [100 %] } }';
const BUDGET = '    budget: 1000000';

const LINES_OF_DEAL = 1000;

let raw: EventStore;
let store: EventStore;
beforeEach(() => {
  raw = openSqliteEventStore(':memory:');
  store = withWholeEvents(raw);
});
afterEach(() => raw.close());

/** Anna's credits of the deals: of `dealCount` with very many lines, then of one that crosses the tier. */
function creditsOf(world: World, dealCount: number): readonly EarningMessage[] {
  for (let deal = 0; deal <= dealCount; deal++)
    world.apply({
      kind: 'deal',
      revision: 0,
      deal: dealOf(`D-${deal}`, {
        bookedAt: deal === dealCount ? '2026-02-01T10:00:00Z' : '2026-01-10T10:00:00Z',
        lines: Array.from({ length: deal === dealCount ? 1 : LINES_OF_DEAL }, (_, line) => ({
          id: String(line + 1),
          category: 'hardware',
          net: deal === dealCount ? '99999.00' : '1.00',
        })),
      }),
    });
  return world.creditsInTransit
    .filter(({ payee }) => payee === 'anna')
    .map((credit, index) => ({ ...credit, id: `credit-${index}`, time: AT, correlationId: 'c', causationId: 'e' }));
}

async function earned(plan: string, dealCount: number): Promise<{ readonly refused: number; readonly world: World }> {
  const world = new World();
  world.apply({ kind: 'plan', text: plan, effectiveFrom: '2026-01-01' });
  world.apply({ kind: 'partner', revision: 0, partner: partnerOf('anna', { upline: 'dora' }) });
  world.apply({ kind: 'partner', revision: 0, partner: partnerOf('dora') });
  const plans = createRuntime({ store, decider: planDecider });
  for (const [index, event] of (world.plans.get('resellers')?.events ?? []).entries())
    await plans.handle(planStream('resellers'), planDecider.commandOf(event), {
      actor: 'test',
      correlationId: 'c',
      cause: `plan ${index}`,
    });
  const catalog = new PlanCatalog(store);
  await catalog.load();
  const runtime = createRuntime({ store, decider: earningDecider(catalog) });
  const refused = await new Earning(runtime, new Calendars(store), catalog).earn(creditsOf(world, dealCount));
  return { refused: refused.length, world };
}

describe('a retroactive tier that is crossed', () => {
  it.each([
    ['after 28,000 lines, with an upline who is paid on the earnings', OVERRIDE, 28],
    ['after 8,000 lines of a component with a budget', BUDGET, 8],
  ])(
    '%s, loses nothing',
    async (_, more, dealCount) => {
      const { refused } = await earned(planOf(more), dealCount);
      expect(refused).toBe(0);
      const { events } = await store.readAll({ filter: { categories: [EARNING] }, limit: 10_000 });
      expect(events).toHaveLength(dealCount + 1);
      const last = events.at(-1);
      if (last === undefined) throw new Error('no event');
      expect(isPart(last)).toBe(false);
      expect(last.dataText.length).toBeGreaterThan(APPEND_BYTES_MAX);
      const deals = dealPostings(domainEventOf<EarningEvent>(last, EARNING_EVENTS));
      const amounts = deals.flatMap(({ lines }) => lines.map(({ amount }) => amount));
      if (more === OVERRIDE)
        expect(amounts.filter((amount) => amount === '0.02')).toHaveLength(LINES_OF_DEAL * dealCount);
      // Each message holds all of one deal.
      const sizes = earningMessages(last).map(({ value }) => value.length);
      expect(Math.max(...sizes)).toBeLessThan(APPEND_BYTES_MAX);
      if (more === BUDGET)
        expect(await verifyLog({ store: raw, replayables: await replayables(raw) })).toMatchObject({ differences: [] });
    },
    120_000,
  );
});
