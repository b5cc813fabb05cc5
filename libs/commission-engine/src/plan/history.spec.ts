import { describe, expect, it } from '@jest/globals';
import { successionProblems } from './history.js';
import { BOOKED, planWith } from '../testing/world.fixture.js';

describe('a new version of a plan', () => {
  it('must keep the currency, the calendar, and the triggers of components that keep their id', () => {
    const before = planWith([`{ id: sales, ${BOOKED}, rate: { percent: 1 % } }`]);
    const same = planWith([
      `{ id: sales, ${BOOKED}, rate: { percent: 2 % } }`,
      `{ id: more, credit: { trigger: paid }, rate: { percent: 2 % } }`,
    ]);
    const other = planWith(['{ id: sales, credit: { trigger: paid }, rate: { percent: 1 % } }'], {
      currency: 'USD',
      periods: 'quarterly',
    });
    expect(successionProblems(before, same)).toEqual([]);
    expect(successionProblems(before, other).map(({ code }) => code)).toEqual([
      'CurrencyChanged',
      'CalendarChanged',
      'TriggerChanged',
    ]);
  });
});
