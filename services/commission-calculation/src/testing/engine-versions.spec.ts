import { beforeEach, describe, expect, it } from '@jest/globals';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import type { Decider, DomainEvent } from '@tantieme/event-sourcing/decide/decider';
import { EngineUnknown, engineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import { BUDGET_ENGINES, budgetDecider } from '../budget/budget.js';
import { BUDGET, claimOf, PLANS, TestBudget } from '../budget/budget.fixture.js';
import { CREDIT_ENGINES, creditDecider } from '../credit/credit.js';
import { EARN_ENGINES } from '../earning/earn-engines.js';
import type { EarnEngine } from '../earning/earn-engines.js';
import { earningDecider, postingOf } from '../earning/earning.js';
import type { EarningEvent } from '../earning/earning-events.js';
import { AT, dealOf, partnerOf, PLAN, World } from './world.fixture.js';

/** Decides every event again, each on the state before it, and returns the state after the last one. */
function replay<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  events: readonly Event[],
): State {
  let state = decider.initialState();
  for (const event of events) {
    expect(canonicalJson(decider.decide(decider.commandOf(event), state))).toBe(canonicalJson([event]));
    state = decider.evolve(state, event);
  }
  return state;
}

let world: World;
beforeEach(() => {
  world = new World();
  world.apply({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
  world.apply({ kind: 'partner', partner: partnerOf('anna'), revision: 0 });
  for (const [id, net] of Object.entries({ 'D-1': '1200.00', 'D-2': '300.00' }))
    world.apply({ kind: 'deal', deal: dealOf(id, { net, bookedAt: '2026-01-10T10:00:00Z' }), revision: 0 });
});

describe('a version of the earning arithmetic', () => {
  const first = EARN_ENGINES.of(1);
  /** Test only: version 2 earns nothing, and posts nothing either. */
  const second: EarnEngine = {
    ...first,
    diffCredit(state, credit, plans) {
      const change = first.diffCredit(state, credit, plans);
      const deals = change.deals.map(({ deal, lines }) => ({
        deal,
        lines: lines.map((one) => ({ ...one, amountMinor: 0n })),
      }));
      return { ...change, deals, rated: change.rated.map((one) => ({ ...one, amount: '0.00' })) };
    },
    postedLines: () => [],
  };
  const withTwo = () => earningDecider(world, engineVersions('earning', { 1: first, 2: second }));

  const oldEvents = (): readonly EarningEvent[] => {
    world.earnAll();
    world.close('2026-01');
    return world.earnings.get('earning-anna|resellers')?.events ?? [];
  };

  it('is named by every decision', () => {
    expect(oldEvents().map(({ type, data }) => [type, data.engine])).toEqual([
      ['Earned', 1],
      ['Earned', 1],
      ['EarningPeriodClosed', 1],
    ]);
  });

  it('decides the old events again after a newer one came', () => {
    const state = replay(withTwo(), oldEvents());
    expect(postingOf(state, 'crm|D-1', second)).toMatchObject([{ basis: '1200.00', amount: '52.00' }]);
    expect(world.ledger()).toHaveLength(2);
  });

  it('decides new commands if it is the newest, and these again', () => {
    const decider = withTwo();
    const old = oldEvents();
    const [credit] = old;
    if (credit?.type !== 'Earned') throw new Error('the first event is a credit');
    const { currency, calendar, input } = credit.data;
    const command = { type: 'credit', currency, calendar, ...input, openFrom: null, deal: 'crm|D-3', at: AT } as const;
    const [event] = decider.decide(command, replay(decider, old));
    expect(event?.data).toMatchObject({ engine: 2, amounts: [['0.00']], unchanged: true });
    if (event === undefined) throw new Error('a credit is recorded');
    const state = replay(decider, [...old, event]);
    expect(state.engine.deals.get('crm|D-3')).toMatchObject([{ amountMinor: 0n }]);
  });

  it('is refused by name where a build does not have it', () => {
    const decider = earningDecider(world);
    const [event] = oldEvents();
    if (event?.type !== 'Earned') throw new Error('the first event is a credit');
    const newer: EarningEvent = { ...event, data: { ...event.data, engine: 2 } };
    for (const read of [
      () => decider.decide(decider.commandOf(newer), decider.initialState()),
      () => decider.evolve(decider.initialState(), newer),
    ]) {
      expect(read).toThrow(EngineUnknown);
      expect(read).toThrow(
        'version 2 of the earning calculation is not in this build, which has 1; run the version of the program that wrote this log, or a later one',
      );
    }
  });
});

describe('a version of the crediting rules', () => {
  it('decides its own events again, and no others', () => {
    const engines = engineVersions('crediting', {
      1: CREDIT_ENGINES.of(1),
      2: () => ({ credits: [], pending: [], uncredited: [] }),
    });
    const decider = creditDecider(world, engines);
    const old = world.credits.get('crm|D-1')?.events ?? [];
    expect(old[0]?.data).toMatchObject({ credits: [{ payee: expect.any(String) }] });
    const state = replay(decider, old);
    const [event] = decider.decide(
      { ...creditDecider(world).commandOf(firstOf(old)), engine: 2 },
      decider.initialState(),
    );
    expect(event?.data).toMatchObject({ engine: 2, credits: [] });
    replay(decider, [firstOf([event])]);
    expect(() => creditDecider(world).evolve(state, firstOf([event]))).toThrow(EngineUnknown);
  });
});

describe('a version of the budget arithmetic', () => {
  it('computes the grants of its own events, when they are decided again and when they are read', () => {
    const first = BUDGET_ENGINES.of(1);
    const second = {
      ...first,
      changeOf: (...[state, budget, input, plans]: Parameters<typeof first.changeOf>) =>
        first.changeOf(state, budget, { ...input, claims: [] }, plans),
    };
    const decider = budgetDecider(PLANS, engineVersions('budget', { 1: first, 2: second }));
    const budget = new TestBudget();
    budget.claim('anna', 'D3', claimOf('03-03', '400.00'));
    budget.claim('bert', 'D5', claimOf('03-05', '800.00'));
    const old = budget.stream.events;
    const state = replay(decider, old);
    expect(state.open.map(({ openMinor }) => openMinor)).toEqual([40_000n, 60_000n]);
    const claims = [claimOf('03-06', '1.00')];
    const command = {
      type: 'receive-claims',
      budget: BUDGET,
      payee: 'carl',
      deal: 'crm|D6',
      revision: 0,
      claims,
      at: AT,
    } as const;
    const events = [...old, ...decider.decide(command, state)];
    expect(events.at(-1)?.data).toMatchObject({ engine: 2, grants: [] });
    expect(replay(decider, events).open).toHaveLength(2);
    expect(() => replay(budgetDecider(PLANS), events)).toThrow(EngineUnknown);
  });
});

function firstOf<Item>([first]: readonly (Item | undefined)[]): Item {
  if (first === undefined) throw new Error('there is none');
  return first;
}
