/** What happens in the simulated world. Each seed plays one of these stories. */
import type { DealFact, DealTerms, StatedFact } from '@tantieme/contracts/deal';
import type { Partner } from '@tantieme/contracts/partner';
import type { ProgrammeDocument } from '@tantieme/rewards/programme/programme';

/** The key of a calendar, and a period of it. */
export type Period = readonly [calendar: string, period: string];

export interface Phase {
  /** Sent before the closings, in any order. */
  readonly facts: readonly unknown[];
  /** Sent while the closings run: they count in one of the periods, whichever. */
  readonly during?: readonly unknown[];
  /** Partners that change while the closings run. */
  readonly changed?: readonly Partner[];
  /** Deals for which, by the word of two people, no closing waits. */
  readonly waived?: readonly string[];
  /** A statement whose payment is reported before it is approved. */
  readonly early?: string;
  /** Closed side by side, then approved and paid. */
  readonly closings: readonly Period[];
  /** Some of them are reopened before that, while these facts arrive, and closed again. */
  readonly reopened?: { readonly facts: readonly unknown[]; readonly closings: readonly Period[] };
}

export interface Scenario {
  readonly name: string;
  readonly partners: readonly Partner[];
  /** Versions of plans, in the order of their publication. */
  readonly plans: readonly { readonly plan: string; readonly text: string; readonly from: string }[];
  readonly programme: ProgrammeDocument;
  readonly phases: readonly Phase[];
}

export const CALENDAR = 'monthly@Europe/Paris';
const NEW_YORK = 'monthly@America/New_York';

export const partner = (id: string, upline: string | null, plan = 'resellers', until?: string): Partner => ({
  id,
  name: id,
  channel: 'retail',
  country: 'FR',
  tiers: [{ from: '2026-01-01', value: 'gold' }],
  uplines: [{ from: '2026-01-01', value: upline }],
  agreements: [{ id: `${id}-2026`, plan, from: '2026-01-01', ...(until === undefined ? {} : { until }) }],
});

const PARTNERS = [partner('top', null), partner('middle', 'top'), partner('anna', 'middle'), partner('carl', 'top')];

/** Its parts need further rounds of internal messages at a closing: a budget, and an override of an earning. */
const RESELLERS = `
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

/** Pays in every period. */
const MONTHLY: ProgrammeDocument = {
  ...PROGRAMME,
  measure: { ...PROGRAMME.measure, over: 'period' },
  tiers: [{ from: '700.00', pay: '75.00' }],
};

/** Deals number `from` up to `to`, all of January and February; amounts vary by a fixed rule. */
function booked(from: number, to: number): readonly StatedFact[] {
  return Array.from({ length: to - from }, (_, index) => {
    const number = from + index;
    const cents = 9_999 + ((number * 7_919) % 60_000);
    const occurredAt = `2026-0${1 + (number % 2)}-${String(3 + ((number * 5) % 24)).padStart(2, '0')}T10:00:00Z`;
    return { source: 'crm', deal: `D-${number}`, kind: 'booked', occurredAt, terms: termsOf(number, cents) };
  });
}

function termsOf(number: number, cents: number, seller = number % 2 === 0 ? 'anna' : 'carl'): DealTerms {
  return {
    currency: 'EUR',
    lines: [
      { id: '1', category: 'hardware', quantity: '1', net: (cents / 100).toFixed(2) },
      { id: '2', category: 'service', quantity: '2', net: ((cents % 20_000) / 100).toFixed(2) },
    ],
    partners: [{ role: 'seller', partner: seller }],
  };
}

const AT = '2026-02-20T10:00:00Z';

/** Amendments, returns and a cancellation of deals of the first phase. */
const CORRECTIONS: readonly DealFact[] = [
  { source: 'crm', deal: 'D-0', kind: 'amended', revision: 1, occurredAt: AT, terms: termsOf(0, 45_000) },
  { source: 'crm', deal: 'D-1', kind: 'returned', id: 'R1', occurredAt: AT, lines: [{ line: '1', net: '25.55' }] },
  { source: 'crm', deal: 'D-2', kind: 'returned', id: 'R2', occurredAt: AT },
  { source: 'crm', deal: 'D-3', kind: 'cancelled', occurredAt: AT },
];

/** Tiers, a budget and overrides, with late and corrected deals. */
const RATES: Scenario = {
  name: 'rates',
  partners: PARTNERS,
  plans: [{ plan: 'resellers', text: RESELLERS, from: '2026-01-01' }],
  programme: MONTHLY,
  phases: [
    {
      facts: booked(0, 6),
      closings: [[CALENDAR, '2026-01']],
      // Posted in February by a closing that is void then: they move back.
      reopened: { facts: booked(20, 23), closings: [[CALENDAR, '2026-01']] },
    },
    { facts: [...booked(6, 9), ...CORRECTIONS], closings: [[CALENDAR, '2026-02']] },
  ],
};

/** Their first deals arrive while a closing runs: their streams begin then. */
const NEWCOMERS = ['nina', 'noah', 'nora', 'nils', 'nele', 'nick'];

function firstDeals(sellers: readonly string[], day: string): readonly StatedFact[] {
  return sellers.map((seller, index) => ({
    source: 'crm',
    deal: `N-${seller}`,
    kind: 'booked',
    occurredAt: `2026-${day}T10:00:00Z`,
    terms: termsOf(index, 30_000 + index * 5_432, seller),
  }));
}

/** Not eligible for a bonus. */
const online = (one: Partner): Partner => ({ ...one, channel: 'e-commerce' });

/** Facts arrive during the closings, for payees who have earned nothing before and whose first deal earns a bonus. */
const RUSH: Scenario = {
  ...RATES,
  name: 'rush',
  partners: [...PARTNERS.map(online), ...NEWCOMERS.map((id) => partner(id, 'top'))],
  programme: { ...MONTHLY, eligible: { channel: ['retail'] }, tiers: [{ from: '100.00', pay: '20.00' }] },
  phases: [
    {
      facts: booked(0, 4),
      during: firstDeals(NEWCOMERS.slice(0, 4), '01-15'),
      changed: PARTNERS,
      closings: [[CALENDAR, '2026-01']],
    },
    {
      facts: [],
      during: [...CORRECTIONS, ...firstDeals(NEWCOMERS.slice(4), '02-15')],
      closings: [[CALENDAR, '2026-02']],
    },
    { facts: [], closings: [[CALENDAR, '2026-03']] },
  ],
};

/** A minimum and a guarantee that the next version of the plan changes. */
const direct = (minimum: number, guarantee: number): string => `
plan: direct
title: Direct
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
settle: { minimum: ${minimum} }
guarantee: { amount: ${guarantee}, over: period, of: [sales] }
components:
  - id: sales
    credit: { trigger: invoiced }
    rate: { percent: 10 % }
    limit: { perPeriod: 60, excess: deferred }
  - id: service
    credit: { trigger: invoiced, where: { line.category: service } }
    rate: { percent: 20 % }
    hold: { until: paid }
`;

const ABROAD = `
plan: abroad
title: Abroad
currency: EUR
calendar: { periods: monthly, timeZone: America/New_York }
components:
  - id: hardware
    credit: { trigger: booked }
    rate: { percent: 5 % }
`;

const sale = (number: number, seller: string, day: string): StatedFact => ({
  source: 'erp',
  deal: `S-${number}`,
  kind: 'booked',
  occurredAt: `2026-${day}T12:00:00Z`,
  terms: termsOf(number, 20_000 + number * 4_321, seller),
});
const of = (number: number, day: string) => ({
  source: 'erp',
  deal: `S-${number}`,
  occurredAt: `2026-${day}T13:00:00Z`,
});
const invoiced = (number: number, day: string): DealFact => ({ ...of(number, day), kind: 'invoiced', id: 'I' });
const paid = (number: number, id: string, day: string, amount: string): DealFact => ({
  ...of(number, day),
  kind: 'paid',
  id,
  amount,
});

/** Two calendars, two versions of a plan, payments, withdrawals, and deals that wait, are not covered or are refused. */
const TERMS: Scenario = {
  name: 'terms',
  partners: [
    partner('dora', null, 'direct'),
    partner('emil', 'dora', 'direct'),
    partner('yuki', null, 'abroad', '2026-02-10'),
  ],
  plans: [
    { plan: 'direct', text: direct(35, 30), from: '2026-01-01' },
    { plan: 'direct', text: direct(70, 120), from: '2026-02-01' },
    { plan: 'abroad', text: ABROAD, from: '2026-01-01' },
  ],
  programme: {
    ...MONTHLY,
    measure: { ...MONTHLY.measure, components: ['sales'] },
    tiers: [{ from: '200.00', pay: '20.00' }],
  },
  phases: [
    {
      facts: [
        ...[sale(1, 'dora', '01-07'), invoiced(1, '01-08'), paid(1, 'P1', '01-20', '150.00')],
        ...[sale(2, 'dora', '01-12'), invoiced(2, '01-13')],
        ...[sale(3, 'emil', '01-15'), invoiced(3, '01-16'), paid(3, 'P1', '01-28', '200.00')],
        sale(4, 'yuki', '01-21'),
        // Nobody knows its partner: two people waive it.
        sale(5, 'nobody', '01-22'),
        // Withdrawn in the same phase, in any order.
        ...[sale(6, 'dora', '01-23'), invoiced(6, '01-24')],
        ...[{ ...of(6, '01-23'), kind: 'booked', withdrawn: true }],
        ...[{ ...of(6, '01-24'), kind: 'invoiced', id: 'I', withdrawn: true }],
        // Refused.
        { ...of(7, '01-25'), kind: 'paid', id: 'P1', amount: 'much' },
      ],
      waived: ['erp|S-5'],
      early: `emil|EUR|${CALENDAR}|2026-01`,
      closings: [
        [CALENDAR, '2026-01'],
        [NEW_YORK, '2026-01'],
      ],
    },
    {
      facts: [
        // Bounced, and paid again; late; changed.
        ...[paid(1, 'P2', '02-02', '-150.00'), paid(1, 'P3', '02-09', '150.00')],
        ...[sale(8, 'emil', '01-30'), invoiced(8, '02-01'), paid(8, 'P1', '02-14', '90.00')],
        { ...of(2, '02-11'), kind: 'amended', as: 'change', terms: termsOf(2, 31_000, 'dora') },
        { ...of(3, '02-12'), kind: 'returned', id: 'R', lines: [{ line: '1', net: '12.34' }] },
        // After the end of the agreement: not covered.
        sale(9, 'yuki', '02-15'),
        // The same identity with other content: refused.
        { ...sale(4, 'yuki', '01-21'), terms: termsOf(4, 1_234, 'yuki') },
        { ...of(4, '02-05'), kind: 'returned', id: 'R' },
        { ...of(4, '02-05'), kind: 'returned', id: 'R', withdrawn: true },
      ],
      closings: [
        [CALENDAR, '2026-02'],
        [NEW_YORK, '2026-02'],
      ],
      reopened: {
        facts: [sale(10, 'dora', '02-17'), invoiced(10, '02-18'), paid(2, 'P1', '02-19', '310.00')],
        closings: [[CALENDAR, '2026-02']],
      },
    },
  ],
};

export const SCENARIOS: readonly Scenario[] = [RATES, TERMS, RUSH];

/** How many different facts a scenario sends. */
export function factCount({ phases }: Scenario): number {
  const facts = phases.flatMap(({ facts: before, during = [], reopened }) => [
    ...before,
    ...during,
    ...(reopened?.facts ?? []),
  ]);
  return new Set(facts.map((fact) => JSON.stringify(fact))).size;
}
