import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

import { account } from './account.js';
import type { AccountCommand, AccountEvent } from './account.js';
import { CALENDAR, entry, issue, line, receive, run } from './account.fixture.js';

function refusal(commands: readonly AccountCommand[]): string {
  try {
    run(account, commands);
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
  return 'none';
}

function statements(events: readonly AccountEvent[]) {
  return events.flatMap((event) => (event.type === 'StatementIssued' ? [event.data.statement] : []));
}

const january = line();
const second = line({ deal: 'crm|D-2', amount: '60.00' });

describe('receiving ledger lines', () => {
  it('records the lines with their origin, and what they have in common once', () => {
    const later = line({ line: 'invoice:1|1', period: '2026-02', kind: 'adjustment', amount: '5.00' });
    const { events } = run(account, [receive([january, line({ line: 'booked|2', amount: '1.00' }), later])]);
    expect(events).toEqual([
      {
        type: 'LedgerLinesReceived',
        version: 1,
        occurredAt: '2026-01-15T09:00:00Z',
        data: {
          origin: { stream: 'earning-P1|resellers', revision: 0 },
          key: 'crm|D-1',
          currency: 'EUR',
          calendar: CALENDAR,
          groups: [
            {
              period: '2026-01',
              plan: 'resellers',
              component: 'hardware',
              lines: [
                ['booked|1', january.basis, january.amount],
                ['booked|2', january.basis, '1.00'],
              ],
            },
            {
              period: '2026-02',
              origin: '2026-01',
              plan: 'resellers',
              component: 'hardware',
              kind: 'adjustment',
              lines: [['invoice:1|1', january.basis, '5.00']],
            },
          ],
        },
      },
    ]);
  });

  it('ignores repeated and older messages', () => {
    const newer = receive([line({ amount: '41.00' })], { origin: { stream: 'earning-P1|resellers', revision: 7 } });
    const { events } = run(account, [newer, newer, receive([january])]);
    expect(events.length).toBe(1);
  });

  it('tracks revisions by stream and deal', () => {
    const other = receive([january], { origin: { stream: 'earning-P1|direct', revision: 0 } });
    const { events } = run(account, [receive([january]), receive([second]), other]);
    expect(events.length).toBe(3);
  });

  it('accepts a deal that no longer has lines', () => {
    const none = receive([], { origin: { stream: 'earning-P1|resellers', revision: 3 } });
    const { state } = run(account, [receive([january]), none]);
    expect(state.openLines.linesOf(CALENDAR, '2026-01').size).toBe(0);
    expect(state.openLines.revisionOf('earning-P1|resellers', 'crm|D-1')).toBe(3);
  });

  it('refuses an amount with too many decimals, an unknown currency, and a line of another deal', () => {
    expect(refusal([receive([line({ amount: '1.005' })])])).toBe('LedgerInvalid');
    for (const over of [{ currency: 'XXY' }, { amount: '1.005' }, { of: '1.005' }]) {
      const exchanged = [{ amount: '1.00', currency: 'USD', of: '1.00', ...over }];
      expect(refusal([receive([line({ exchanged })])])).toBe('LedgerInvalid');
    }
    expect(refusal([receive([january], { key: 'crm|D-9' })])).toBe('LedgerInvalid');
  });
});

describe('issuing a statement', () => {
  it('sums the lines that the manifest names', () => {
    const { events } = run(account, [
      receive([january]),
      receive([second]),
      issue('2026-01', [entry([january, second])]),
    ]);
    expect(statements(events)).toEqual([
      {
        id: `P1|EUR|${CALENDAR}|2026-01`,
        payee: 'P1',
        currency: 'EUR',
        calendar: CALENDAR,
        period: '2026-01',
        opening: '0.00',
        total: '100.00',
        payable: '100.00',
        carried: '0.00',
        lineCount: 2,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  it('gives the same hash for every order of arrival, with duplicates and stale messages', () => {
    const old = receive([line({ amount: '1.00' })]);
    const newest = receive([january], { origin: { stream: 'earning-P1|resellers', revision: 4 } });
    const bonus = line({
      deal: '',
      line: '2026-Q1',
      plan: 'volume',
      component: 'volume',
      kind: 'bonus',
      amount: '9.00',
    });
    const rewards = receive([bonus], { origin: { stream: 'bonus-P1|volume', revision: 2 }, key: '2026-Q1' });
    const entries = [entry([bonus], { stream: 'bonus-P1|volume' }), entry([january, second])];
    const close = issue('2026-01', entries);
    const orders = [
      [old, newest, receive([second]), rewards],
      [rewards, newest, old, receive([second]), newest],
      [receive([second]), receive([second]), newest, rewards, old],
    ];
    const hashes = orders.map((order) => statements(run(account, [...order, close]).events)[0]?.hash);
    expect(new Set(hashes).size).toBe(1);
  });

  it('waits for lines that are missing or not the newest', () => {
    expect(refusal([receive([january]), issue('2026-01', [entry([january, second])])])).toBe('LinesAwaited');
    expect(refusal([receive([line({ amount: '1.00' })]), issue('2026-01', [entry([january])])])).toBe('LinesAwaited');
    expect(refusal([receive([january]), issue('2026-01', [])])).toBe('LinesAwaited');
  });

  it('waits for the statement of an earlier period that has lines', () => {
    const february = line({ period: '2026-02', deal: 'crm|D-3' });
    expect(refusal([receive([january]), receive([february]), issue('2026-02', [entry([february])])])).toBe(
      'EarlierPeriodOpen',
    );
  });

  it('happens once; another manifest for the same period is a conflict', () => {
    const close = issue('2026-01', [entry([january])]);
    expect(run(account, [receive([january]), close, close]).events.length).toBe(2);
    expect(refusal([receive([january]), close, issue('2026-01', [entry([january], { minimum: '5.00' })])])).toBe(
      'StatementConflict',
    );
  });

  it('leaves lines of a later period to the next statement, and ignores repeated lines of an issued one', () => {
    const late = line({ period: '2026-02', kind: 'adjustment', amount: '5.00' });
    const whole = receive([january, late], { origin: { stream: 'earning-P1|resellers', revision: 9 } });
    const { events } = run(account, [
      receive([january]),
      issue('2026-01', [entry([january])]),
      whole,
      issue('2026-02', [entry([late])]),
    ]);
    expect(statements(events).map(({ total, lineCount }) => [total, lineCount])).toEqual([
      ['40.00', 1],
      ['5.00', 1],
    ]);
  });
});

describe('the balance', () => {
  /** Statements of one line a period. */
  function balances(currency: string, amounts: readonly string[], minimum: string) {
    const commands = amounts.flatMap((amount, index): AccountCommand[] => {
      const period = `2026-0${index + 1}`;
      const one = line({ period, origin: period, deal: `crm|D-${index}`, basis: '0', amount });
      return [receive([one], { currency }), issue(period, [entry([one], { minimum })], { currency })];
    });
    return statements(run(account, commands).events).map(({ opening, payable, carried }) => [
      opening,
      payable,
      carried,
    ]);
  }

  it('carries a negative amount: KRW −1,323,000, then 1,890,000, pays 567,000 (semantics: ga)', () => {
    expect(balances('KRW', ['-1323000', '1890000'], '0')).toEqual([
      ['0', '0', '-1323000'],
      ['-1323000', '567000', '0'],
    ]);
  });

  it('carries an amount below the minimum, and pays from exactly the minimum on', () => {
    expect(balances('EUR', ['20.00', '29.99', '0.01'], '50.00')).toEqual([
      ['0.00', '0.00', '20.00'],
      ['20.00', '0.00', '49.99'],
      ['49.99', '50.00', '0.00'],
    ]);
  });

  it('pays nothing of a zero balance', () => {
    expect(balances('EUR', ['-10.00', '10.00'], '0.00')).toEqual([
      ['0.00', '0.00', '-10.00'],
      ['-10.00', '0.00', '0.00'],
    ]);
  });

  it('applies the largest minimum of several plans', () => {
    const other = line({ plan: 'direct', amount: '5.00' });
    const { events } = run(account, [
      receive([january]),
      receive([other], { origin: { stream: 'earning-P1|direct', revision: 0 } }),
      issue('2026-01', [entry([other], { stream: 'earning-P1|direct', minimum: '50.00' }), entry([january])]),
    ]);
    expect(statements(events)[0]).toMatchObject({ payable: '0.00', carried: '45.00' });
  });

  it('is written off if it is negative, the payee has left and every plan forgives it', () => {
    const debt = line({ amount: '-40.00' });
    const more = line({ period: '2026-02', origin: '2026-02', deal: 'crm|D-2', amount: '15.00' });
    const of = (...negative: readonly object[]) =>
      statements(
        run(account, [
          receive([debt]),
          issue('2026-01', [entry([debt])]),
          receive([more]),
          receive([], { origin: { stream: 'earning-P1|direct', revision: 0 } }),
          issue('2026-02', [
            entry([], { stream: 'earning-P1|direct', ...negative[0] }),
            entry([more], { ...negative[1] }),
          ]),
        ]).events,
      ).at(-1);
    const forgive = { negative: 'forgive' } as const;
    expect(of(forgive, forgive)).toMatchObject({
      opening: '-40.00',
      total: '15.00',
      carried: '0.00',
      forgiven: '25.00',
    });
    expect(of(forgive, {})).toMatchObject({ carried: '-25.00' });
    expect(of(forgive, {})).not.toHaveProperty('forgiven');
  });

  it('is split by the payout terms of the plans, and so is the payout', () => {
    const other = line({ plan: 'direct', amount: '5.00' });
    const third = line({ plan: 'staff', deal: 'crm|D-3', amount: '7.00' });
    const { events } = run(account, [
      receive([january]),
      receive([other], { origin: { stream: 'earning-P1|direct', revision: 0 } }),
      receive([third], { origin: { stream: 'earning-P1|staff', revision: 0 } }),
      issue('2026-01', [
        entry([other], { stream: 'earning-P1|direct', as: 'self-billed', tax: 'by-partner' }),
        entry([january], { tax: 'by-partner', as: 'self-billed' }),
        entry([third], { stream: 'earning-P1|staff', as: 'payroll' }),
      ]),
      {
        type: 'approve-statement',
        at: '2026-02-04T09:00:00Z',
        statement: `P1|EUR|${CALENDAR}|2026-01`,
        by: 'alice',
      },
    ]);
    const parts = [
      { as: 'payroll', total: '7.00' },
      { as: 'self-billed', tax: 'by-partner', total: '45.00' },
    ];
    expect(statements(events)[0]).toMatchObject({ total: '52.00', parts });
    expect(events.at(-1)?.data).toMatchObject({ payable: '52.00', parts });
  });

  it('is carried within each calendar', () => {
    const quarterly = 'quarterly@Europe/Paris';
    const debt = line({ amount: '-10.00' });
    const gain = line({ period: '2026-Q1', origin: '2026-Q1', deal: 'crm|D-2', amount: '30.00' });
    const { events } = run(account, [
      receive([debt]),
      receive([gain], { calendar: quarterly, origin: { stream: 'earning-P1|q', revision: 0 } }),
      issue('2026-01', [entry([debt])]),
      issue('2026-Q1', [entry([gain], { stream: 'earning-P1|q' })], { calendar: quarterly }),
    ]);
    expect(statements(events).map(({ payable, carried }) => [payable, carried])).toEqual([
      ['0.00', '-10.00'],
      ['30.00', '0.00'],
    ]);
  });

  it('loses nothing: all totals sum to all payouts and the last carried balance', () => {
    const amounts = ['12.00', '-40.10', '7.77', '90.00', '-3.00', '0.01', '55.55', '-100.00'];
    let paid = 0;
    let carried = 0;
    for (const [, payable, rest] of balances('EUR', amounts, '10.00')) {
      paid += Math.round(Number(payable) * 100);
      carried = Math.round(Number(rest) * 100);
    }
    expect(paid + carried).toBe(amounts.reduce((sum, amount) => sum + Math.round(Number(amount) * 100), 0));
  });
});

describe('approving a statement', () => {
  const approve: AccountCommand = {
    type: 'approve-statement',
    at: '2026-02-04T09:00:00Z',
    statement: `P1|EUR|${CALENDAR}|2026-01`,
    by: 'alice',
  };

  it('releases the amount to pay, once', () => {
    const { events } = run(account, [
      receive([january]),
      issue('2026-01', [entry([january])]),
      approve,
      { ...approve, by: 'bob' },
    ]);
    expect(events.filter(({ type }) => type === 'StatementApproved')).toEqual([
      {
        type: 'StatementApproved',
        version: 1,
        occurredAt: '2026-02-04T09:00:00Z',
        data: {
          statement: approve.statement,
          payee: 'P1',
          currency: 'EUR',
          calendar: CALENDAR,
          period: '2026-01',
          payable: '40.00',
          by: 'alice',
        },
      },
    ]);
  });

  it('is refused for an unknown statement', () => {
    expect(refusal([approve])).toBe('StatementUnknown');
  });
});
