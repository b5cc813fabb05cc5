import { describe, expect, it } from '@jest/globals';
import type { Payment } from '@tantieme/contracts/payout';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

import { account } from './account.js';
import type { AccountCommand } from './account.js';
import { CALENDAR, entry, issue, line, receive, run } from './account.fixture.js';
import { payoutId } from './payment.js';

const STATEMENT = `P1|USD|${CALENDAR}|2026-01`;

/** 10 % of EUR 1,000, at 1.10 USD per EUR. */
const earned = line({
  basis: '1100.00',
  amount: '110.00',
  exchanged: [{ amount: '100.00', currency: 'EUR', of: '110.00' }],
});

/** Commands that lead to an approved statement of these lines. */
function approved(lines = [earned], period = '2026-01', minimum = '0.00'): readonly AccountCommand[] {
  return [
    ...lines.map((one) => receive([one], { currency: 'USD' })),
    issue(period, [entry(lines, { minimum })], { currency: 'USD' }),
    { type: 'approve-statement', at: '2026-02-04T09:00:00Z', statement: `P1|USD|${CALENDAR}|${period}`, by: 'alice' },
  ];
}

const EXCHANGE = { base: 'EUR', quote: 'USD', rate: '1.05', source: 'bank' };

function pay(parts: Partial<Extract<Payment, { state: 'settled' }>> = { exchange: EXCHANGE }): AccountCommand {
  const payment: Payment = {
    payout: payoutId(STATEMENT),
    state: 'settled',
    on: '2026-02-10',
    amount: '110.00',
    currency: 'USD',
    ...parts,
  };
  return { type: 'record-payment', at: '2026-02-10T12:00:00Z', payment };
}

const failed = (revision?: number): AccountCommand => ({
  type: 'record-payment',
  at: '2026-02-09T12:00:00Z',
  payment: {
    payout: payoutId(STATEMENT),
    state: 'failed',
    on: '2026-02-09',
    reason: 'account closed',
    ...(revision === undefined ? {} : { revision }),
  },
});

function recorded(commands: readonly AccountCommand[]) {
  const { events } = run(account, commands);
  return events.flatMap((event) => (event.type === 'PaymentRecorded' ? [event.data] : []));
}

function refusal(commands: readonly AccountCommand[]): readonly string[] {
  try {
    run(account, commands);
  } catch (error) {
    if (error instanceof DomainError) return [error.code, ...error.fields.map(({ field }) => field)];
    throw error;
  }
  return [];
}

describe('a payment', () => {
  it('gives the exchange difference that the payer books, and leaves the commission unchanged', () => {
    // semantics.md, "Currency": USD 110.00 owed and paid; at 1.05 the payer books a difference of EUR 4.76.
    expect(recorded([...approved(), pay()])).toEqual([
      {
        payment: expect.objectContaining({ state: 'settled', amount: '110.00' }),
        statement: STATEMENT,
        payee: 'P1',
        period: '2026-01',
        difference: { currency: 'EUR', accrued: '100.00', paid: '104.76', difference: '4.76', of: '110.00' },
      },
    ]);
  });

  it('has no exchange difference if the payer paid out of the same currency', () => {
    const [payment] = recorded([...approved(), pay({})]);
    expect(payment).toMatchObject({ payment: { state: 'settled', amount: '110.00' } });
    expect(payment).not.toHaveProperty('difference');
  });

  it('settles the balance that earlier statements carried', () => {
    const small = line({
      amount: '11.00',
      exchanged: [{ amount: '10.00', currency: 'EUR', of: '11.00' }],
    });
    const later = line({ ...earned, period: '2026-02', origin: '2026-02', deal: 'crm|D-2' });
    const third = line({ ...earned, period: '2026-03', origin: '2026-03', deal: 'crm|D-3' });
    const commands = [
      ...approved([small], '2026-01', '50.00'),
      ...approved([later], '2026-02', '50.00'),
      ...approved([third], '2026-03', '50.00'),
    ];
    const payoutOf = (period: string) => payoutId(`P1|USD|${CALENDAR}|${period}`);
    expect(refusal([...commands, pay()])).toEqual(['PayoutUnknown']);
    const accrued = recorded([
      ...commands,
      pay({ payout: payoutOf('2026-02'), amount: '121.00', exchange: EXCHANGE }),
      pay({ payout: payoutOf('2026-03'), exchange: EXCHANGE }),
    ]).map(({ difference }) => difference?.accrued);
    expect(accrued).toEqual(['110.00', '100.00']);
  });

  it('is recorded once; a lower revision is ignored', () => {
    expect(recorded([...approved(), failed(), failed(0)])).toHaveLength(1);
    expect(recorded([...approved(), pay(), pay(), failed(1), pay(), pay({ revision: 2 }), failed(1)])).toMatchObject([
      { payment: { state: 'settled' } },
      { payment: { state: 'failed', revision: 1 } },
      { payment: { state: 'settled', revision: 2 } },
    ]);
  });

  it('that contradicts the recorded one is refused', () => {
    expect(refusal([...approved(), pay(), failed()])).toEqual(['PaymentConflict']);
    expect(refusal([...approved(), failed(), pay()])).toEqual(['PaymentConflict']);
  });

  it('must name a due payout, its full amount and its currency', () => {
    expect(refusal([pay()])).toEqual(['PayoutUnknown']);
    expect(refusal(approved().slice(0, 2).concat(pay()))).toEqual(['PayoutUnknown']);
    expect(refusal([...approved(), pay({ payout: 'cheque 12' })])).toEqual(['PayoutUnknown']);
    expect(refusal([...approved(), pay({ amount: '100.00' })])).toEqual(['PaymentInvalid', 'amount']);
    expect(refusal([...approved(), pay({ amount: '110.001' })])).toEqual(['PaymentInvalid', 'amount']);
    expect(refusal([...approved(), pay({ currency: 'EUR' })])).toEqual(['PaymentInvalid', 'currency']);
    for (const [over, field] of [
      [{ base: 'GBP', quote: 'EUR' }, 'exchange'],
      [{ base: 'USD' }, 'exchange'],
      [{ base: 'XXY' }, 'exchange'],
      [{ rate: '0.00' }, 'exchange.rate'],
    ] as const)
      expect(refusal([...approved(), pay({ exchange: { ...EXCHANGE, ...over } })])).toEqual(['PaymentInvalid', field]);
  });
});
