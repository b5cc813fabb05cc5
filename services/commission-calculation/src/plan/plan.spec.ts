import { beforeEach, describe, expect, it } from '@jest/globals';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { planDecider, stateOfVersion } from './plan.js';
import type { PlanCommand } from './plan.js';
import { AT, draftOf, PLAN, publishPlan, Stream } from '../testing/world.fixture.js';
import type { PlanStream } from '../testing/world.fixture.js';

const OTHER = PLAN.replace('4 %', '5 %');

let plan: PlanStream;
beforeEach(() => {
  plan = new Stream(planDecider);
});

const approve = (number: number, by = 'approver'): PlanCommand => ({ type: 'approve', number, by, at: AT });
const publish = (
  number: number,
  effectiveFrom: string,
  openFrom: string | null = null,
  by = 'approver',
): PlanCommand => ({
  type: 'publish',
  number,
  effectiveFrom,
  by,
  openFrom,
  at: AT,
});
const end = (lastDay: string, openFrom: string | null = null): PlanCommand => ({
  type: 'end',
  lastDay,
  by: 'designer',
  openFrom,
  at: AT,
});

function refusal(command: PlanCommand): string | undefined {
  try {
    plan.handle(command);
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
  return undefined;
}

const inForce = () => plan.state.published.map(({ number, effectiveFrom }) => [number, effectiveFrom]);

describe('a version of a plan', () => {
  it('is drafted by one person, approved and published by another, and every event names the person', () => {
    publishPlan(plan, PLAN, '2026-01-01');
    expect(plan.events.map(({ type, data: { by } }) => [type, by])).toEqual([
      ['PlanDrafted', 'designer'],
      ['PlanApproved', 'approver'],
      ['PlanPublished', 'approver'],
    ]);
    expect(inForce()).toEqual([[1, '2026-01-01']]);
  });

  it('can be neither approved nor published by its author', () => {
    plan.handle(draftOf(PLAN, 'both'));
    expect(refusal(approve(1, 'both'))).toBe('SecondPersonNeeded');
    plan.handle(approve(1));
    expect(refusal(publish(1, '2026-01-01', null, 'both'))).toBe('SecondPersonNeeded');
  });

  it('stays the draft of its first author when somebody else sends it again', () => {
    plan.handle(draftOf(PLAN, 'first'));
    expect(plan.handle(draftOf(PLAN, 'second'))).toEqual([]);
    expect(refusal(approve(1, 'first'))).toBe('SecondPersonNeeded');
    expect(plan.handle(approve(1, 'second'))).toHaveLength(1);
  });

  it('cannot be published before its approval, nor where it does not exist', () => {
    plan.handle(draftOf(PLAN));
    expect(refusal(publish(1, '2026-01-01'))).toBe('PlanVersionNotApproved');
    for (const command of [approve(2), approve(0), publish(2, '2026-01-01')])
      expect(refusal(command)).toBe('PlanVersionUnknown');
  });

  it('goes through each step once', () => {
    publishPlan(plan, PLAN, '2026-01-01');
    for (const command of [draftOf(PLAN), approve(1), publish(1, '2026-01-01')])
      expect(plan.handle(command)).toEqual([]);
  });

  it('may repeat an earlier version, after another one', () => {
    for (const text of [PLAN, OTHER, PLAN]) publishPlan(plan, text, '2026-01-01');
    expect(inForce()).toEqual([
      [1, '2026-01-01'],
      [2, '2026-01-01'],
      [3, '2026-01-01'],
    ]);
  });

  it('moves to another day when it is published again', () => {
    publishPlan(plan, PLAN, '2026-01-01');
    publishPlan(plan, OTHER, '2026-07-01');
    plan.handle(publish(2, '2026-04-01'));
    expect(inForce()).toEqual([
      [1, '2026-01-01'],
      [2, '2026-04-01'],
    ]);
  });

  it.each([
    ['currency', PLAN.replace('EUR', 'USD')],
    ['calendar', PLAN.replace('Europe/Paris', 'Europe/Berlin')],
    ['triggers', PLAN.replace('booked', 'invoiced')],
  ])('keeps the %s of the published versions', (_, text) => {
    const draft = draftOf(text);
    plan.handle(draft);
    publishPlan(plan, PLAN, '2026-01-01');
    expect(refusal(draft)).toBe('PlanVersionRefused');
    plan.handle(approve(1));
    expect(refusal(publish(1, '2026-04-01'))).toBe('PlanVersionRefused');
  });
});

describe('periods that are closed', () => {
  it('keep the versions that were in force in them', () => {
    publishPlan(plan, PLAN, '2026-01-01', null);
    plan.handle(draftOf(OTHER));
    plan.handle(approve(2));
    expect(refusal(publish(2, '2026-03-31', '2026-04-01'))).toBe('PlanPeriodClosed');
    plan.handle(publish(2, '2026-04-01', '2026-04-01'));
    expect(inForce()).toEqual([
      [1, '2026-01-01'],
      [2, '2026-04-01'],
    ]);
  });

  it('let no version move away from a day within them, only from a day after them', () => {
    publishPlan(plan, PLAN, '2026-01-01');
    publishPlan(plan, OTHER, '2026-05-01');
    expect(refusal(publish(1, '2026-04-01', '2026-04-01'))).toBe('PlanPeriodClosed');
    expect(refusal(publish(2, '2026-03-01', '2026-04-01'))).toBe('PlanPeriodClosed');
    plan.handle(publish(2, '2026-04-01', '2026-04-01'));
  });

  it('accept a plan without a version in force in them: its deals were pending', () => {
    publishPlan(plan, PLAN, '2026-01-01', '2026-04-01');
    publishPlan(plan, OTHER, '2026-04-01', '2026-04-01');
    expect(inForce()).toHaveLength(2);
  });

  it('let no plan end within them, nor continue after it has ended in them', () => {
    publishPlan(plan, PLAN, '2026-01-01');
    expect(refusal(end('2026-03-30', '2026-04-01'))).toBe('PlanPeriodClosed');
    plan.handle(end('2026-03-31', '2026-04-01'));
    plan.handle(end('9999-12-31', '2026-04-01'));
    plan.handle(end('2026-04-30', '2026-04-01'));
    expect(refusal(end('2026-12-31', '2026-06-01'))).toBe('PlanPeriodClosed');
  });
});

describe('the end of a plan', () => {
  it('applies to all versions, also to one that is published later', () => {
    publishPlan(plan, PLAN, '2026-01-01');
    plan.handle(end('2026-12-31'));
    expect(plan.handle(end('2026-12-31'))).toEqual([]);
    publishPlan(plan, OTHER, '2026-04-01');
    expect(plan.state.published.map(({ lastDay }) => lastDay)).toEqual(['2026-12-31', '2026-12-31']);
    plan.handle(end('2027-03-31'));
    expect(plan.state.published.map(({ lastDay }) => lastDay)).toEqual(['2027-03-31', '2027-03-31']);
  });

  it('lets no version take effect after it', () => {
    publishPlan(plan, PLAN, '2026-01-01');
    plan.handle(end('2026-03-31'));
    plan.handle(draftOf(OTHER));
    plan.handle(approve(2));
    expect(refusal(publish(2, '2026-04-01'))).toBe('PlanOver');
  });

  it('needs a published version', () => {
    plan.handle(draftOf(PLAN));
    expect(refusal(end('2026-03-31'))).toBe('PlanNotPublished');
  });
});

describe('the state of a version', () => {
  const states = (today: string) => plan.state.versions.map(({ number }) => stateOfVersion(plan.state, number, today));

  it('depends on its history and the day', () => {
    plan.handle(draftOf(PLAN));
    expect(states('2026-01-01')).toEqual(['draft']);
    plan.handle(approve(1));
    expect(states('2026-01-01')).toEqual(['approved']);
    plan.handle(publish(1, '2026-02-01'));
    publishPlan(plan, OTHER, '2026-07-01');
    plan.handle(end('2026-12-31'));
    expect(states('2026-01-01')).toEqual(['published', 'published']);
    expect(states('2026-07-01')).toEqual(['superseded', 'published']);
    expect(states('2027-01-01')).toEqual(['superseded', 'ended']);
  });

  it('is superseded by a later version with the same day', () => {
    publishPlan(plan, PLAN, '2026-01-01');
    publishPlan(plan, OTHER, '2026-01-01');
    expect(states('2026-01-01')).toEqual(['superseded', 'published']);
  });
});
