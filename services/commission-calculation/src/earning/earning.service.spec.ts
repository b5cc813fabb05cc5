import { afterEach, describe, expect, it } from '@jest/globals';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { Calendars } from '../calendar/calendars.service.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import { planDecider, planStream } from '../plan/plan.js';
import { AT, PLAN, World } from '../testing/world.fixture.js';
import { earningDecider } from './earning.js';
import { Earning } from './earning.service.js';

let store: EventStore;
afterEach(() => store.close());

describe('an earning of a payee below', () => {
  it('is accepted by a replica that last read the plan as a draft', async () => {
    store = openSqliteEventStore(':memory:');
    const world = new World();
    world.apply({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
    const plans = createRuntime({ store, decider: planDecider });
    const events = world.plans.get('resellers')?.events ?? [];
    const record = async (from: number, to: number): Promise<void> => {
      for (const [index, event] of events.slice(from, to).entries())
        await plans.handle(planStream('resellers'), planDecider.commandOf(event), {
          actor: 'test',
          correlationId: 'c',
          cause: `plan ${from + index}`,
        });
    };
    await record(0, 1);
    const catalog = new PlanCatalog(store);
    await catalog.load();
    await record(1, events.length);
    const runtime = createRuntime({ store, decider: earningDecider(catalog) });
    const earning = new Earning(runtime, new Calendars(store), catalog);
    const message = { id: 'm', time: AT, deal: 'crm|D-1', payee: 'top', plan: 'resellers', child: 'anna', revision: 1 };
    const internal = { ...message, earned: [], correlationId: 'c', causationId: 'e' };
    expect(await earning.earn([internal])).toEqual([]);
  });
});
