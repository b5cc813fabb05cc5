/** Every request body of the API, with valid samples, and the message that carries its fields. */
import type { MessageType } from '@tantieme/contracts/schemas';
import { PROGRAMME } from '../testing/end-to-end.fixture.js';

type Body = Readonly<Record<string, unknown>>;

export interface RequestBody {
  readonly url: string;
  /** They have all fields. Those of a file are its lines. */
  readonly samples: readonly Body[];
  /** Absent where no message has these fields: the class of the body is their only source. */
  readonly message?: MessageType;
  /** The message of a body that is not a message itself. */
  readonly messageOf?: (body: Body) => unknown;
  /** The domain accepts less than the message can hold. */
  readonly isNarrower?: true;
}

const DATED = { from: '2026-01-01', until: '2027-01-01' };

const DETAILS = { name: 'Ada Resale', channel: 'retail', country: 'FR' };
const DATED_PARTS = {
  id: 'P-1',
  tiers: [{ from: '2026-01-01', value: 'gold' }],
  uplines: [{ from: '2026-01-01', value: null }],
  agreements: [{ id: 'A-1', plan: 'resellers', ...DATED }],
  certifications: [{ id: 'C-1', certification: 'security', ...DATED, count: 1 }],
};
const PARTNER = { ...DETAILS, ...DATED_PARTS };

const RATE = {
  base: 'EUR',
  quote: 'USD',
  date: '2026-03-05',
  rate: '1.0812',
  source: 'ecb',
  revision: 1,
};

const QUOTA = {
  payee: 'P-1',
  plan: 'resellers',
  component: 'hardware',
  ...DATED,
  amount: '120000',
  revision: 1,
};

const FACT = { source: 'crm', deal: 'D-1', occurredAt: '2026-03-05T10:00:00Z' };
const LINES = [
  {
    id: '1',
    variant: 'V-1',
    product: 'P-7',
    family: 'laptops',
    category: 'hardware',
    quantity: '1',
    net: '100.00',
    gross: '120.00',
    cost: '60.00',
    subscription: { id: 'S-1', start: '2026-03-05', months: 12 },
    original: { net: '100,00' },
  },
];
const TERMS = {
  currency: 'EUR',
  lines: LINES,
  partners: [{ role: 'seller', partner: 'P-1', share: '1' }],
  customer: 'C-1',
  attributes: { region: 'north' },
};
const BARE_TERMS = { currency: 'EUR', lines: [{ id: '1', net: '100.00' }], partners: [] };

const FACTS = [
  { ...FACT, kind: 'booked', terms: TERMS },
  { ...FACT, kind: 'amended', revision: 1, as: 'change', terms: BARE_TERMS },
  { ...FACT, kind: 'paid', id: 'Z-1', amount: '120.00' },
  { ...FACT, kind: 'paid', id: 'Z-2', amount: '120.00', revision: 2, withdrawn: true },
  { ...FACT, kind: 'returned', id: 'R-1', lines: [{ line: '1', net: '10.00' }] },
  { ...FACT, kind: 'registration', id: 'G-1', status: 'approved', holder: 'P-1', ...DATED, revision: 1 },
  { ...FACT, kind: 'registered', terms: BARE_TERMS },
  { ...FACT, kind: 'invoiced', id: 'I-1', lines: BARE_TERMS.lines, terms: BARE_TERMS },
  { ...FACT, kind: 'sold-through', id: 'T-1' },
  { ...FACT, kind: 'cancelled' },
];

const PAID = { payout: 'payout|P-1|EUR|monthly@Europe/Paris|2026-03', on: '2026-04-10', revision: 1 };
const PAYMENTS = [
  {
    ...PAID,
    state: 'settled',
    amount: '110.00',
    currency: 'USD',
    exchange: { base: 'EUR', quote: 'USD', rate: '1.05', source: 'bank' },
  },
  { ...PAID, state: 'failed', reason: 'account closed' },
];

const PLAN_DOCUMENT = {
  plan: 'resellers',
  title: 'Resellers',
  currency: 'EUR',
  calendar: { periods: 'monthly', timeZone: 'Europe/Paris' },
  components: [{ id: 'hardware', credit: { trigger: 'booked', to: 'seller', basis: 'net' }, rate: { percent: '5 %' } }],
};

const LEDGER_LINE = {
  period: '2026-03',
  origin: '2026-03',
  plan: 'resellers',
  component: 'hardware',
  deal: 'crm|D-1',
  line: 'booked|1',
  kind: 'earning',
  basis: '100.00',
  amount: '5.00',
};
const EARNINGS = {
  payee: 'P-1',
  plan: 'resellers',
  currency: 'EUR',
  calendar: 'monthly@Europe/Paris',
  deal: 'crm|D-1',
  lines: [LEDGER_LINE],
};

const FISCAL = { yearStarts: '02-01', weeks: '4-4-5' };

const BONUS = {
  payee: 'P-1',
  programme: 'volume',
  currency: 'EUR',
  calendar: 'monthly@Europe/Paris',
  window: '2026-Q1',
  lines: [],
};

const STATEMENT = {
  id: 'P-1|EUR|monthly@Europe/Paris|2026-03',
  payee: 'P-1',
  currency: 'EUR',
  calendar: 'monthly@Europe/Paris',
  period: '2026-03',
  opening: '0.00',
  total: '5.00',
  payable: '5.00',
  carried: '0.00',
  lineCount: 1,
  hash: '0'.repeat(64),
};

/** Of the first component. */
function componentOf({ components }: Body): unknown {
  const first: unknown = Array.isArray(components) ? components[0] : undefined;
  return typeof first === 'object' && first !== null && 'id' in first ? first.id : undefined;
}

/** Plans are YAML: their scalars are texts. */
function scalarOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? value : String(value);
}

/** An entry of a list of dated values. */
function valueOf(field: string, { [field]: value, ...more }: Body): Body {
  return { ...more, value };
}

/** A file about parts of partners. */
function rowsOf(kind: string, row: Body, partOf: (row: Body) => Body): RequestBody {
  return {
    url: `/partners/${kind}/batch`,
    samples: [{ partner: 'P-1', ...row }],
    message: 'partner',
    messageOf: ({ partner: id, ...more }) => ({ ...PARTNER, id, ...partOf(more) }),
    // A row names each field, where a message may leave it out.
    isNarrower: true,
  };
}

/** A row's `null` is a field that the message leaves out. */
function withoutNulls(row: Body): Body {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}

/** By the id of the operation. A text names the body with which the operation shares its checks. */
export const REQUEST_BODIES: Readonly<Record<string, RequestBody | readonly RequestBody[] | string>> = {
  putPartner: {
    url: '/partners/P-1',
    samples: [DETAILS],
    message: 'partner',
    messageOf: (body) => ({ ...DATED_PARTS, ...body }),
  },
  putPartnerTier: {
    url: '/partners/P-1/tiers/2026-01-01',
    samples: [{ tier: 'gold' }],
    message: 'partner',
    messageOf: (body) => ({ ...PARTNER, tiers: [valueOf('tier', { from: '2026-01-01', ...body })] }),
  },
  putPartnerUpline: {
    url: '/partners/P-1/uplines/2026-01-01',
    samples: [{ upline: null }],
    message: 'partner',
    messageOf: (body) => ({ ...PARTNER, uplines: [valueOf('upline', { from: '2026-01-01', ...body })] }),
  },
  putPartnerAgreement: {
    url: '/partners/P-1/agreements/A-1',
    samples: [{ plan: 'resellers', ...DATED }],
    message: 'partner',
    messageOf: (body) => ({ ...PARTNER, agreements: [{ id: 'A-1', ...body }] }),
  },
  putPartnerCertification: {
    url: '/partners/P-1/certifications/C-1',
    samples: [{ certification: 'security', ...DATED, count: 1 }],
    message: 'partner',
    messageOf: (body) => ({ ...PARTNER, certifications: [{ id: 'C-1', ...body }] }),
  },
  batchPartners: { url: '/partners/batch', samples: [PARTNER], message: 'partner' },
  batchPartner: [
    rowsOf('tiers', { from: '2026-01-01', tier: 'gold' }, (row) => ({ tiers: [valueOf('tier', row)] })),
    rowsOf('uplines', { from: '2026-01-01', upline: 'P-0' }, (row) => ({ uplines: [valueOf('upline', row)] })),
    rowsOf('agreements', { agreement: 'A-1', plan: 'resellers', ...DATED }, ({ agreement: id, ...more }) => ({
      agreements: [{ id, ...withoutNulls(more) }],
    })),
    rowsOf(
      'certifications',
      { certificate: 'C-1', certification: 'security', ...DATED, count: 1 },
      ({ certificate: id, ...more }) => ({ certifications: [{ id, ...withoutNulls(more) }] }),
    ),
  ],
  // What is refused here is stored; these have all fields. The import below has all kinds.
  createDealFact: { url: '/deals/facts', samples: FACTS.slice(0, 6), message: 'deal-fact' },
  createImport: { url: '/imports', samples: FACTS, message: 'deal-fact' },
  createPlan: {
    url: '/plans',
    samples: [PLAN_DOCUMENT],
    message: 'earnings-of-deal',
    messageOf: (document) => ({
      ...EARNINGS,
      plan: scalarOf(document['plan']),
      currency: document['currency'],
      lines: [{ ...LEDGER_LINE, component: scalarOf(componentOf(document)) }],
    }),
    isNarrower: true,
  },
  lintPlans: 'createPlan',
  publishPlanVersion: { url: '/plans/resellers/versions/1/publish', samples: [{ effectiveFrom: '2026-01-01' }] },
  endPlan: { url: '/plans/resellers/end', samples: [{ lastDay: '2026-12-31' }] },
  createExchangeRate: {
    url: '/exchange-rates',
    samples: [RATE, { ...RATE, revision: 9, withdrawn: true }],
    message: 'exchange-rate',
  },
  batchExchangeRates: {
    url: '/exchange-rates/batch',
    samples: [RATE, { ...RATE, revision: 9, withdrawn: true }],
    message: 'exchange-rate',
  },
  createQuota: { url: '/quotas', samples: [QUOTA, { ...QUOTA, revision: 9, withdrawn: true }], message: 'quota' },
  batchQuotas: { url: '/quotas/batch', samples: [QUOTA, { ...QUOTA, revision: 9, withdrawn: true }], message: 'quota' },
  closePeriod: { url: '/periods/weekly@Europe%2FRome/2026-03/close', samples: [{ force: 'a deal is missing' }] },
  reopenPeriod: { url: '/periods/weekly@Europe%2FRome/2026-03/reopen', samples: [{ reason: 'a deal is missing' }] },
  waivePendingDeal: { url: '/pending-deals/crm%7CD-1/waive', samples: [{ reason: 'the partner never registers' }] },
  discardParked: { url: '/parked/84d86570-8378-5032-a1f9-b38677db91ec/discard', samples: [{ reason: 'a test' }] },
  rejectParkedProposal: {
    url: '/parked-proposals/discard-parked%7C84d86570-8378-5032-a1f9-b38677db91ec%7C1/reject',
    samples: [{ reason: 'too early' }],
  },
  discardRefusal: { url: `/refusals/${'a'.repeat(64)}/discard`, samples: [{ reason: 'a test' }] },
  rejectRefusalProposal: {
    url: `/refusal-proposals/discard-refusal%7C${'a'.repeat(64)}%7C1/reject`,
    samples: [{ reason: 'too early' }],
  },
  rejectCommissionProposal: {
    url: '/commission-proposals/waive-deal%7Ccrm%7CD-1%7C1/reject',
    samples: [{ reason: 'too early' }],
  },
  createProgramme: {
    url: '/programmes',
    samples: [
      {
        ...PROGRAMME,
        calendar: { periods: 'weekly', timeZone: 'Europe/Paris', starts: '2026-01-05', fiscal: FISCAL },
        measure: { of: 'basis', over: 'quarter', plans: ['resellers'], components: ['hardware'] },
        eligible: { channel: ['retail'] },
        until: '2027-01-01',
      },
    ],
    message: 'bonus-of-window',
    messageOf: ({ programme, currency }) => ({ ...BONUS, programme, currency }),
    isNarrower: true,
  },
  approveStatements: {
    url: '/statements/approve',
    samples: [{ calendar: 'monthly@Europe/Paris', period: '2026-03' }],
    message: 'statement-issued',
    messageOf: (body) => ({ ...STATEMENT, ...body }),
    isNarrower: true,
  },
  createPayment: { url: '/payments', samples: PAYMENTS, message: 'payment' },
};
