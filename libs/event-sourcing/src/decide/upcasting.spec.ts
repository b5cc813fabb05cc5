import { describe, expect, it } from '@jest/globals';

import { tally } from '../testing/tally.fixture.js';
import type { EntryAdded } from '../testing/tally.fixture.js';
import { domainEventOf, upcastData } from './upcasting.js';

describe('an event of an old version', () => {
  it('is upcast to the newest version when read', () => {
    const stored = {
      type: 'EntryAdded',
      version: 1,
      occurredAt: '2026-03-01T00:00:00Z',
      dataText: '{"amount":5,"entry":"a","sum":5}',
    };
    expect(domainEventOf<EntryAdded>(stored, tally)).toEqual({
      type: 'EntryAdded',
      version: 2,
      occurredAt: '2026-03-01T00:00:00Z',
      data: { input: { entry: 'a', amount: 5 }, sum: 5 },
    });
  });

  it('passes through every version in between', () => {
    const steps = { Noted: { 1: () => ({ two: true }), 2: (data: object) => ({ ...data, three: true }) } };
    expect(upcastData({ upcast: steps }, 'Noted', 1, { one: true })).toEqual({
      version: 3,
      data: { two: true, three: true },
    });
  });

  it('is unchanged if it is of the newest version or its type has no upcaster', () => {
    const data = { input: { entry: 'a', amount: 5 }, sum: 5 };
    expect(upcastData(tally, 'EntryAdded', 2, data)).toEqual({ version: 2, data });
    expect(upcastData(tally, 'Other', 1, data)).toEqual({ version: 1, data });
    expect(upcastData({}, 'EntryAdded', 1, data)).toEqual({ version: 1, data });
  });
});
