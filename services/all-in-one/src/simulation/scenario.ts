/** What happens in the simulated world: partners, a plan of several kinds of rates, and facts in two phases. */
import type { DealFact } from '@tantieme/contracts/deal';
import type { Partner } from '@tantieme/contracts/partner';

export const CALENDAR = 'monthly@Europe/Paris';
export const PERIODS: readonly string[] = ['2026-01', '2026-02'];

/** Its parts need further rounds of internal messages at a closing: a budget, and an override of an earning. */
export const PLAN = `
plan: resellers
title: Resellers
pays: commission
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
rounding: half-up
settle: { minimum: 10 }
components:
  - id: hardware
    credit: { trigger: booked, to: seller, basis: net, where: { line.category: hardware } }
    measure: { over: quarter }
    rate:
      marginal: [{ below: 1000, pay: 4 % }, { below: 3000, pay: 6 % }, { pay: 8 % }]
    returns: { policy: line }
  - id: service
    credit: { trigger: booked, to: seller, basis: net, where: { line.category: service } }
    measure: { over: quarter }
    rate:
      retroactive: [{ below: 500, pay: 2 % }, { pay: 3 % }]
    returns: { policy: re-rate }
    budget: 40
  - id: team
    credit: { override: [hardware], of: earning, levels: [10 %, 5 %] }
`;

export const PROGRAMME = {
  programme: 'volume',
  title: 'Volume bonus',
  currency: 'EUR',
  calendar: { periods: 'monthly', timeZone: 'Europe/Paris' },
  measure: { of: 'basis', over: 'quarter', components: ['hardware'] },
  tiers: [{ from: '1500.00', pay: '75.00' }],
  from: '2026-01-01',
} as const;

/** Sells under the plan `resellers` from 2026 on. */
export const partner = (id: string, upline: string | null): Partner => ({
  id,
  name: id,
  channel: 'retail',
  country: 'FR',
  tiers: [{ from: '2026-01-01', value: 'gold' }],
  uplines: [{ from: '2026-01-01', value: upline }],
  agreements: [{ id: `${id}-2026`, plan: 'resellers', from: '2026-01-01' }],
});

export const PARTNERS: readonly Partner[] = [
  partner('top', null),
  partner('middle', 'top'),
  partner('anna', 'middle'),
  partner('carl', 'top'),
];

/** Facts that are recorded before the period of the same number is closed; the second phase also has late ones. */
export const PHASES: readonly (readonly DealFact[])[] = [factsOf(0, 9), [...factsOf(9, 16), ...corrections()]];

/** Deals number `from` up to `to`, all of January and February; amounts vary by a fixed rule. */
function factsOf(from: number, to: number): readonly DealFact[] {
  return Array.from({ length: to - from }, (_, index) => {
    const number = from + index;
    const cents = 9_999 + ((number * 7_919) % 60_000);
    return {
      source: 'crm',
      deal: `D-${number}`,
      kind: 'booked',
      occurredAt: `2026-0${1 + (number % 2)}-${String(3 + ((number * 5) % 24)).padStart(2, '0')}T10:00:00Z`,
      terms: termsOf(number, cents),
    };
  });
}

/** Amendments, returns and a cancellation of deals of the first phase. */
function corrections(): readonly DealFact[] {
  const at = '2026-02-20T10:00:00Z';
  return [
    { source: 'crm', deal: 'D-0', kind: 'amended', revision: 1, occurredAt: at, terms: termsOf(0, 45_000) },
    { source: 'crm', deal: 'D-1', kind: 'returned', id: 'R1', occurredAt: at, lines: [{ line: '1', net: '25.55' }] },
    { source: 'crm', deal: 'D-2', kind: 'returned', id: 'R2', occurredAt: at },
    { source: 'crm', deal: 'D-3', kind: 'cancelled', occurredAt: at },
  ];
}

function termsOf(number: number, cents: number) {
  return {
    currency: 'EUR',
    lines: [
      { id: '1', category: 'hardware', quantity: '1', net: (cents / 100).toFixed(2) },
      { id: '2', category: 'service', quantity: '2', net: ((cents % 20_000) / 100).toFixed(2) },
    ],
    partners: [{ role: 'seller' as const, partner: number % 2 === 0 ? 'anna' : 'carl' }],
  };
}
