/**
 * The history of the golden log: a quarter of one plan, with every event type of every service. A new event type needs
 * a command here; `npm run golden -- --write` then records the log again. Times and ids are fixed.
 */
import { parsePlan } from '@tantieme/commission-engine/plan/lint/parse-plan';
import { ExchangeRateCache } from '@tantieme/commission-calculation/reference/cache/exchange-rate-cache.service';
import { PartnerCache } from '@tantieme/commission-calculation/reference/cache/partner-cache.service';
import { budgetDecider, budgetStream } from '@tantieme/commission-calculation/budget/budget';
import type { BudgetEvent } from '@tantieme/commission-calculation/budget/budget';
import { calendarDecider, calendarStream } from '@tantieme/commission-calculation/calendar/calendar';
import { creditsIn, creditDecider, creditStream } from '@tantieme/commission-calculation/credit/credit';
import type { DealCredited } from '@tantieme/commission-calculation/credit/credit';
import { Crediting } from '@tantieme/commission-calculation/credit/crediting.service';
import { earningDecider, earningStream } from '@tantieme/commission-calculation/earning/earning';
import type { EarningCommand } from '@tantieme/commission-calculation/earning/earning';
import { dealPostings } from '@tantieme/commission-calculation/earning/earning-events';
import type { EarningEvent, PlanConstants } from '@tantieme/commission-calculation/earning/earning-events';
import { ledgerLine } from '@tantieme/commission-calculation/earning/posting';
import { pagesOf, periodDecider, periodStream, STAGES } from '@tantieme/commission-calculation/period/period';
import { PlanCatalog } from '@tantieme/commission-calculation/plan/plan-catalog.service';
import { hashOfPlan } from '@tantieme/commission-calculation/plan/plan.commands';
import { planDecider, planStream } from '@tantieme/commission-calculation/plan/plan';
import {
  exchangeRateStream,
  partnerStream as partnerReferenceStream,
  quotaStream,
} from '@tantieme/commission-calculation/reference/stream/reference-keys';
import { referenceDecider } from '@tantieme/commission-calculation/reference/stream/reference';
import type { Deal, DealFact } from '@tantieme/contracts/deal';
import type { LedgerLine, ManifestEntry } from '@tantieme/contracts/ledger';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Partner } from '@tantieme/contracts/partner';
import { contentHash } from '@tantieme/deal-ingestion/deal/content-hash';
import { dealAfter, dealDecider, dealStream } from '@tantieme/deal-ingestion/deal/deal';
import { importDecider, importStream } from '@tantieme/deal-ingestion/import/import';
import { refusalDecider, refusalStream } from '@tantieme/deal-ingestion/refusal/refusal';
import type { EventStore } from '@tantieme/event-store/event-store';
import { partnerDecider, partnerStream } from '@tantieme/partner-registry/partner/partner';
import type { PartnerChange } from '@tantieme/partner-registry/partner/partner';
import { account, accountStream } from '@tantieme/payouts/account/account';
import { accountsOf, statementRun, statementRunStream } from '@tantieme/payouts/statement-run/statement-run';
import { bonusDecider, bonusStream, measuredBasisOf } from '@tantieme/rewards/bonus/bonus';
import { earningsLedger, ledgerStream, receivedEarningsOf } from '@tantieme/rewards/ledger/earnings-ledger';
import { participant, participantStream } from '@tantieme/rewards/participant/participant';
import { calendarStream as rewardsCalendarStream, rewardsCalendar } from '@tantieme/rewards/period/period';
import { periodStream as rewardsPeriodStream, rewardsPeriod } from '@tantieme/rewards/period/period';
import { compileProgramme, programme, programmeStream } from '@tantieme/rewards/programme/programme';
import { parkedDecider, parkedStream } from '@tantieme/event-sourcing/parking/parked';
import { proposalDecider } from '@tantieme/service-kit/two-people/proposal';
import { proposalStream } from '@tantieme/service-kit/two-people/proposal.tables';
import { Recorder } from './recorder.js';
import type { Recorded } from './recorder.js';

const PLAN = `
plan: resellers
title: Resellers
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
guarantee: { amount: 50, over: period, of: [hardware] }
components:
  - id: hardware
    credit: { trigger: booked, where: { line.category: hardware } }
    measure: { over: period, quota: fact }
    rate: { accelerator: { base: 10 %, bands: [{ upTo: 100 %, times: 1 }, { times: 2 }] } }
    returns: { policy: re-rate }
  - id: spiff
    credit: { trigger: booked, where: { line.category: service } }
    rate: { percent: 40 % }
    budget: 1000
  - id: team
    credit: { override: [hardware], of: earning, levels: [10 %] }
`;
const CALENDAR = 'monthly@Europe/Paris';
const PERIOD = '2026-01';
const PAYEES = ['anna', 'bert', 'top'];
const CONSTANTS = { currency: 'EUR', calendar: CALENDAR };

/** What it earns is recorded as runs of parts, as if it were larger than an append. */
const RUN_DEAL = 'crm|D-3';

/** Every command is given at this time of its day. */
const on = (day: string): string => `2026-${day}T09:00:00.000Z`;

export async function recordScript(store: EventStore): Promise<void> {
  const recorder = new Recorder(store);
  const partners = await recordPartners(recorder);
  const deals = await recordDeals(recorder);
  const commissions = new Commissions(recorder);
  await commissions.recordReferences(partners);
  await commissions.recordDeals(deals);
  const { entries, lines } = await commissions.close();
  const bonus = await recordRewards(recorder, partners, lines);
  await recordPayouts(recorder, entries, [...lines, ...bonus.lines], bonus.entries);
  await recordProposals(recorder);
  await recordParked(recorder);
}

type OriginOf<Value> = Value & { readonly origin: { readonly stream: string; readonly revision: number } };

async function recordPartners(recorder: Recorder): Promise<readonly OriginOf<{ readonly partner: Partner }>[]> {
  const newest = new Map<string, OriginOf<{ readonly partner: Partner }>>();
  const change = async (id: string, change: PartnerChange): Promise<void> => {
    const stream = partnerStream(id);
    for (const { stored, event } of await recorder.record(partnerDecider, stream, { id, change, at: on('01-02') }))
      newest.set(id, { partner: event.data.partner, origin: { stream, revision: stored.revision } });
  };
  const agreement = { id: 'A-1', plan: 'resellers', from: '2026-01-01' };
  const top: Partner = {
    id: 'top',
    name: 'Top Distribution',
    channel: 'distributor',
    country: 'FR',
    tiers: [],
    uplines: [],
    agreements: [agreement],
  };
  await change('top', { kind: 'document', partner: top, above: {} });
  for (const id of ['anna', 'bert']) {
    await change(id, { kind: 'details', details: { name: `${id} SARL`, channel: 'retail', country: 'FR' } });
    await change(id, { kind: 'upline', from: '2026-01-01', upline: 'top', above: {} });
    await change(id, { kind: 'agreement', agreement });
  }
  await change('anna', { kind: 'tier', from: '2026-01-01', tier: 'gold' });
  const certification = { id: 'C-1', certification: 'cloud', from: '2026-01-01' };
  await change('anna', { kind: 'certification', certification });
  await change('bert', { kind: 'tier', from: '2026-01-01', tier: 'gold' });
  await change('bert', { kind: 'withdrawal', of: 'tier', key: '2026-01-01', above: {} });
  return [...newest.values()];
}

async function recordDeals(recorder: Recorder): Promise<readonly OriginOf<{ readonly deal: Deal }>[]> {
  const newest = new Map<string, OriginOf<{ readonly deal: Deal }>>();
  const record = async (fact: DealFact, origin?: string): Promise<void> => {
    const stream = dealStream(fact);
    const command = omitUndefined({ fact, hash: contentHash(fact), import: origin });
    for (const { stored, event } of await recorder.record(dealDecider, stream, command))
      newest.set(stream, { deal: dealAfter(event), origin: { stream, revision: stored.revision } });
  };
  const booked = (deal: string, seller: string, day: string, hardware: string, service: string, currency = 'EUR') =>
    record({
      source: 'crm',
      deal,
      kind: 'booked',
      occurredAt: on(day),
      terms: {
        currency,
        lines: [
          { id: '1', category: 'hardware', quantity: '2', net: hardware, cost: '10.00' },
          { id: '2', category: 'service', net: service },
        ],
        partners: [{ role: 'seller', partner: seller }],
        customer: 'k-1',
      },
    });
  await booked('D-1', 'anna', '01-05', '800.00', '1500.00');
  await booked('D-2', 'bert', '01-06', '300.00', '2000.00');
  await booked('D-3', 'anna', '01-07', '450.00', '0.00', 'USD');
  const of = (deal: string, day: string) => ({ source: 'crm', deal, occurredAt: on(day) });
  await record({ ...of('D-1', '01-08'), kind: 'invoiced', id: 'I-1' });
  await record({ ...of('D-1', '01-20'), kind: 'paid', id: 'P-1', amount: '2300.00' });
  await record({ ...of('D-2', '01-12'), kind: 'returned', id: 'R-1', lines: [{ line: '1', net: '100.00' }] });
  await record({ ...of('D-3', '01-13'), kind: 'registration', id: 'G-1', status: 'approved', holder: 'anna' });
  // Its partner is unknown, so the deal is pending.
  await booked('D-4', 'nobody', '01-14', '10.00', '0.00');

  const [raw, rest] = ['{"source":"crm","deal":"D-5",', '"kind":"paid"}'];
  const refusal = refusalStream(contentHash(raw));
  await recorder.record(refusalDecider, refusal, { part: 1, raw: rest, at: on('01-15') });
  const errors = [{ field: 'amount', reason: 'is missing' }];
  const refused = {
    kind: 'invalid',
    raw,
    parts: 1,
    errors,
    source: 'crm',
    deal: 'D-5',
    import: 'M-1',
    rows: [7],
  } as const;
  await recorder.record(refusalDecider, refusal, { ...refused, at: on('01-15') });
  await recorder.record(refusalDecider, refusal, { resolution: 'recorded', hash: contentHash(1), at: on('01-16') });
  const nobodys = refusalStream(contentHash('{}'));
  await recorder.record(refusalDecider, nobodys, { kind: 'invalid', raw: '{}', errors, at: on('01-15') });
  const discard = { reason: 'a test', proposedBy: 'operator', confirmedBy: 'finance' };
  await recorder.record(refusalDecider, nobodys, { ...discard, at: on('01-16') });
  const imports = importStream('M-1');
  const at = on('01-15');
  const started = { format: 'ndjson', file: 'deals.ndjson' } as const;
  await recorder.record(importDecider, imports, { type: 'ImportStarted', data: started, at });
  const refusals = [{ refusal: contentHash(raw), row: 7 }];
  const counts = { facts: 2, accepted: 1, repeated: 0, conflicts: 0, refused: 1 };
  await recorder.record(importDecider, imports, { type: 'ImportBatchRecorded', data: { counts, refusals }, at });
  await recorder.record(importDecider, imports, { type: 'ImportInterrupted', data: {}, at });
  await recorder.record(importDecider, imports, { type: 'ImportEnded', data: { counts }, at });
  await record({ ...of('D-2', '01-16'), kind: 'invoiced', id: 'I-2' }, 'M-1');
  await record({ ...of('D-2', '01-16'), kind: 'invoiced', id: 'I-2', withdrawn: 'revision' });
  const undone = { withdrawn: 1, replaced: 0 };
  await recorder.record(importDecider, imports, { type: 'ImportUndone', data: undone, at: on('01-17') });
  return [...newest.values()];
}

/** Lines of a deal, or of a window of a programme, as payouts receives them. */
interface LinesOf {
  readonly payee: string;
  readonly key: string;
  readonly origin: { readonly stream: string; readonly revision: number };
  readonly lines: readonly LedgerLine[];
}

class Commissions {
  private readonly plans: PlanCatalog;
  private readonly crediting: Crediting;
  /** The newest of a payee's deal. */
  private readonly lines = new Map<string, LinesOf>();

  constructor(private readonly recorder: Recorder) {
    const { store } = recorder;
    this.plans = new PlanCatalog(store);
    this.crediting = new Crediting(store, new PartnerCache(store), this.plans, new ExchangeRateCache(store));
  }

  async recordReferences(partners: Awaited<ReturnType<typeof recordPartners>>): Promise<void> {
    const { document, findings } = parsePlan(PLAN);
    if (document === undefined) throw new Error(findings.map(({ path, message }) => `${path}: ${message}`).join('\n'));
    const stream = planStream(document.plan);
    const hash = hashOfPlan(document);
    const [by, at] = ['designer', on('01-01')];
    await this.recorder.record(planDecider, stream, { type: 'draft', document, hash, findings: [], by, at });
    await this.recorder.record(planDecider, stream, { type: 'approve', number: 1, by: 'approver', at });
    const published = {
      type: 'publish',
      number: 1,
      effectiveFrom: '2026-01-01',
      by: 'approver',
      openFrom: null,
      at,
    } as const;
    await this.recorder.record(planDecider, stream, published);
    await this.plans.load();
    for (const { partner, origin } of partners) {
      const command = { partner, origin, at: on('01-02') };
      await this.recorder.record(referenceDecider, partnerReferenceStream(partner.id), command);
      const terms = { agreements: [{ from: '2026-01-01' }], quotas: [] };
      await this.change(partner.id, { type: 'receive-payee-terms', ...terms, openFrom: null, at: on('01-02') });
    }
    const exchangeRate = { base: 'USD', quote: 'EUR', date: '2026-01-02', rate: '0.9', source: 'ecb' };
    const rate = { exchangeRate, at: on('01-03') };
    await this.recorder.record(referenceDecider, exchangeRateStream('USD', 'EUR'), rate);
    const { rate: _, ...withdrawn } = { ...exchangeRate, revision: 7, withdrawn: 'revision' } as const;
    const withdrawal = { exchangeRate: withdrawn, at: on('01-03') };
    await this.recorder.record(referenceDecider, exchangeRateStream('USD', 'EUR'), withdrawal);
    for (const payee of PAYEES) {
      const quota = {
        payee,
        plan: 'resellers',
        component: 'hardware',
        from: '2026-01-01',
        amount: '1000.00',
        revision: 1,
      };
      const recorded = { quota, at: on('01-03') };
      const events = await this.recorder.record(referenceDecider, quotaStream(payee, 'resellers'), recorded);
      for (const { event } of events) {
        if (event.type !== 'QuotaRecorded') continue;
        const terms = { agreements: [{ from: '2026-01-01' }], quotas: event.data.inForce };
        await this.change(payee, { type: 'receive-payee-terms', ...terms, openFrom: null, at: on('01-03') });
      }
    }
  }

  async recordDeals(deals: Awaited<ReturnType<typeof recordDeals>>): Promise<void> {
    for (const { deal, origin } of deals) {
      const context = this.recorder.nextContext();
      const [result] = await this.crediting.credit([{ deal, origin, at: on('01-21'), context }]);
      if (result?.outcome !== 'accepted' || result.events.length === 0) throw new Error(`${deal.id} is not credited`);
      for (const event of result.events)
        if (event.type === 'DealCredited') await this.earn(`${deal.source}|${deal.id}`, event);
    }
  }

  private async earn(deal: string, event: DealCredited): Promise<void> {
    const { number } = event.data;
    for (const { payee, groups, above } of creditsIn(event)) {
      const credit = { type: 'credit', deal, number, groups, openFrom: null, at: on('01-21') } as const;
      await this.change(
        payee,
        above === undefined ? credit : { ...credit, above },
        deal === RUN_DEAL ? 'run' : 'event',
      );
    }
  }

  /** Records the change of a payee's earnings, and what follows from it for others. */
  private async change(
    payee: string,
    change: WithoutConstants<EarningCommand>,
    as: 'event' | 'run' = 'event',
  ): Promise<void> {
    const stream = earningStream(payee, 'resellers');
    const command = { ...CONSTANTS, ...change } as EarningCommand;
    for (const recorded of await this.recorder.record(earningDecider(this.plans), stream, command, as))
      await this.passOn(payee, recorded);
  }

  private async passOn(payee: string, { stored, event }: Recorded<EarningEvent>): Promise<void> {
    const { stream, revision } = stored;
    const { data } = event;
    for (const { deal, lines } of dealPostings(event)) {
      const ofDeal = lines.map((line) => ledgerLine('resellers', deal, line));
      this.lines.set(`${payee} ${deal}`, { payee, key: deal, origin: { stream, revision }, lines: ofDeal });
    }
    const common = { openFrom: null, at: on('01-21') };
    for (const { deal, to, earned } of ('overridden' in data && data.overridden) || [])
      for (const above of to)
        await this.change(above, { type: 'receive-child-earning', deal, child: payee, revision, earned, ...common });
    for (const { component, deal, claims } of ('claims' in data && data.claims) || []) {
      const budget = { plan: 'resellers', component, currency: 'EUR', calendar: CALENDAR };
      const received = { type: 'receive-claims', budget, payee, deal, revision, claims, at: on('01-21') } as const;
      const name = budgetStream('resellers', component);
      for (const granted of await this.recorder.record(budgetDecider(this.plans), name, received))
        await this.grant(component, granted);
    }
  }

  private async grant(component: string, { stored, event }: Recorded<BudgetEvent>): Promise<void> {
    if (event.type === 'BudgetPeriodsClosed') return;
    for (const { payee, deal, granted } of event.data.grants) {
      const grant = { type: 'receive-grant', deal, component, revision: stored.revision, granted } as const;
      await this.change(payee, { ...grant, openFrom: null, at: on('01-21') });
    }
  }

  async close(): Promise<{ readonly entries: readonly ManifestEntry[]; readonly lines: readonly LinesOf[] }> {
    const { recorder } = this;
    const at = on('02-02');
    const calendar = calendarStream(CALENDAR);
    const period = periodStream(CALENDAR, PERIOD);
    const waived = [{ code: 'PartnerMissing', subject: 'partner:nobody' }];
    const people = { by: 'finance', confirmedBy: 'approver' };
    const waive = { type: 'waive', waived, reason: 'never registers', ...people, at } as const;
    await recorder.record(creditDecider(this.plans), creditStream('crm|D-4'), waive);
    const request = { calendar: CALENDAR, period: PERIOD, proposal: `close-period|${CALENDAR}|${PERIOD}|1`, ...people };
    const outstanding = [{ code: 'QuotasMissing', count: 1, message: '1 deal has no quota' }] as const;
    const input = { plans: 1, earliestOpen: PERIOD, outstanding };
    await recorder.record(calendarDecider, calendar, { type: 'close', ...request, ...input, force: 'no quota', at });
    for (const stage of STAGES) {
      if (stage === 'sealed') await recorder.record(calendarDecider, calendar, { type: 'seal', period: PERIOD, at });
      await recorder.record(periodDecider, period, { type: 'reach-stage', stage, at });
    }
    const budget = { plan: 'resellers', component: 'spiff', currency: 'EUR', calendar: CALENDAR };
    const closed = { type: 'close-periods', budget, openFrom: '2026-02', at } as const;
    await recorder.record(budgetDecider(this.plans), budgetStream('resellers', 'spiff'), closed);
    const planVersion = this.plans.newest('resellers').version;
    const entries: ManifestEntry[] = [];
    for (const payee of PAYEES) {
      const stream = earningStream(payee, 'resellers');
      const terms = { payee, plan: 'resellers', period: PERIOD, minimum: '10.00', planVersion };
      const command = { type: 'close-period', ...terms, at } as const;
      for (const one of await recorder.record(earningDecider(this.plans), stream, command)) {
        await this.passOn(payee, one);
        if (one.event.type === 'EarningPeriodClosed') entries.push(one.event.data.entry);
      }
    }
    for (const page of pagesOf(CALENDAR, PERIOD, entries))
      await recorder.record(periodDecider, period, { type: 'add-page', page, at });
    await recorder.record(periodDecider, period, { type: 'close', at });
    await recorder.record(calendarDecider, calendar, { type: 'finish', period: PERIOD, at });
    const end = { type: 'end', lastDay: '2026-12-31', by: 'designer', openFrom: '2026-02-01', at } as const;
    await recorder.record(planDecider, planStream('resellers'), end);
    return { entries, lines: [...this.lines.values()] };
  }
}

type WithoutConstants<Command> = Command extends PlanConstants ? Omit<Command, keyof PlanConstants> : never;

async function recordRewards(
  recorder: Recorder,
  partners: Awaited<ReturnType<typeof recordPartners>>,
  lines: readonly LinesOf[],
): Promise<{ readonly entries: readonly ManifestEntry[]; readonly lines: readonly LinesOf[] }> {
  const at = on('01-22');
  const document = {
    programme: 'volume',
    title: 'Volume bonus',
    currency: 'EUR',
    calendar: { periods: 'monthly', timeZone: 'Europe/Paris' },
    measure: { of: 'basis', over: 'period', components: ['hardware'] },
    tiers: [{ from: '500.00', pay: '75.00' }],
    eligible: { channel: ['retail'] },
    from: '2026-01-01',
  } as const;
  const compiled = compileProgramme(document);
  const stream = programmeStream('volume');
  await recorder.record(programme, stream, { type: 'publish', at, document, by: 'designer' });
  for (const { partner, origin } of partners) {
    const received = { type: 'receive-partner', at, partner: partner.id, channel: partner.channel, origin } as const;
    await recorder.record(participant, participantStream(partner.id), received);
  }
  await recorder.record(programme, stream, { type: 'request-catch-up', at, payee: 'anna', partnerRevision: 5 });
  const earnings = lines.map(({ payee, key, origin, lines }) =>
    receivedEarningsOf({ payee, plan: 'resellers', ...CONSTANTS, deal: key, lines }, origin, at),
  );
  await recorder.record(earningsLedger, ledgerStream(0, 0n), { type: 'receive-earnings', entries: earnings });
  const bonuses = bonusDecider((hash) => (hash === compiled.hash ? compiled : undefined));
  for (const one of earnings.filter(({ payee }) => payee !== 'top'))
    await recorder.record(bonuses, bonusStream(one.payee, 'volume'), {
      type: 'decide-bonus',
      at,
      payee: one.payee,
      programme: compiled.hash,
      earnings: { origin: one.origin, deal: one.deal, basis: measuredBasisOf(compiled, one) },
      eligibility: { partnerRevision: 5, eligible: true },
      openFrom: null,
    });
  for (const number of [0, 1]) await recorder.record(programme, stream, { type: 'complete-catch-up', at, number });

  const closing = on('02-02');
  const name = { calendar: CALENDAR, period: PERIOD };
  const calendar = rewardsCalendarStream(CALENDAR);
  await recorder.record(rewardsCalendar, calendar, { type: 'begin-closing', at: closing, ...name });
  const period = rewardsPeriodStream(CALENDAR, PERIOD);
  const page = { page: 1, pages: 1, ...name };
  await recorder.record(rewardsPeriod, period, { type: 'receive-manifest-page', at: closing, ...page });
  const entries: ManifestEntry[] = [];
  const paid: LinesOf[] = [];
  const close = { type: 'close-period', at: closing, period: PERIOD } as const;
  for (const { stored, event } of await recorder.record(bonuses, bonusStream('anna', 'volume'), close)) {
    if (event.type !== 'BonusPeriodClosed') continue;
    entries.push(event.data.entry);
    const origin = { stream: stored.stream, revision: stored.revision };
    for (const { payee, window, lines } of event.data.bonuses) paid.push({ payee, key: window, origin, lines });
  }
  await recorder.record(rewardsPeriod, period, { type: 'write-manifest-page', ...page, entries });
  await recorder.record(rewardsPeriod, period, { type: 'close' });
  return { entries, lines: paid };
}

async function recordPayouts(
  recorder: Recorder,
  commissions: readonly ManifestEntry[],
  lines: readonly LinesOf[],
  rewards: readonly ManifestEntry[],
): Promise<void> {
  const common = { currency: 'EUR', calendar: CALENDAR };
  for (const { payee, key, origin, lines: ofDeal } of lines) {
    const received = { type: 'receive-ledger-lines', at: on('02-02'), origin, key, ...common, lines: ofDeal } as const;
    await recorder.record(account, accountStream(payee, 'EUR'), received);
  }
  const run = statementRunStream(CALENDAR, PERIOD);
  const page = { calendar: CALENDAR, period: PERIOD, page: 1, pages: 1, at: on('02-02') };
  const pages = { commissions, rewards };
  let state = statementRun.initialState();
  for (const author of ['commissions', 'rewards'] as const) {
    const command = { type: 'receive-manifest-page', ...page, author, entries: pages[author] } as const;
    for (const { event } of await recorder.record(statementRun, run, command))
      state = statementRun.evolve(state, event);
  }
  for (const { payee, entries } of accountsOf(state)) {
    const issue = { type: 'issue-statement', at: on('02-02'), payee, ...common, period: PERIOD, entries } as const;
    await recorder.record(account, accountStream(payee, 'EUR'), issue);
  }
  await recorder.record(statementRun, run, { type: 'finish-run' });
  const anna = accountStream('anna', 'EUR');
  const statement = `anna|EUR|${CALENDAR}|${PERIOD}`;
  const approve = { type: 'approve-statement', at: on('02-03'), statement, by: 'approver' } as const;
  for (const { event } of await recorder.record(account, anna, approve)) {
    if (event.type !== 'StatementApproved') continue;
    const payment = {
      payout: `payout|${statement}`,
      on: '2026-02-05',
      state: 'settled',
      amount: event.data.payable,
      currency: 'EUR',
    } as const;
    await recorder.record(account, anna, { type: 'record-payment', at: on('02-05'), payment });
  }
}

async function recordProposals(recorder: Recorder): Promise<void> {
  const stream = proposalStream('commission', 'force-close', PERIOD);
  const read = { pendingDeals: 1 };
  const subject = { action: 'force-close', subject: PERIOD, request: { reason: 'no partner' }, read };
  const at = on('02-02');
  await recorder.record(proposalDecider, stream, { type: 'propose', ...subject, by: 'finance', at });
  await recorder.record(proposalDecider, stream, { type: 'reject', number: 1, reason: 'wait', by: 'approver', at });
  await recorder.record(proposalDecider, stream, { type: 'propose', ...subject, by: 'finance', at });
  await recorder.record(proposalDecider, stream, { type: 'confirm', number: 2, read, by: 'approver', at });
  await recorder.record(proposalDecider, stream, { type: 'finish', number: 2, at });
}

async function recordParked(recorder: Recorder): Promise<void> {
  const at = on('02-03');
  const message = { key: 'crm|D-1', value: 'no envelope', isCut: false, headers: {} };
  for (const [offset, end] of (['handled', 'discarded'] as const).entries()) {
    const origin = { topic: 'deals.inbound', partition: 0, offset: String(offset) };
    const item = {
      process: 'deal-ingestion-inbound',
      topic: origin.topic,
      origin,
      reason: 'is not JSON',
      touchesFrom: at,
      message,
    };
    const stream = parkedStream(item.process, origin);
    await recorder.record(parkedDecider, stream, { type: 'park', at, item });
    if (end === 'handled') {
      await recorder.record(parkedDecider, stream, { type: 'request-retry', at, by: 'operator' });
      await recorder.record(parkedDecider, stream, { type: 'answer-retry', at, retry: 1, reason: null });
    } else {
      const discard = { reason: 'a test', proposedBy: 'operator', confirmedBy: 'finance' };
      await recorder.record(parkedDecider, stream, { type: 'discard', at, ...discard });
    }
  }
}
