/**
 * The reference files of a golden case: partners, exchange rates, quotas, closed periods, and tiers reached earlier.
 * They follow the same rules as the facts of commission-calculation.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { oneOf } from '@tantieme/contracts/suggest';
import { lastPeriodOfWindow, windowStartDay } from '@tantieme/time/calendar/periods';
import type { PayeeTerms } from '@tantieme/commission-engine/earn/payee-terms';
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

/** The day from which rows without a day apply. */
export const DEFAULT_FROM = '2000-01-01';

type ReportFault = (column: string, reason: string) => void;

/**
 * Reads all rows, with a function that reports a fault in the row.
 * @throws {CaseInvalid} with the faults of all rows
 */
function eachRow(file: string, rows: readonly CsvRow[], read: (row: CsvRow, fault: ReportFault) => void): void {
  const faults: CaseFault[] = [];
  for (const row of rows) {
    const fault: ReportFault = (column, reason) => faults.push({ file, row: row.row, column, reason });
    try {
      read(row, fault);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      if (error.fields.length === 0) faults.push({ file, row: row.row, reason: error.message });
      for (const { field, reason } of error.fields) fault(field, reason);
    }
  }
  if (faults.length > 0) throw new CaseInvalid(faults);
}

function dayIn(row: CsvRow, column: string, fault: ReportFault): string | undefined {
  const text = row.cell(column);
  if (text === '') return undefined;
  if (!isDay(text)) fault(column, `${JSON.stringify(text)} is not ${DAY_DESCRIPTION}`);
  return text;
}

// ── Partners ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The partners of a case without `partners.csv`: each has an agreement to the plan from `DEFAULT_FROM` on. */
export function defaultPartners(ids: readonly string[], plan: string): ReadonlyMap<string, Partner> {
  return new Map(ids.map((id) => [id, { ...newPartner(id), agreements: [agreementFrom(plan, DEFAULT_FROM)] }]));
}

function newPartner(id: string): Partner {
  return { id, name: id, channel: 'direct', country: '', tiers: [], uplines: [], agreements: [] };
}

function agreementFrom(plan: string, from: string, until?: string): Partner['agreements'][number] {
  return omitUndefined({ id: from, plan, from, until });
}

/**
 * `partners.csv`: each row applies from a day on. If the file has a column `plan`, only rows that name the plan are
 * agreements; otherwise every partner has an agreement from `DEFAULT_FROM` on.
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
      agreements: columns.includes('plan') ? [] : [agreementFrom(plan, DEFAULT_FROM)],
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

function partnerWith(partner: Partner, row: CsvRow, plan: string, fault: ReportFault): Partner {
  const from = dayIn(row, 'from', fault) ?? DEFAULT_FROM;
  const until = dayIn(row, 'until', fault);
  const [channel, tier, upline, certification, agreedPlan] = ['channel', 'tier', 'upline', 'certification', 'plan'].map(
    (column) => row.cell(column),
  );
  if (until !== undefined && until <= from)
    fault('until', 'must be after from: it is the first day on which the row no longer applies');
  if (until !== undefined && !agreedPlan && !certification)
    fault('until', 'needs a plan or certification in its row; a tier or upline ends when the next one begins');
  if (agreedPlan && agreedPlan !== plan)
    fault('plan', `${JSON.stringify(agreedPlan)} is not the plan of this case, ${plan}`);
  const channelType = CHANNEL_TYPES.find((type) => type === channel);
  if (channel && channelType === undefined) fault('channel', `must be ${oneOf(CHANNEL_TYPES, channel)}`);
  const count = row.cell('count');
  if (count !== '' && !/^[1-9][0-9]{0,5}$/.test(count))
    fault('count', `${JSON.stringify(count)} is not a whole number from 1 to 999999`);
  const certificate = omitUndefined({
    id: String(row.row),
    certification: certification ?? '',
    from,
    until,
    count: count === '' ? undefined : Number(count),
  });
  return omitUndefined({
    ...partner,
    channel: channelType ?? partner.channel,
    country: row.cell('country') || partner.country,
    tiers: tier ? [...partner.tiers, { from, value: tier }] : partner.tiers,
    uplines: upline ? [...partner.uplines, { from, value: upline === 'none' ? null : upline }] : partner.uplines,
    agreements: agreedPlan ? [...partner.agreements, agreementFrom(plan, from, until)] : partner.agreements,
    certifications: certification ? [...(partner.certifications ?? []), certificate] : partner.certifications,
  });
}

// ── Exchange rates ──────────────────────────────────────────────────────────────────────────────────────────────────

/** `exchange-rates.csv`: one unit of `base` costs `rate` units of `quote`, published on `date`. */
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
    const source = row.cell('source') || 'case';
    const exchangeRate = normalExchangeRate(omitUndefined({ base, quote, date, rate, source, revision }));
    const pair = [base, quote].sort().join('/');
    const ofPair = known.get(pair) ?? new Map<string, ExchangeRate>();
    recordExchangeRate(exchangeRate, DEFAULT_FROM, ofPair);
    known.set(pair, ofPair.set(identityOfRate(exchangeRate), exchangeRate));
  });
  return [...known.values()].flatMap((ofPair) => [...ofPair.values()]);
}

function revisionIn(row: CsvRow, fault: ReportFault): number | undefined {
  const text = row.cell('revision');
  if (text === '') return undefined;
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) fault('revision', `${JSON.stringify(text)} is not a whole number from 0`);
  return Number(text);
}

/** Partners and exchange rates, as crediting looks them up. */
export function creditLookup(partners: ReadonlyMap<string, Partner>, rates: readonly ExchangeRate[]): CreditLookup {
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

/** `quotas.csv`: the quota of a payee for a whole window, from a day on. */
export function readQuotas(text: string, plan: string): readonly Quota[] {
  const { file, rows } = readCsv('quotas.csv', text, {
    required: ['payee', 'component', 'amount'],
    optional: ['from', 'until', 'revision'],
  });
  const known = new Map<string, Map<string, Quota>>();
  eachRow(file, rows, (row, fault) => {
    const [payee = '', component = '', amount = ''] = ['payee', 'component', 'amount'].map((name) => row.cell(name));
    if (payee === '') fault('payee', 'is empty');
    const quota = normalQuota(
      omitUndefined({
        payee,
        plan,
        component,
        amount,
        from: row.cell('from') || DEFAULT_FROM,
        until: row.cell('until') || undefined,
        revision: revisionIn(row, fault) ?? 0,
      }),
    );
    const ofPayee = known.get(payee) ?? new Map<string, Quota>();
    recordQuota(quota, DEFAULT_FROM, ofPayee);
    known.set(payee, ofPayee.set(identityOfQuota(quota), quota));
  });
  return [...known.values()].flatMap((ofPayee) => [...ofPayee.values()]);
}

/**
 * `closings.csv`: the closed periods, in order. Guarantees and draws are calculated for these, under the plan version
 * in force on the first day of each.
 */
export function readClosings(text: string, versions: readonly PlanVersion[]): PayeeTerms['closedPeriods'] {
  const { file, rows } = readCsv('closings.csv', text, { required: ['period'] });
  const closedPeriods: { period: string; planVersion: string; start: string }[] = [];
  eachRow(file, rows, (row, fault) => {
    const period = row.cell('period');
    const closed = closedPeriod(period, versions);
    if (closed === undefined)
      return fault('period', `${JSON.stringify(period)} is not a period of any plan version in force`);
    const last = closedPeriods.at(-1);
    if (last !== undefined && last.start >= closed.start)
      fault('period', `must be after ${last.period}, the period in the row above`);
    closedPeriods.push({ period, ...closed });
  });
  return closedPeriods.map(({ period, planVersion }) => ({ period, planVersion }));
}

function closedPeriod(
  period: string,
  versions: readonly PlanVersion[],
): { planVersion: string; start: string } | undefined {
  let found: { planVersion: string; start: string } | undefined;
  for (const { effectiveFrom, plan } of versions) {
    const start = startOf(period, plan);
    if (start !== undefined && effectiveFrom <= start) found = { planVersion: plan.version, start };
  }
  return found;
}

function startOf(period: string, { calendar }: PlanVersion['plan']): string | undefined {
  try {
    // In a calendar of months, a quarter is a window but not a period.
    return lastPeriodOfWindow(calendar, period) === period ? windowStartDay(calendar, period) : undefined;
  } catch (error) {
    if (error instanceof TimeError) return undefined;
    throw error;
  }
}

/** Reached tiers by payee, counted from 0. */
export type ReachedTiers = ReadonlyMap<string, PayeeTerms['reachedTiers']>;

/** `reached.csv`: the tier (from 1) that a measurement had reached when its window closed; lagged rates use it. */
export function readReachedTiers(text: string, { calendar, components }: PlanVersion['plan']): ReachedTiers {
  const { file, rows } = readCsv('reached.csv', text, { required: ['payee', 'component', 'window', 'tier'] });
  const reachedTiers = new Map<string, Record<string, number>>();
  eachRow(file, rows, (row, fault) => {
    const [payee = '', component = '', window = '', tier = ''] = ['payee', 'component', 'window', 'tier'].map((name) =>
      row.cell(name),
    );
    const rate = components.find(({ id }) => id === component)?.rate;
    if (payee === '') fault('payee', 'is empty');
    if (rate?.kind !== 'lagged' || !rate.frozen)
      return fault('component', `${JSON.stringify(component)} is not a component with a frozen lagged rate`);
    if (!isWindow(calendar, window))
      fault('window', `${JSON.stringify(window)} is not a window of the calendar, such as 2026-01 or 2026-Q1`);
    if (!/^[1-9][0-9]{0,3}$/.test(tier) || Number(tier) > rate.tiers.length)
      fault('tier', `${JSON.stringify(tier)} is not a tier from 1 to ${rate.tiers.length}`);
    const ofPayee = reachedTiers.get(payee) ?? {};
    reachedTiers.set(payee, { ...ofPayee, [`${component} ${window}`]: Number(tier) - 1 });
  });
  return reachedTiers;
}

function isWindow(calendar: PlanVersion['plan']['calendar'], window: string): boolean {
  try {
    return windowStartDay(calendar, window) !== '';
  } catch (error) {
    if (error instanceof TimeError) return false;
    throw error;
  }
}

/** Everything in the reference files that payee terms depend on. */
export interface PayeeReferences {
  readonly partners: ReadonlyMap<string, Partner>;
  readonly quotas: readonly Quota[];
  readonly closedPeriods: PayeeTerms['closedPeriods'];
  readonly reachedTiers: ReachedTiers;
}

/** The terms of a payee under the plan of the case. */
export function payeeTerms(
  payee: string,
  { partners, quotas, closedPeriods, reachedTiers }: PayeeReferences,
): PayeeTerms {
  return {
    agreements: (partners.get(payee)?.agreements ?? []).map(({ from, until }) => omitUndefined({ from, until })),
    quotas: quotasInForce(quotas.filter((quota) => quota.payee === payee)),
    closedPeriods,
    reachedTiers: reachedTiers.get(payee) ?? {},
  };
}
