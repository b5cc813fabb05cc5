/** What a golden case says besides its deals: partners, exchange rates, quotas, certifications, and the periods that are closed. */
import { compareText } from '@tantieme/contracts/compare-text';
import { lastPeriodOfWindow, windowStartDay } from '@tantieme/time/calendar/periods';
import type { PayeeTerms, Agreement } from '@tantieme/commission-engine/earn/payee-terms';
import type { CreditLookup } from '@tantieme/commission-engine/credit/lookup';
import { TimeError } from '@tantieme/time/time-error';
import { DAY_DESCRIPTION, isDay } from '@tantieme/time/day';
import type { PlanVersion } from '@tantieme/commission-engine/plan/history';
import {
  averageOf,
  identityOfRate,
  normalExchangeRate,
  rateOn,
  ratesInForce,
  recordExchangeRate,
} from '@tantieme/commission-calculation/reference/facts/exchange-rate';
import {
  identityOfQuota,
  normalQuota,
  quotasInForce,
  recordQuota,
} from '@tantieme/commission-calculation/reference/facts/quota';
import { partnerAsOf } from '@tantieme/commission-calculation/reference/facts/partner';
import { CHANNEL_TYPES } from '@tantieme/contracts/partner';
import type { Dated, Partner } from '@tantieme/contracts/partner';
import type { ExchangeRate, Quota } from '@tantieme/contracts/reference';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { CaseInvalid, readCsv } from './csv-rows.js';
import type { CaseFault, CsvRow } from './csv-rows.js';

/** From when on everything counts that names no day. */
export const FROM_THE_BEGINNING = '2000-01-01';

type Fault = (column: string, reason: string) => void;

/** Each row with a way to say what is wrong with it. @throws {CaseInvalid} with all of it */
function eachRow(file: string, rows: readonly CsvRow[], take: (row: CsvRow, fault: Fault) => void): void {
  const faults: CaseFault[] = [];
  for (const row of rows) {
    const fault: Fault = (column, reason) => faults.push({ file, row: row.row, column, reason });
    try {
      take(row, fault);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      if (error.fields.length === 0) faults.push({ file, row: row.row, reason: error.message });
      for (const { field, reason } of error.fields) fault(field, reason);
    }
  }
  if (faults.length > 0) throw new CaseInvalid(faults);
}

function dayIn(row: CsvRow, column: string, fault: Fault): string | undefined {
  const text = row.cell(column);
  if (text === '') return undefined;
  if (!isDay(text)) fault(column, `${JSON.stringify(text)} is not ${DAY_DESCRIPTION}`);
  return text;
}

/** `until` where it is there. */
function untilOf(until: string | undefined): { readonly until?: string } {
  return until === undefined ? {} : { until };
}

// ── Partners ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Partners that are the same on every day, with an agreement from 2000 on: what a case without `partners.csv` means. */
export function plainPartners(ids: readonly string[], plan: string): ReadonlyMap<string, Partner> {
  return new Map(ids.map((id) => [id, { ...newPartner(id), agreements: [agreementFrom(plan, FROM_THE_BEGINNING)] }]));
}

function newPartner(id: string): Partner {
  return { id, name: id, channel: 'direct', country: '', tiers: [], uplines: [], agreements: [] };
}

function agreementFrom(plan: string, from: string, until?: string): Partner['agreements'][number] {
  return { id: from, plan, from, ...untilOf(until) };
}

/**
 * `partners.csv`: a row says what is so from a day on. Where the file has a column `plan`, only the rows that name the plan are
 * agreements; else every partner has one from 2000 on.
 */
export function readPartners(text: string, plan: string): ReadonlyMap<string, Partner> {
  const { file, columns, rows } = readCsv('partners.csv', text, {
    required: ['partner'],
    optional: ['channel', 'country', 'tier', 'upline', 'certification', 'count', 'plan', 'from', 'until'],
  });
  const partners = new Map<string, Partner>();
  eachRow(file, rows, (row, fault) => {
    const id = row.cell('partner');
    if (id === '') return fault('partner', 'is empty');
    const known = partners.get(id) ?? {
      ...newPartner(id),
      agreements: columns.includes('plan') ? [] : [agreementFrom(plan, FROM_THE_BEGINNING)],
    };
    partners.set(id, partnerWith(known, row, plan, fault));
  });
  for (const [id, partner] of partners)
    partners.set(id, { ...partner, tiers: inOrder(partner.tiers), uplines: inOrder(partner.uplines) });
  return partners;
}

function inOrder<Value>(dated: readonly Dated<Value>[]): readonly Dated<Value>[] {
  return dated.toSorted((left, right) => compareText(left.from, right.from));
}

function partnerWith(partner: Partner, row: CsvRow, plan: string, fault: Fault): Partner {
  const from = dayIn(row, 'from', fault) ?? FROM_THE_BEGINNING;
  const until = dayIn(row, 'until', fault);
  const [channel, tier, upline, certification, agreed] = ['channel', 'tier', 'upline', 'certification', 'plan'].map(
    (column) => row.cell(column),
  );
  if (until !== undefined && until <= from) fault('until', 'is not after from: it is the first day without');
  if (until !== undefined && !agreed && !certification)
    fault('until', 'goes with plan or certification; a tier or upline ends where the next one begins');
  if (agreed && agreed !== plan) fault('plan', `${JSON.stringify(agreed)} is not the plan of this case, ${plan}`);
  const channelType = CHANNEL_TYPES.find((type) => type === channel);
  if (channel && channelType === undefined) fault('channel', `is none of ${CHANNEL_TYPES.join(', ')}`);
  const count = row.cell('count');
  if (count !== '' && !/^[1-9][0-9]{0,5}$/.test(count))
    fault('count', `${JSON.stringify(count)} is no whole number from 1`);
  const certificate = {
    id: String(row.row),
    certification: certification ?? '',
    from,
    ...untilOf(until),
    ...(count === '' ? {} : { count: Number(count) }),
  };
  return {
    ...partner,
    channel: channelType ?? partner.channel,
    country: row.cell('country') || partner.country,
    tiers: tier ? [...partner.tiers, { from, value: tier }] : partner.tiers,
    uplines: upline ? [...partner.uplines, { from, value: upline === 'none' ? null : upline }] : partner.uplines,
    agreements: agreed ? [...partner.agreements, agreementFrom(plan, from, until)] : partner.agreements,
    ...(certification ? { certifications: [...(partner.certifications ?? []), certificate] } : {}),
  };
}

// ── Exchange rates ──────────────────────────────────────────────────────────────────────────────────────────────────

/** `exchange-rates.csv`: one unit of `base` costs `rate` units of `quote`, as published on `date`. */
export function readExchangeRates(text: string): readonly ExchangeRate[] {
  const { file, rows } = readCsv('exchange-rates.csv', text, {
    required: ['base', 'quote', 'date', 'rate'],
    optional: ['source', 'revision'],
  });
  const known = new Map<string, Map<string, ExchangeRate>>();
  eachRow(file, rows, (row, fault) => {
    const [base = '', quote = '', date = '', rate = ''] = ['base', 'quote', 'date', 'rate'].map((name) =>
      row.cell(name),
    );
    const revision = revisionIn(row, fault);
    const exchangeRate = normalExchangeRate({
      ...{ base, quote, date, rate },
      source: row.cell('source') || 'case',
      ...(revision === undefined ? {} : { revision }),
    });
    const pair = [base, quote].sort().join('/');
    const ofPair = known.get(pair) ?? new Map<string, ExchangeRate>();
    recordExchangeRate(exchangeRate, FROM_THE_BEGINNING, ofPair);
    known.set(pair, ofPair.set(identityOfRate(exchangeRate), exchangeRate));
  });
  return [...known.values()].flatMap((ofPair) => [...ofPair.values()]);
}

function revisionIn(row: CsvRow, fault: Fault): number | undefined {
  const text = row.cell('revision');
  if (text === '') return undefined;
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) fault('revision', `${JSON.stringify(text)} is no whole number`);
  return Number(text);
}

/** What crediting looks up. */
export function lookupOf(partners: ReadonlyMap<string, Partner>, rates: readonly ExchangeRate[]): CreditLookup {
  return {
    partner(id, day) {
      const partner = partners.get(id);
      return partner === undefined ? undefined : partnerAsOf(partner, day);
    },
    exchangeRate: (from, to, day, maxAgeDays) => rateOn(ratesInForce(rates, from, to), day, maxAgeDays),
    exchangeAverage: (from, to, fromDay, untilDay) => averageOf(ratesInForce(rates, from, to), fromDay, untilDay),
  };
}

// ── Quotas and closings ─────────────────────────────────────────────────────────────────────────────────────────────

/** `quotas.csv`: what a payee is to reach in a whole window, from a day on. */
export function readQuotas(text: string, plan: string): readonly Quota[] {
  const { file, rows } = readCsv('quotas.csv', text, {
    required: ['payee', 'component', 'amount'],
    optional: ['from', 'until', 'revision'],
  });
  const known = new Map<string, Map<string, Quota>>();
  eachRow(file, rows, (row, fault) => {
    const [payee = '', component = '', amount = ''] = ['payee', 'component', 'amount'].map((name) => row.cell(name));
    if (payee === '') fault('payee', 'is empty');
    const quota = normalQuota({
      ...{ payee, plan, component, amount },
      from: row.cell('from') || FROM_THE_BEGINNING,
      ...untilOf(row.cell('until') || undefined),
      revision: revisionIn(row, fault) ?? 0,
    });
    const ofPayee = known.get(payee) ?? new Map<string, Quota>();
    recordQuota(quota, FROM_THE_BEGINNING, ofPayee);
    known.set(payee, ofPayee.set(identityOfQuota(quota), quota));
  });
  return [...known.values()].flatMap((ofPayee) => [...ofPayee.values()]);
}

/** `closings.csv`: periods that are closed, in order: of these, guarantee and draw are settled, by the plan in force when each starts. */
export function readClosings(text: string, versions: readonly PlanVersion[]): PayeeTerms['closedPeriods'] {
  const { file, rows } = readCsv('closings.csv', text, { required: ['period'] });
  const settled: { period: string; planHash: string; start: string }[] = [];
  eachRow(file, rows, (row, fault) => {
    const period = row.cell('period');
    const closed = closedPeriod(period, versions);
    if (closed === undefined) return fault('period', `no version of the plan has a period ${JSON.stringify(period)}`);
    const last = settled.at(-1);
    if (last !== undefined && last.start >= closed.start) fault('period', `does not come after ${last.period}`);
    settled.push({ period, ...closed });
  });
  return settled.map(({ period, planHash }) => ({ period, planHash }));
}

function closedPeriod(
  period: string,
  versions: readonly PlanVersion[],
): { planHash: string; start: string } | undefined {
  let found: { planHash: string; start: string } | undefined;
  for (const { effectiveFrom, plan } of versions) {
    const start = startOf(period, plan);
    if (start !== undefined && effectiveFrom <= start) found = { planHash: plan.hash, start };
  }
  return found;
}

function startOf(period: string, { calendar }: PlanVersion['plan']): string | undefined {
  try {
    // A quarter of a calendar of months has a first day too, but is no period of it.
    return lastPeriodOfWindow(calendar, period) === period ? windowStartDay(calendar, period) : undefined;
  } catch (error) {
    if (error instanceof TimeError) return undefined;
    throw error;
  }
}

/** By payee. */
export type ReachedTiers = ReadonlyMap<string, PayeeTerms['reachedTiers']>;

/** `reached.csv`: the tier, from 1, that a measurement had reached when its window was closed: a lagged rate goes by it. */
export function readReached(text: string, { calendar, components }: PlanVersion['plan']): ReachedTiers {
  const { file, rows } = readCsv('reached.csv', text, { required: ['payee', 'component', 'window', 'tier'] });
  const reached = new Map<string, Record<string, number>>();
  eachRow(file, rows, (row, fault) => {
    const [payee = '', component = '', window = '', tier = ''] = ['payee', 'component', 'window', 'tier'].map((name) =>
      row.cell(name),
    );
    const rate = components.find(({ id }) => id === component)?.rate;
    if (payee === '') fault('payee', 'is empty');
    if (rate?.kind !== 'lagged' || !rate.frozen)
      return fault('component', `${JSON.stringify(component)} is no component with a lagged rate that is frozen`);
    if (!isWindow(calendar, window))
      fault('window', `${JSON.stringify(window)} is no window, such as 2026-01 or 2026-Q1`);
    if (!/^[1-9][0-9]{0,3}$/.test(tier) || Number(tier) > rate.tiers.length)
      fault('tier', `${JSON.stringify(tier)} is no tier from 1 to ${rate.tiers.length}`);
    const ofPayee = reached.get(payee) ?? {};
    reached.set(payee, { ...ofPayee, [`${component} ${window}`]: Number(tier) - 1 });
  });
  return reached;
}

function isWindow(calendar: PlanVersion['plan']['calendar'], window: string): boolean {
  try {
    return windowStartDay(calendar, window) !== '';
  } catch (error) {
    if (error instanceof TimeError) return false;
    throw error;
  }
}

/** What is known of a payee besides its lines. */
export function accountOf(
  payee: string,
  partners: ReadonlyMap<string, Partner>,
  quotas: readonly Quota[],
  settled: PayeeTerms['closedPeriods'],
  reached: ReachedTiers,
): PayeeTerms {
  const agreements: readonly Agreement[] = (partners.get(payee)?.agreements ?? []).map(({ from, until }) => ({
    from,
    ...untilOf(until),
  }));
  return {
    agreements,
    quotas: quotasInForce(quotas.filter((quota) => quota.payee === payee)),
    closedPeriods: settled,
    reachedTiers: reached.get(payee) ?? {},
  };
}
