import { describe, expect, it } from '@jest/globals';
import { check } from './check.js';
import type { BonusOfWindow, EarningsOfDeal, LedgerLine, PeriodManifest } from './ledger.js';
import type { Deal } from './deal.js';
import type { Partner } from './partner.js';
import type { Payment, PaymentRecorded, PayoutDue, StatementIssued } from './payout.js';
import type { ExchangeRate, Quota } from './reference.js';
import type { MessageType } from './schemas.js';

/** A valid message of each type except `deal-fact` (see `check.spec.ts`), and for each the fields that break it. */
const line: LedgerLine = {
  period: '2026-03',
  origin: '2026-02',
  plan: 'resellers',
  component: 'hardware',
  deal: 'crm|D-1',
  line: 'booked|1',
  kind: 'adjustment',
  basis: '-100.00',
  amount: '-4.00',
};
const deal: Deal = {
  source: 'crm',
  id: 'D-1',
  invoices: [{ id: 'I-1', at: '2026-03-05T10:00:00Z' }],
  payments: [{ id: 'P-1', at: '2026-03-05T10:00:00Z', amount: '10.00' }],
  soldThrough: [],
  returns: [{ id: 'R-1', at: '2026-03-05T10:00:00Z', lines: [{ line: '1', net: '5.00' }] }],
  registrations: [{ id: 'REG-1', status: 'approved', holder: 'P1', from: '2026-03-01' }],
};
const partner: Partner = {
  id: 'P1',
  name: 'Müller & Söhne',
  channel: 'distributor',
  country: 'DE',
  tiers: [{ from: '2026-01-01', value: 'gold' }],
  uplines: [
    { from: '2026-01-01', value: 'P0' },
    { from: '2026-06-01', value: null },
  ],
  agreements: [{ id: 'A1', plan: 'resellers', from: '2026-01-01', until: '2026-12-31' }],
  certifications: [{ id: 'C1', certification: 'security-pro', from: '2026-01-01', count: 2 }],
};
const exchangeRate: ExchangeRate = { base: 'EUR', quote: 'USD', date: '2026-03-05', rate: '1.0812', source: 'ecb' };
const quota: Quota = {
  payee: 'P1',
  plan: 'resellers',
  component: 'hardware',
  from: '2026-01-01',
  until: '2026-04-01',
  amount: '90000',
  revision: 1,
};
const earnings: EarningsOfDeal = {
  payee: 'P1',
  plan: 'resellers',
  currency: 'EUR',
  calendar: 'monthly@Europe/Paris',
  deal: 'crm|D-1',
  lines: [line],
};
const bonus: BonusOfWindow = {
  payee: 'P1',
  programme: 'volume',
  currency: 'EUR',
  calendar: 'monthly@Europe/Paris',
  window: '2026-Q1',
  lines: [{ ...line, kind: 'bonus', plan: '', deal: '', line: '' }],
};
const manifest: PeriodManifest = {
  closing: 1,
  calendar: 'monthly@Europe/Paris',
  period: '2026-03',
  page: 1,
  pages: 1,
  entries: [
    { stream: 'earning-P1|resellers', payee: 'P1', currency: 'EUR', lines: 1, minimum: '50.00', hash: 'a'.repeat(64) },
  ],
};
const statement: StatementIssued = {
  id: 'P1|EUR|monthly@Europe/Paris|2026-03',
  payee: 'P1',
  currency: 'EUR',
  calendar: 'monthly@Europe/Paris',
  period: '2026-03',
  opening: '-5.00',
  total: '9.00',
  payable: '4.00',
  carried: '0.00',
  lineCount: 1,
  hash: 'b'.repeat(64),
};
const payout: PayoutDue = {
  id: 'payout-1',
  statement: statement.id,
  payee: 'P1',
  currency: 'EUR',
  period: '2026-03',
  amount: '4.00',
  approvedBy: 'finance@example.com',
};

const payment: Payment = {
  payout: payout.id,
  state: 'settled',
  on: '2026-05-12',
  amount: '110.00',
  currency: 'USD',
  exchange: { base: 'EUR', quote: 'USD', rate: '1.05', source: 'bank' },
};
const failure: Payment = { payout: payout.id, state: 'failed', on: '2026-05-12', reason: 'account closed' };
const recorded: PaymentRecorded = {
  ...payment,
  statement: payout.statement,
  payee: payout.payee,
  period: payout.period,
  difference: { currency: 'EUR', accrued: '100.00', paid: '104.76', difference: '4.76', of: '110.00' },
};

describe.each<[MessageType, object, readonly (readonly [field: string, over: object])[]]>([
  [
    'deal',
    deal,
    [
      ['id', { id: 'a|b' }],
      ['bookedAt', { bookedAt: '2026-03-05' }],
      ['invoices.0.at', { invoices: [{ id: 'I-1', at: 'then' }] }],
      ['payments.0.amount', { payments: [{ id: 'P-1', at: '2026-03-05T10:00:00Z', amount: 'x' }] }],
      ['registrations.0.status', { registrations: [{ ...deal.registrations?.[0], status: 'maybe' }] }],
      ['registrations.0.until', { registrations: [{ ...deal.registrations?.[0], until: '2026-02-30' }] }],
      ['returns.0.lines', { returns: [{ id: 'R-1', at: '2026-03-05T10:00:00Z', lines: [] }] }],
    ],
  ],
  [
    'partner',
    partner,
    [
      ['channel', { channel: 'kiosk' }],
      ['country', { country: 'Germany' }],
      ['tiers.0.from', { tiers: [{ from: '2026-02-30', value: 'gold' }] }],
      ['uplines.0.value', { uplines: [{ from: '2026-01-01', value: '' }] }],
      ['agreements.0.until', { agreements: [{ id: 'A', plan: 'p', from: '2026-01-01', until: 'never' }] }],
      ['name', { name: 'a\u0007b' }],
      ['certifications.0.count', { certifications: [{ id: 'C', certification: 'c', from: '2026-01-01', count: 0 }] }],
      ['certifications.0.certification', { certifications: [{ id: 'C', certification: '', from: '2026-01-01' }] }],
    ],
  ],
  [
    'exchange-rate',
    exchangeRate,
    [
      ['base', { base: 'eur' }],
      ['date', { date: '2026-02-30' }],
      ['rate', { rate: '-1.08' }],
      ['rate', { rate: 1.08 }],
      ['source', { source: '' }],
      ['revision', { revision: -1 }],
    ],
  ],
  [
    'quota',
    quota,
    [
      ['payee', { payee: 'a|b' }],
      ['from', { from: '2026-13-01' }],
      ['until', { until: '' }],
      ['amount', { amount: '-1' }],
      ['revision', { revision: 1.5 }],
    ],
  ],
  [
    'earnings-of-deal',
    earnings,
    [
      ['lines.0.kind', { lines: [{ ...line, kind: 'gift' }] }],
      ['lines.0.amount', { lines: [{ ...line, amount: '1,5' }] }],
      ['lines.0.period', { lines: [{ ...line, period: 'March' }] }],
      ['lines.0.exchanged', { lines: [{ ...line, exchanged: [] }] }],
      ['lines.0.exchanged.0.of', { lines: [{ ...line, exchanged: [{ amount: '1.00', currency: 'EUR', of: 'x' }] }] }],
      ['payee', { payee: '' }],
    ],
  ],
  ['bonus-of-window', bonus, [['window', { window: 'Q1' }]]],
  [
    'period-manifest',
    manifest,
    [
      ['page', { page: 0 }],
      ['entries.0.hash', { entries: [{ ...manifest.entries[0], hash: 'A'.repeat(64) }] }],
      ['entries.0.lines', { entries: [{ ...manifest.entries[0], lines: 1.5 }] }],
      ['entries', { entries: Array.from({ length: 1001 }, () => manifest.entries[0]) }],
    ],
  ],
  [
    'statement-issued',
    statement,
    [
      ['carried', { carried: '-0.00' }],
      ['lineCount', { lineCount: -1 }],
    ],
  ],
  [
    'closing-step',
    { calendar: 'monthly@Europe/Paris', period: '2026-03', closing: 1, step: 'rewards-closed' },
    [
      ['closing', { closing: 0 }],
      ['step', { step: 'announced' }],
    ],
  ],
  [
    'statement-withdrawn',
    {
      statement: statement.id,
      payee: 'P1',
      currency: 'EUR',
      calendar: 'monthly@Europe/Paris',
      period: '2026-03',
      carried: '-5.00',
      carriedFrom: '2026-02',
    },
    [['carried', { carried: '1,5' }]],
  ],
  [
    'payout-due',
    payout,
    [
      ['amount', { amount: '-4.00' }],
      ['approvedBy', { approvedBy: '' }],
    ],
  ],
  [
    'payment',
    payment,
    [
      ['on', { on: '12 May' }],
      ['amount', { amount: '-110.00' }],
      ['exchange.rate', { exchange: { base: 'EUR', quote: 'USD', rate: '-1.05', source: 'bank' } }],
      ['reason', { reason: 'nothing failed' }],
    ],
  ],
  ['payment', failure, [['reason', { reason: '' }]]],
  [
    'payment-recorded',
    recorded,
    [
      ['difference.paid', { difference: { ...recorded.difference, paid: '104,76' } }],
      ['statement', { statement: '' }],
    ],
  ],
])('a %s message', (type, valid, broken) => {
  it('is valid as its TypeScript type allows', () => {
    expect(check(type, valid)).toEqual([]);
  });

  it('names a field that is missing', () => {
    const [name = '', ...others] = Object.keys(valid);
    const rest = Object.fromEntries(Object.entries(valid).filter(([key]) => others.includes(key)));
    expect(check(type, rest)).toEqual([{ field: name, reason: 'is missing' }]);
  });

  it('has no other fields', () => {
    expect(check(type, { ...valid, colour: 'red' })).toEqual([{ field: 'colour', reason: 'is not a known field' }]);
  });

  it.each(broken)('refuses a bad %s', (field, over) => {
    expect(check(type, { ...valid, ...over }).map((error) => error.field)).toEqual([field]);
  });
});
