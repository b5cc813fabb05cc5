/**
 * A golden case: a plan, deals, and what they earn, as files that a finance person writes. Read, calculated and compared; the
 * files are texts by name here, whoever calls this has them from a folder or from a page of the documentation.
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
import { isDay } from '@tantieme/time/day';
import { formatMinor } from '@tantieme/money/amount';
import { CaseInvalid } from './csv-rows.js';
import type { CaseFault } from './csv-rows.js';
import { readDeals, SOURCE } from './deals.js';
import {
  accountOf,
  FROM_THE_BEGINNING,
  lookupOf,
  plainPartners,
  readClosings,
  readExchangeRates,
  readPartners,
  readQuotas,
  readReached,
} from './references.js';
import type { ReachedTiers } from './references.js';

/** Files of a case by name. */
export type CaseFiles = ReadonlyMap<string, string>;

/** Names that a case may have files of; everything else in its folder is left alone. */
export const CASE_FILE =
  /^(?:plan(?:@[0-9-]+)?\.(?:yaml|json)|(?:deals|lines|pending|partners|exchange-rates|quotas|closings|reached)\.csv)$/;

const PLAN_FILE = /^plan(?:@([0-9-]+))?\.(?:yaml|json)$/;

/** What a case gives, as rows of its files: every line that is earned, and every deal that is pending. */
export interface Answer {
  readonly currency: string;
  /** Of the currency. */
  readonly decimals: number;
  /** By payee, then period, then the canonical order of lines; what is of no single deal comes last in its period. */
  readonly lines: readonly LineRow[];
  /** By deal. */
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

/** A row of `pending.csv`: a deal, or a part of it, that earns nothing, and why. */
export type PendingRow = Readonly<Record<(typeof PENDING_COLUMNS)[number], string>>;

/** @throws {CaseInvalid} with file, row, column and reason */
export function answerOf(files: CaseFiles): Answer {
  const versions = readVersions(files);
  const newest = versions.at(-1)?.plan;
  if (newest === undefined) throw new CaseInvalid([{ file: 'plan.yaml', reason: 'is missing' }]);
  try {
    const facts = factsOf(files, versions, newest);
    const calculated = calculate(facts);
    return {
      currency: newest.currency,
      decimals: newest.decimals,
      lines: calculated.lines.toSorted(compareForReading).map((line) => rowOf(line, newest.decimals)),
      pending: pendingRows(calculated, facts.deals),
    };
  } catch (error) {
    if (error instanceof EngineError) throw new CaseInvalid([{ file: 'deals.csv', reason: error.message }]);
    throw error;
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
      const effectiveFrom = named[1] ?? FROM_THE_BEGINNING;
      if (!isDay(effectiveFrom))
        faults.push({ file, reason: `${effectiveFrom} is no day, such as plan@2026-03-01.yaml` });
      return plan === undefined ? [] : [{ effectiveFrom, plan }];
    })
    .sort((left, right) => compareText(left.effectiveFrom, right.effectiveFrom));
  for (const { plan } of versions)
    for (const field of ['id', 'currency'] as const)
      if (plan[field] !== versions[0]?.plan[field])
        faults.push({ file: plan.hash, reason: `is of another ${field === 'id' ? 'plan' : field}: ${plan[field]}` });
  versions.forEach(({ effectiveFrom, plan }, index) => {
    if (versions[index - 1]?.effectiveFrom === effectiveFrom)
      faults.push({ file: plan.hash, reason: `another version is in force from ${effectiveFrom}` });
  });
  if (faults.length > 0) throw new CaseInvalid(faults);
  return versions;
}

function factsOf(files: CaseFiles, versions: readonly PlanVersion[], newest: PlanVersion['plan']): Facts {
  const { id, currency, calendar } = newest;
  const read = <Value>(file: string, otherwise: Value, reader: (text: string) => Value): Value => {
    const text = files.get(file);
    return text === undefined ? otherwise : reader(text);
  };
  const dealsText = files.get('deals.csv');
  if (dealsText === undefined) throw new CaseInvalid([{ file: 'deals.csv', reason: 'is missing' }]);
  const { deals, partners: named } = readDeals(dealsText, { currency, timeZone: calendar.timeZone });
  const partners = read('partners.csv', plainPartners(named, id), (text) => readPartners(text, id));
  const rates = read('exchange-rates.csv', [], readExchangeRates);
  const quotas = read('quotas.csv', [], (text) => readQuotas(text, id));
  const settled = read('closings.csv', [], (text) => readClosings(text, versions));
  const reached = read<ReachedTiers>('reached.csv', new Map(), (text) => readReached(text, newest));
  const payeeTermsOf = (payee: string) => accountOf(payee, partners, quotas, settled, reached);
  const agreed = [...partners.values()].filter(({ agreements }) => agreements.some(({ plan }) => plan === id));
  return {
    deals,
    versions,
    lookup: lookupOf(partners, rates),
    payeeTermsOf,
    payees: agreed.map((partner) => partner.id),
  };
}

function compareForReading(left: CalculatedLine, right: CalculatedLine): number {
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
    ...{ payee, period, deal: idOf(deal), component, amount },
    line: line.line,
    occurrence: line.occurrence,
    kind: kindOf(line),
    of: aboutOf(line),
    basis: line.basis,
  };
}

/** Without the source, which is one and the same. */
function idOf(deal: string): string {
  return deal.slice(SOURCE.length + 1);
}

function kindOf({ reverses, reserves, releases }: CreditLine): string {
  if (reserves === true) return 'held';
  if (releases !== undefined) return 'released';
  return reverses === undefined ? 'earned' : 'returned';
}

/** What the line is about, where that is not plain: a month of service, whose earning, which occurrence it takes back or releases. */
function aboutOf({ month, child, reverses, releases }: CreditLine): string {
  const occurrence = reverses?.occurrence ?? releases?.occurrence;
  return [
    ...(month === undefined ? [] : [`month ${month}`]),
    ...(child === undefined ? [] : [`${child.component} of ${child.payee}`]),
    ...(occurrence === undefined ? [] : [occurrence]),
  ].join(', ');
}

/** Also what the engine does not speak of: a quota that is missing, and a deal of which nothing is credited to anybody. */
function pendingRows({ lines, pending }: Calculated, deals: Facts['deals']): readonly PendingRow[] {
  const rows: PendingRow[] = pending.map(({ deal, ...why }) => ({ deal: idOf(deal), ...why }));
  const spoken = new Set([...pending, ...lines].map(({ deal }) => deal));
  for (const deal of deals)
    if (!spoken.has(dealKey(deal)))
      rows.push({ deal: deal.id, code: 'NotCredited', subject: '', message: 'no component credits anybody for it' });
  for (const { deal, payee, component, line, trace } of lines) {
    const { rate, target } = { target: '', ...trace() };
    if (rate !== 'barred' || target !== 'quota' || typeof line === 'string') continue;
    const message = `${payee} has no quota for ${component} in ${line.window}`;
    rows.push({ deal: idOf(deal), code: 'QuotaMissing', subject: `quota:${payee}`, message });
  }
  const unique = new Map(rows.map((row) => [JSON.stringify(row), row]));
  return [...unique.values()].sort(
    (left, right) =>
      compareText(left.deal, right.deal) ||
      compareText(left.code, right.code) ||
      compareText(left.subject, right.subject),
  );
}
