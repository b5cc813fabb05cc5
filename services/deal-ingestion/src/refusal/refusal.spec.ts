import { describe, expect, it } from '@jest/globals';
import { refusalDecider } from './refusal.js';
import type { RefusalState, RefuseFact, ResolveRefusal } from './refusal.js';

const command: RefuseFact = {
  kind: 'invalid',
  raw: '{"kind":"booked"}',
  errors: [{ field: 'source', reason: 'is missing' }],
  at: '2026-03-05T10:00:00.000Z',
};

const state = (status: RefusalState['status'], parts = 0): RefusalState => ({ status, parts });

describe('a refusal', () => {
  it('stores what was sent, and why it was refused', () => {
    expect(refusalDecider.decide(command, state('unknown'))).toEqual([
      {
        type: 'FactRefused',
        version: 1,
        occurredAt: '2026-03-05T10:00:00.000Z',
        data: { kind: 'invalid', raw: '{"kind":"booked"}', errors: [{ field: 'source', reason: 'is missing' }] },
      },
    ]);
  });

  it('is stored once, however often the same is sent', () => {
    expect(refusalDecider.decide({ ...command, at: '2026-03-06T10:00:00.000Z' }, state('refused'))).toEqual([]);
  });

  it('is decided again from its event', () => {
    const [event] = refusalDecider.decide(command, state('unknown'));
    if (event === undefined) throw new Error('no event');
    expect(refusalDecider.decide(refusalDecider.commandOf(event), state('unknown'))).toEqual([event]);
  });

  it('may follow pieces of its content, each stored once', () => {
    const part = { part: 1, raw: 'x', at: command.at };
    const [event] = refusalDecider.decide(part, state('unknown'));
    if (event === undefined) throw new Error('no event');
    expect(event).toMatchObject({ type: 'RefusedPartStored', data: { part: 1, raw: 'x' } });
    expect(refusalDecider.commandOf(event)).toEqual(part);
    const after = refusalDecider.evolve(state('unknown'), event);
    expect(after).toEqual(state('unknown', 1));
    expect(refusalDecider.decide(part, after)).toEqual([]);
    expect(refusalDecider.decide({ ...command, parts: 1 }, after)).toMatchObject([{ data: { parts: 1 } }]);
  });

  describe('that is resolved', () => {
    const resolve: ResolveRefusal = { resolution: 'recorded', hash: 'abc', at: '2026-03-06T10:00:00.000Z' };

    it('names the fact that resolved it', () => {
      const [event] = refusalDecider.decide(resolve, state('refused'));
      expect(event).toEqual({
        type: 'RefusalResolved',
        version: 1,
        occurredAt: '2026-03-06T10:00:00.000Z',
        data: { resolution: 'recorded', hash: 'abc' },
      });
      if (event === undefined) throw new Error('no event');
      expect(refusalDecider.evolve(state('refused'), event)).toEqual(state('resolved'));
      expect(refusalDecider.decide(refusalDecider.commandOf(event), state('refused'))).toEqual([event]);
    });

    it('is resolved once, and only if it was refused', () => {
      expect(refusalDecider.decide(resolve, state('resolved'))).toEqual([]);
      expect(refusalDecider.decide(resolve, state('unknown'))).toEqual([]);
    });

    it('stays resolved when the same is refused again', () => {
      expect(refusalDecider.decide(command, state('resolved'))).toEqual([]);
    });
  });

  it('is discarded by two people, once, and not after it was resolved', () => {
    const discard = {
      reason: 'a test',
      proposedBy: 'olga',
      confirmedBy: 'ada',
      at: '2026-03-07T10:00:00.000Z',
    };
    const [event] = refusalDecider.decide(discard, state('refused'));
    if (event === undefined) throw new Error('nothing was decided');
    expect(event).toMatchObject({ type: 'RefusalDiscarded', data: { reason: 'a test', confirmedBy: 'ada' } });
    expect(refusalDecider.decide(refusalDecider.commandOf(event), state('refused'))).toEqual([event]);
    // Repeated after a crash.
    expect(refusalDecider.decide(discard, refusalDecider.evolve(state('refused'), event))).toEqual([]);
    expect(() => refusalDecider.decide(discard, state('resolved'))).toThrow('already resolved');
    expect(() => refusalDecider.decide(discard, state('unknown'))).toThrow('there is no such refusal');
  });
});
