/**
 * A golden case: a plan, its deals and the lines they must earn, in files that a finance person writes
 * (`libs/commission-engine/golden/README.md`). This module calculates a case from the texts of its files, which come
 * from a folder or from a documentation page.
 */
import { calculate } from '@tantieme/commission-engine/earn/calculate';
import type { Calculated, CalculatedLine, Facts } from '@tantieme/commission-engine/earn/calculate';
import { lineKey } from '@tantieme/commission-engine/credit/credit-line';
import type { CreditLine } from '@tantieme/commission-engine/credit/credit-line';
import { dealKey } from '@tantieme/commission-engine/deal/deal';
import { EngineError } from '@tantieme/commission-engine/engine-error';
import { parsePlan } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { PlanVersion } from '@tantieme/commission-engine/plan/history';
import { compareText } from '@tantieme/contracts/compare-text';
import { DAY_DESCRIPTION, isDay } from '@tantieme/time/day';
import { formatMinor } from '@tantieme/money/amount';
import { CaseInvalid } from './csv-rows.js';
import type { CaseFault } from './csv-rows.js';
import { readDeals, SOURCE } from './deals.js';
import {
  creditLookup,
  defaultPartners,
  DEFAULT_FROM,
  payeeTerms,
  readClosings,
  readExchangeRates,
  readPartners,
  readQuotas,
  readReachedTiers,
} from './references.js';
import type { ReachedTiers } from './references.js';

/** Texts of the files of a case, by file name. */
export type CaseFiles = ReadonlyMap<string, string>;

/** Names of the files of a case; other files in its folder are ignored. */
export const CASE_FILE =
  /^(?:plan(?:@[0-9-]+)?\.(?:yaml|json)|(?:deals|lines|pending|partners|exchange-rates|quotas|closings|reached)\.csv)$/;

const PLAN_FILE = /^plan(?:@([0-9-]+))?\.(?:yaml|json)$/;

/** The calculated result: every line, and every deal that is pending, as rows of `lines.csv` and `pending.csv`. */
export interface CaseResult {
  readonly currency: string;
  /** Decimals of the currency. */
  readonly decimals: number;
  /** By payee, period, and the canonical order of lines; lines without a deal come last in their period. */
  readonly lines: readonly LineRow[];
  /** In order of deal, code and subject. */
  readonly pending: readonly PendingRow[];
}

export const LINE_COLUMNS = [
  'payee',
  'period',
  'deal',
  'line',
  'component',
  'occurrence',
  'kind',
  'of',
  'basis',
  'amount',
] as const;

/** A row of `lines.csv`. Amounts are decimal text in the plan's currency. */
export type LineRow = Readonly<Record<(typeof LINE_COLUMNS)[number], string>>;

export const PENDING_COLUMNS = ['deal', 'code', 'subject', 'message'] as const;

/** A row of `pending.csv`: a deal, or part of one, that earns nothing, and why. */
export type PendingRow = Readonly<Record<(typeof PENDING_COLUMNS)[number], string>>;

/** @throws {CaseInvalid} with file, row, column and reason of every fault */
export function calculateCase(files: CaseFiles): CaseResult {
  const versions = readVersions(files);
  const newest = versions.at(-1)?.plan;
  if (newest === undefined)
    throw new CaseInvalid([{ file: 'plan.yaml', reason: 'is missing; write the plan into it' }]);
  try {
    const facts = factsOf(files, versions, newest);
    const calculated = calculate(facts);
    return {
      currency: newest.currency,
      decimals: newest.decimals,
      lines: calculated.lines.toSorted(compareLines).map((line) => rowOf(line, newest.decimals)),
      pending: pendingRows(calculated, facts.deals),
    };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // A faulty plan was refused when it was read, and a faulty deal is pending: this concerns the case as a whole.
    throw new CaseInvalid([{ reason: error.message }]);
  }
}

function readVersions(files: CaseFiles): readonly PlanVersion[] {
  const faults: CaseFault[] = [];
  const versions = [...files]
    .flatMap(([file, text]) => {
      const named = PLAN_FILE.exec(file);
      if (named === null) return [];
      const { plan, findings } = parsePlan(text, file);
      for (const { severity, line, column, path, message } of findings)
        if (severity === 'error')
          faults.push({ file: `${file}:${line}:${column}`, reason: `${path || '/'}: ${message}` });
      const effectiveFrom = named[1] ?? DEFAULT_FROM;
      if (!isDay(effectiveFrom))
        faults.push({ file, reason: `${effectiveFrom} is not ${DAY_DESCRIPTION}, as in plan@2026-03-01.yaml` });
      return plan === undefined ? [] : [{ file, effectiveFrom, plan }];
    })
    .sort((left, right) => compareText(left.effectiveFrom, right.effectiveFrom));
  const [first] = versions;
  versions.forEach(({ file, effectiveFrom, plan }, index) => {
    if (first === undefined) return;
    if (plan.id !== first.plan.id)
      faults.push({ file, reason: `has the plan id ${plan.id}, but ${first.file} has ${first.plan.id}` });
    if (plan.currency !== first.plan.currency)
      faults.push({ file, reason: `has the currency ${plan.currency}, but ${first.file} has ${first.plan.currency}` });
    const before = versions[index - 1];
    if (before?.effectiveFrom === effectiveFrom)
      faults.push({ file, reason: `applies from ${effectiveFrom}, as ${before.file} does; name another day` });
  });
  if (faults.length > 0) throw new CaseInvalid(faults);
  return versions;
}

function factsOf(files: CaseFiles, versions: readonly PlanVersion[], newest: PlanVersion['plan']): Facts {
  const { id, currency, calendar } = newest;
  const readOptional = <Value>(file: string, otherwise: Value, reader: (text: string) => Value): Value => {
    const text = files.get(file);
    return text === undefined ? otherwise : reader(text);
  };
  const dealsText = files.get('deals.csv');
  if (dealsText === undefined)
    throw new CaseInvalid([{ file: 'deals.csv', reason: 'is missing; write the deals into it' }]);
  const { deals, partners: partnerIds } = readDeals(dealsText, { currency, timeZone: calendar.timeZone });
  const partners = readOptional('partners.csv', defaultPartners(partnerIds, id), (text) => readPartners(text, id));
  const rates = readOptional('exchange-rates.csv', [], readExchangeRates);
  const quotas = readOptional('quotas.csv', [], (text) => readQuotas(text, id));
  const closedPeriods = readOptional('closings.csv', [], (text) => readClosings(text, versions));
  const reachedTiers = readOptional<ReachedTiers>('reached.csv', new Map(), (text) => readReachedTiers(text, newest));
  const payeeTermsOf = (payee: string) => payeeTerms(payee, { partners, quotas, closedPeriods, reachedTiers });
  const payees = [...partners.values()].filter(({ agreements }) => agreements.some(({ plan }) => plan === id));
  return {
    deals,
    versions,
    lookup: creditLookup(partners, rates),
    payeeTermsOf,
    payees: payees.map((partner) => partner.id),
  };
}

function compareLines(left: CalculatedLine, right: CalculatedLine): number {
  return compareText(left.payee, right.payee) || compareText(left.period, right.period) || compareInPeriod(left, right);
}

function compareInPeriod(left: CalculatedLine, right: CalculatedLine): number {
  if (typeof left.line === 'string' || typeof right.line === 'string')
    return Number(typeof left.line === 'string') - Number(typeof right.line === 'string');
  return (
    compareText(left.line.at, right.line.at) ||
    compareText(left.deal, right.deal) ||
    compareText(lineKey(left.line), lineKey(right.line))
  );
}

function rowOf({ payee, deal, component, line, period, amountMinor }: CalculatedLine, decimals: number): LineRow {
  const amount = formatMinor(amountMinor, decimals);
  if (typeof line === 'string')
    return { payee, period, deal: '', line: '', component, occurrence: '', kind: line, of: '', basis: '', amount };
  return {
    ...{ payee, period, deal: dealIdOf(deal), component, amount },
    line: line.line,
    occurrence: line.occurrence,
    kind: kindOf(line),
    of: detailsOf(line),
    basis: line.basis,
  };
}

/** The deal's id without its source, which is the same for all deals of a case. */
function dealIdOf(deal: string): string {
  return deal.slice(SOURCE.length + 1);
}

function kindOf({ reverses, reserves, releases }: CreditLine): string {
  if (reserves === true) return 'held';
  if (releases !== undefined) return 'released';
  return reverses === undefined ? 'earned' : 'returned';
}

/**
 * Column `of`: the month of a subscription, the component and payee that an override is based on, the occurrence taken
 * back or released.
 */
function detailsOf({ month, child, reverses, releases }: CreditLine): string {
  const occurrence = reverses?.occurrence ?? releases?.occurrence;
  return [
    ...(month === undefined ? [] : [`month ${month}`]),
    ...(child === undefined ? [] : [`${child.component} of ${child.payee}`]),
    ...(occurrence === undefined ? [] : [occurrence]),
  ].join(', ');
}

/** Deals that the engine reports as pending, plus two cases that it does not: missing quotas, and deals that no component
 * credits. */
function pendingRows({ lines, pending }: Calculated, deals: Facts['deals']): readonly PendingRow[] {
  const rows: PendingRow[] = pending.map(({ deal, ...why }) => ({ deal: dealIdOf(deal), ...why }));
  const listed = new Set([...pending, ...lines].map(({ deal }) => deal));
  for (const deal of deals)
    if (!listed.has(dealKey(deal)))
      rows.push({
        deal: deal.id,
        code: 'NotCredited',
        subject: '',
        message: 'no component credits anybody for the deal',
      });
  for (const { deal, payee, component, line, trace } of lines) {
    const { rate, target } = { target: '', ...trace() };
    if (rate !== 'barred' || target !== 'quota' || typeof line === 'string') continue;
    const message = `${payee} has no quota for ${component} in ${line.window}`;
    rows.push({ deal: dealIdOf(deal), code: 'QuotaMissing', subject: `quota:${payee}`, message });
  }
  const unique = new Map(rows.map((row) => [JSON.stringify(row), row]));
  return [...unique.values()].sort(
    (left, right) =>
      compareText(left.deal, right.deal) ||
      compareText(left.code, right.code) ||
      compareText(left.subject, right.subject),
  );
}
