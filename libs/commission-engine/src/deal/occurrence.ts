/**
 * The occurrences of a deal under a trigger: which part of which line each of them is about, and how much of each part
 * was returned.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { decimalsOf, isCurrency } from '@tantieme/money/currency';
import { addRates, decimalFault, formatRate, parseDecimal } from '@tantieme/money/decimal';
import { MoneyError } from '@tantieme/money/money-error';
import { divideRounded } from '@tantieme/money/rounding';
import type { Deal, DealLine, DealTerms, Trigger } from './deal.js';
import { TimeError } from '@tantieme/time/time-error';
import { parseInstant } from '@tantieme/time/instant';

/**
 * Largest amount of a deal, in minor units, and largest quantity. Anything larger is a broken import, and products with
 * a rate stay well within the 38 digits that are read back from storage.
 */
export const DEAL_AMOUNT_MINOR_MAX = 10n ** 24n;
export const QUANTITY_MAX = 10n ** 9n;

export interface Occurrence {
  /** `booked`, `changed:<id>`, `invoice:<id>`, `payment:<id>`, `sold-through:<id>` */
  readonly name: string;
  readonly atMs: number;
}

/** What one return or cancellation takes from one part. */
export interface ReturnedPart {
  /** `return:<id>` or `cancelled` */
  readonly name: string;
  readonly atMs: number;
  /** Net amount returned, as a magnitude. */
  readonly netMinor: bigint;
  /** True where it takes all that remained. A part worth nothing can only be returned as a whole. */
  readonly takesRemainder: boolean;
}

/** The part of a deal's line that an occurrence is about. Amounts are in minor units of the deal's currency. */
export interface LinePart {
  readonly occurrence: Occurrence;
  readonly line: DealLine;
  readonly netMinor: bigint;
  readonly grossMinor: bigint | undefined;
  readonly costMinor: bigint | undefined;
  /** In order of time. */
  readonly returned: readonly ReturnedPart[];
}

/** What is wrong with the deal's own data. */
export interface DealFault {
  readonly code: 'TermsMissing' | 'TermsInvalid';
  readonly message: string;
}

export interface TriggeredParts {
  /** In order of time, then occurrence, then line. */
  readonly parts: readonly LinePart[];
  readonly faults: readonly DealFault[];
}

interface OpenPart extends LinePart {
  readonly returned: ReturnedPart[];
  remainingMinor: bigint;
}

/**
 * The deal's parts under a trigger.
 *
 * - An invoice without lines covers all lines that no earlier invoice names. Only the first sell-through counts. So no
 *   line is paid twice.
 * - A payment includes tax. It covers the same share of every line as it is of the deal's gross total, cumulatively, so
 *   that the parts sum to the line. Overpayments are ignored.
 * - A return is taken from the parts of its line, earliest first, including parts that occur after the return: an
 *   instalment for a line that was already returned earns nothing in the end.
 * - A cancellation takes all that remains.
 */
export function triggeredParts(deal: Deal, terms: DealTerms, trigger: Trigger): TriggeredParts {
  const faults: DealFault[] = [];
  const parts: OpenPart[] = [];
  try {
    const { currency } = terms;
    if (!isCurrency(currency)) {
      const message = `currency "${terms.currency}" is not an ISO 4217 code`;
      return { parts, faults: [{ code: 'TermsInvalid', message }] };
    }
    const decimals = decimalsOf(currency);
    parts.push(...partsOf(deal, terms, trigger, decimals));
    applyReturns(deal, terms, parts, decimals, faults);
  } catch (fault) {
    if (!(fault instanceof MoneyError) && !(fault instanceof TimeError)) throw fault;
    return { parts: [], faults: [{ code: 'TermsInvalid', message: fault.message }] };
  }
  return { parts, faults };
}

function byTime<Fact extends { readonly id: string; readonly at: string }>(
  facts: readonly Fact[],
): { fact: Fact; atMs: number }[] {
  return facts
    .map((fact) => ({ fact, atMs: parseInstant(fact.at) }))
    .sort((left, right) => left.atMs - right.atMs || compareText(left.fact.id, right.fact.id));
}

function partsOf(deal: Deal, terms: DealTerms, trigger: Trigger, decimals: number): OpenPart[] {
  switch (trigger) {
    case 'booked': {
      if (deal.bookedAt === undefined) return [];
      const occurrence = { name: 'booked', atMs: parseInstant(deal.bookedAt) };
      return [
        ...terms.lines.map((line) => partOf(occurrence, line, decimals)),
        ...changedParts(deal, terms, occurrence.atMs, decimals),
      ];
    }
    case 'invoiced': {
      const invoiced = new Set<string>();
      return byTime(deal.invoices).flatMap(({ fact, atMs }) => {
        const occurrence = { name: `invoice:${fact.id}`, atMs };
        const lines = fact.lines ?? terms.lines.filter(({ id }) => !invoiced.has(id));
        for (const { id } of lines) invoiced.add(id);
        return lines.map((line) => partOf(occurrence, line, decimals));
      });
    }
    case 'sold-through': {
      const first = byTime(deal.soldThrough)[0];
      if (first === undefined) return [];
      const occurrence = { name: `sold-through:${first.fact.id}`, atMs: first.atMs };
      return terms.lines.map((line) => partOf(occurrence, line, decimals));
    }
    case 'paid':
      return instalments(deal, terms, decimals);
    default:
      return trigger satisfies never;
  }
}

/** What each change adds to or takes from each line, at the change's date but not before the deal's. */
function changedParts(deal: Deal, terms: DealTerms, fromMs: number, decimals: number): OpenPart[] {
  let before = new Map(terms.lines.map((line) => [line.id, line]));
  return byTime(deal.changes ?? []).flatMap(({ fact, atMs }) => {
    const occurrence = { name: `changed:${fact.id}`, atMs: Math.max(atMs, fromMs) };
    const now = new Map(fact.lines.map((line) => [line.id, line]));
    const parts = [...new Set([...before.keys(), ...now.keys()])].flatMap((id) => {
      const [previous, current] = [before.get(id), now.get(id)];
      const line = current ?? previous;
      if (line === undefined) return [];
      const [was, is] = [previous, current].map((one) =>
        one === undefined ? undefined : partOf(occurrence, one, decimals),
      );
      const difference = (a: bigint | undefined, b: bigint | undefined) =>
        a === undefined && b === undefined ? undefined : (a ?? 0n) - (b ?? 0n);
      const netMinor = (is?.netMinor ?? 0n) - (was?.netMinor ?? 0n);
      const grossMinor = difference(is?.grossMinor, was?.grossMinor);
      const costMinor = difference(is?.costMinor, was?.costMinor);
      const quantity = differenceOf(current?.quantity, previous?.quantity);
      const isMoney = netMinor !== 0n || (grossMinor ?? 0n) !== 0n || (costMinor ?? 0n) !== 0n;
      if (!isMoney && (quantity === undefined || quantity === '0')) return [];
      const changed = quantity === undefined ? line : { ...line, quantity };
      const remainingMinor = magnitude(netMinor);
      return [{ occurrence, line: changed, netMinor, grossMinor, costMinor, returned: [], remainingMinor }];
    });
    before = now;
    return parts;
  });
}

function differenceOf(now: string | undefined, before: string | undefined): string | undefined {
  if (now === undefined && before === undefined) return undefined;
  const { numerator, denominator } = parseDecimal(before ?? '0');
  return formatRate(addRates(parseDecimal(now ?? '0'), { numerator: -numerator, denominator }));
}

function partOf(occurrence: Occurrence, line: DealLine, decimals: number): OpenPart {
  const minor = (field: 'net' | 'gross' | 'cost', text: string): bigint =>
    readAmount(text, decimals, `line ${line.id}, ${field}`);
  const netMinor = minor('net', line.net);
  return {
    occurrence,
    line,
    netMinor,
    grossMinor: line.gross === undefined ? undefined : minor('gross', line.gross),
    costMinor: line.cost === undefined ? undefined : minor('cost', line.cost),
    returned: [],
    remainingMinor: magnitude(netMinor),
  };
}

function readAmount(text: string, decimals: number, field: string): bigint {
  try {
    const minor = parseMinor(text, decimals);
    if (magnitude(minor) <= DEAL_AMOUNT_MINOR_MAX) return minor;
  } catch (fault) {
    throw fault instanceof MoneyError ? fault.at(field) : fault;
  }
  throw new MoneyError('AmountTooLong', `${text} exceeds the largest amount of a deal`, field);
}

/**
 * A payment's step of the deal's paid total, from `beforeMinor` to `nowMinor` of `ofMinor`, with tax. A payment that
 * bounces steps down.
 */
export interface PaidStep {
  readonly id: string;
  readonly atMs: number;
  readonly beforeMinor: bigint;
  readonly nowMinor: bigint;
  readonly ofMinor: bigint;
}

/**
 * What was paid of the invoiced total (of the deal's own total where it has no invoice), both with tax, payment by
 * payment and never more than the total.
 * @throws {MoneyError}, {TimeError} for amounts and instants that cannot be read
 */
export function paidSteps(deal: Deal, terms: DealTerms): readonly PaidStep[] {
  const decimals = decimalsOf(terms.currency);
  const invoiced = partsOf(deal, terms, 'invoiced', decimals);
  return stepsTo(deal, sumWithTax(invoiced.length > 0 ? invoiced : linesOf(terms, decimals)), decimals);
}

function linesOf(terms: DealTerms, decimals: number): readonly OpenPart[] {
  return terms.lines.map((line) => partOf({ name: '', atMs: 0 }, line, decimals));
}

function sumWithTax(parts: readonly LinePart[]): bigint {
  return parts.reduce((sum, part) => sum + (part.grossMinor ?? part.netMinor), 0n);
}

function stepsTo(deal: Deal, totalMinor: bigint, decimals: number): readonly PaidStep[] {
  const steps: PaidStep[] = [];
  let receivedMinor = 0n;
  let beforeMinor = 0n;
  for (const { fact, atMs } of byTime(deal.payments)) {
    receivedMinor += readAmount(fact.amount, decimals, `payment ${fact.id}`);
    // A deal worth nothing is paid with its first payment.
    const ofMinor = totalMinor > 0n ? totalMinor : 1n;
    const nowMinor = totalMinor > 0n ? clamp(receivedMinor, totalMinor) : 1n;
    if (nowMinor === beforeMinor) continue;
    steps.push({ id: fact.id, atMs, beforeMinor, nowMinor, ofMinor });
    beforeMinor = nowMinor;
  }
  return steps;
}

function instalments(deal: Deal, terms: DealTerms, decimals: number): OpenPart[] {
  const whole = linesOf(terms, decimals);
  return stepsTo(deal, sumWithTax(whole), decimals).flatMap(({ id, atMs, beforeMinor, nowMinor, ofMinor }) => {
    const occurrence = { name: `payment:${id}`, atMs };
    const share = (minor: bigint) =>
      divideRounded(minor * nowMinor, ofMinor, 'half-up') - divideRounded(minor * beforeMinor, ofMinor, 'half-up');
    return whole.map(({ line, netMinor, grossMinor, costMinor }) => {
      const partMinor = share(netMinor);
      return {
        occurrence,
        line,
        netMinor: partMinor,
        grossMinor: grossMinor === undefined ? undefined : share(grossMinor),
        costMinor: costMinor === undefined ? undefined : share(costMinor),
        returned: [],
        remainingMinor: magnitude(partMinor),
      };
    });
  });
}

function applyReturns(
  deal: Deal,
  terms: DealTerms,
  parts: readonly OpenPart[],
  decimals: number,
  faults: DealFault[],
): void {
  if (deal.returns.length === 0 && deal.cancelledAt === undefined) return;
  const byLine = new Map<string, OpenPart[]>();
  for (const part of parts) {
    const ofLine = byLine.get(part.line.id);
    if (ofLine === undefined) byLine.set(part.line.id, [part]);
    else ofLine.push(part);
  }
  const lineIds = new Set([...terms.lines, ...deal.invoices.flatMap(({ lines }) => lines ?? [])].map(({ id }) => id));
  const cancelled =
    deal.cancelledAt === undefined
      ? []
      : [{ name: 'cancelled', atMs: parseInstant(deal.cancelledAt), lines: undefined }];
  const returns = byTime(deal.returns).map(({ fact, atMs }) => ({
    name: `return:${fact.id}`,
    atMs,
    lines: fact.lines,
  }));
  for (const { name, atMs, lines } of [...returns, ...cancelled].sort((left, right) => left.atMs - right.atMs)) {
    for (const { line, net } of lines ?? [...byLine.keys()].map((id) => ({ line: id, net: undefined }))) {
      if (!lineIds.has(line)) {
        faults.push({ code: 'TermsMissing', message: `${name} returns line ${line}, which the deal does not have` });
        continue;
      }
      const fault =
        net === undefined
          ? undefined
          : net.startsWith('-')
            ? 'the returned amount must be positive'
            : decimalFault(net);
      if (fault !== undefined) {
        faults.push({ code: 'TermsInvalid', message: `${name}, line ${line}: ${fault}` });
        continue;
      }
      returnFrom(
        byLine.get(line) ?? [],
        { name, atMs },
        net === undefined ? undefined : readAmount(net, decimals, `${name}, line ${line}`),
      );
    }
  }
}

/** Takes an amount, or all that remains where it is undefined, from the parts of a line, earliest first. */
function returnFrom(
  parts: readonly OpenPart[],
  cause: { readonly name: string; readonly atMs: number },
  amountMinor: bigint | undefined,
): void {
  let open = amountMinor;
  for (const part of parts) {
    const isFullyReturned = part.returned.some(({ takesRemainder }) => takesRemainder) && part.remainingMinor === 0n;
    if (isFullyReturned || open === 0n) continue;
    const netMinor = open === undefined || open > part.remainingMinor ? part.remainingMinor : open;
    const takesRemainder = netMinor === part.remainingMinor;
    // Only a return of the whole line takes a part that is worth nothing.
    if (netMinor === 0n && open !== undefined) continue;
    part.returned.push({ ...cause, netMinor, takesRemainder });
    part.remainingMinor -= netMinor;
    if (open !== undefined) open -= netMinor;
  }
}

function clamp(minor: bigint, maxMinor: bigint): bigint {
  return minor < 0n ? 0n : minor > maxMinor ? maxMinor : minor;
}

export function magnitude(minor: bigint): bigint {
  return minor < 0n ? -minor : minor;
}

/** A net amount as decimal text in the deal's currency. */
export function formatNet(minor: bigint, terms: DealTerms): string {
  return formatMinor(minor, decimalsOf(terms.currency));
}
