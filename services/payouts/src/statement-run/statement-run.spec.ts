import { describe, expect, it } from '@jest/globals';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

import { CALENDAR, run } from '../account/account.fixture.js';
import { accountsOf, isComplete, statementRun } from './statement-run.js';
import type { ManifestAuthor, StatementRunCommand } from './statement-run.js';

function named(stream: string, payee: string, currency = 'EUR'): ManifestEntry {
  return { stream, payee, currency, lines: 1, minimum: '0.00', hash: 'a'.repeat(64) };
}

function page(
  author: ManifestAuthor,
  entries: readonly ManifestEntry[],
  [number, pages]: readonly [number, number] = [1, 1],
  at = '2026-02-03T09:00:00Z',
): StatementRunCommand {
  return {
    type: 'receive-manifest-page',
    at,
    author,
    calendar: CALENDAR,
    period: '2026-01',
    closing: 1,
    page: number,
    pages,
    entries,
  };
}

const first = page('commissions', [named('earning-P2|plan', 'P2'), named('earning-P1|plan', 'P1')], [1, 2]);
const second = page('commissions', [named('earning-P1|other', 'P1')], [2, 2], '2026-02-03T10:00:00Z');
const rewards = page('rewards', [named('bonus-P1|volume', 'P1'), named('bonus-P1|won', 'P1', 'KRW')]);

describe('a statement run', () => {
  it('is complete with every page of both manifests, in any order', () => {
    expect(isComplete(run(statementRun, [first, rewards]).state)).toBe(false);
    expect(isComplete(run(statementRun, [first, second]).state)).toBe(false);
    expect(isComplete(run(statementRun, [rewards, second, first]).state)).toBe(true);
  });

  it('lists accounts and their streams in the same order for every order of arrival', () => {
    const one = accountsOf(run(statementRun, [first, second, rewards]).state);
    expect(one.map(({ payee, currency, entries }) => [payee, currency, entries.map(({ stream }) => stream)])).toEqual([
      ['P1', 'EUR', ['bonus-P1|volume', 'earning-P1|other', 'earning-P1|plan']],
      ['P1', 'KRW', ['bonus-P1|won']],
      ['P2', 'EUR', ['earning-P2|plan']],
    ]);
    expect(accountsOf(run(statementRun, [rewards, second, second, first, rewards]).state)).toEqual(one);
  });

  it('is complete with empty manifests', () => {
    const { state } = run(statementRun, [page('commissions', []), page('rewards', [])]);
    expect(isComplete(state)).toBe(true);
    expect(accountsOf(state)).toEqual([]);
  });

  it('receives a page once, and refuses one that contradicts it', () => {
    expect(run(statementRun, [first, first]).events.length).toBe(1);
    expect(() => run(statementRun, [first, page('commissions', [], [1, 2])])).toThrow(DomainError);
    expect(() => run(statementRun, [first, page('commissions', [], [3, 3])])).toThrow(DomainError);
    expect(() => run(statementRun, [page('commissions', [], [2, 1])])).toThrow(DomainError);
  });

  it('finishes once, when it is complete', () => {
    expect(() => run(statementRun, [first, { type: 'finish-run' }])).toThrow(DomainError);
    const { events } = run(statementRun, [second, first, rewards, { type: 'finish-run' }, { type: 'finish-run' }]);
    expect(events.slice(3)).toEqual([
      {
        type: 'StatementRunFinished',
        version: 1,
        occurredAt: '2026-02-03T10:00:00Z',
        data: { calendar: CALENDAR, period: '2026-01', closing: 1, statements: 3 },
      },
    ]);
  });

  describe('that is over', () => {
    const NAME = { calendar: CALENDAR, period: '2026-01', closing: 1 };
    const finished = [first, second, rewards, { type: 'start-run' }, { type: 'finish-run' }] as const;
    const approve: StatementRunCommand = { type: 'begin-approval', at: '2026-02-04T09:00:00Z' };
    const withdraw: StatementRunCommand = { type: 'begin-withdrawal', at: '2026-02-04T09:00:00Z', ...NAME };
    const typesOf = (commands: readonly StatementRunCommand[]) =>
      run(statementRun, [...finished, ...commands])
        .events.slice(finished.length)
        .map(({ type }) => type);

    it('is approved or withdrawn, whichever comes first', () => {
      expect(typesOf([approve, withdraw, approve, { type: 'finish-withdrawal' }])).toEqual(['ApprovalBegun']);
      expect(typesOf([withdraw, withdraw, { type: 'finish-withdrawal' }, { type: 'finish-withdrawal' }])).toEqual([
        'WithdrawalBegun',
        'StatementsWithdrawn',
      ]);
      expect(() => typesOf([withdraw, approve])).toThrow('was reopened');
    });

    it('begins anew with the next closing, and ignores pages and withdrawals of the one before', () => {
      const again = { ...first, closing: 2 } as StatementRunCommand;
      const { state } = run(statementRun, [
        ...finished,
        withdraw,
        { type: 'finish-withdrawal' },
        again,
        second,
        withdraw,
      ]);
      expect(state).toMatchObject({ name: { closing: 2 }, finished: false, withdrawalAt: undefined });
      expect(state.manifests.get('commissions')?.received.size).toBe(1);
      expect(state.manifests.has('rewards')).toBe(false);
    });
  });
});
