/**
 * One fact of a deal: what makes it valid on its own, its one normal form, and its identity.
 *
 * Whether a fact is accepted must not depend on what arrived before it (a return may come before its deal), so
 * everything here judges the fact alone. What only shows beside other facts (a payment with more decimals than the deal's
 * currency) is told where the deal is credited.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { ID_DESCRIPTION, isId } from '@tantieme/contracts/ids';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { assertShares } from '@tantieme/money/allocation';
import { isCurrency } from '@tantieme/money/currency';
import { decimalFault, formatRate, ONE, parseDecimal, parseRate } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { MoneyError } from '@tantieme/money/money-error';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { DealFact, DealLine, DealPartner, DealTerms, ReturnedLine, Subscription } from '@tantieme/contracts/deal';
import { DAY_DESCRIPTION, isDay } from '@tantieme/time/day';
import { INSTANT_DESCRIPTION, normalInstant, utcDay } from '@tantieme/time/instant';
import { compareIds } from './order.js';

export interface FieldReason {
  readonly field: string;
  readonly reason: string;
}

/** Lines of a fact at the most: a whole deal has to fit into an event of less than 1 MiB. */
export const LINES_MAX = 2000;

/**
 * The fact in its one form: instants in UTC with milliseconds, amounts with exactly the currency's decimals, lines in
 * order of their ids, attributes in order of their names, nothing that says what holds anyway. Two texts of the same
 * fact have the same form. The form of a form is itself.
 * @throws {DomainError} `FactInvalid` with every field and reason
 */
export function normalFact(fact: DealFact): DealFact {
  const faults: FieldReason[] = [];
  const normal = normalOf(fact, faults);
  if (faults.length > 0)
    throw new DomainError(
      'FactInvalid',
      faults.map(({ field, reason }) => `${field}: ${reason}`).join('; '),
      'invalid',
      faults,
    );
  return normal;
}

function normalOf(fact: DealFact, faults: FieldReason[]): DealFact {
  checkId(fact.source, 'source', faults);
  checkId(fact.deal, 'deal', faults);
  const head = { source: fact.source, deal: fact.deal, occurredAt: instantAt(fact.occurredAt, faults) };
  switch (fact.kind) {
    case 'registered':
    case 'booked':
      return { ...head, kind: fact.kind, terms: normalTerms(fact.terms, faults) };
    case 'amended':
      return {
        ...head,
        kind: fact.kind,
        ...(fact.revision === undefined ? {} : { revision: fact.revision }),
        ...(fact.as === undefined ? {} : { as: fact.as }),
        terms: normalTerms(fact.terms, faults),
      };
    case 'invoiced': {
      checkId(fact.id, 'id', faults);
      const terms = fact.terms === undefined ? undefined : normalTerms(fact.terms, faults);
      return {
        ...head,
        kind: fact.kind,
        id: fact.id,
        ...(fact.lines === undefined ? {} : { lines: normalLines(fact.lines, terms?.currency, 'lines', faults) }),
        ...(terms === undefined ? {} : { terms }),
      };
    }
    case 'paid':
      checkId(fact.id, 'id', faults);
      return { ...head, kind: fact.kind, id: fact.id, amount: decimalAt(fact.amount, 'amount', faults) };
    case 'returned':
      checkId(fact.id, 'id', faults);
      return {
        ...head,
        kind: fact.kind,
        id: fact.id,
        ...(fact.lines === undefined ? {} : { lines: normalReturnedLines(fact.lines, faults) }),
      };
    case 'sold-through':
      checkId(fact.id, 'id', faults);
      return { ...head, kind: fact.kind, id: fact.id };
    case 'registration': {
      const { kind, id, status, holder, from, until, revision } = fact;
      checkId(id, 'id', faults);
      checkId(holder, 'holder', faults);
      if (from !== undefined) checkDay(from, 'from', faults);
      if (until !== undefined) checkDay(until, 'until', faults);
      if (until !== undefined && until <= (from ?? utcDay(head.occurredAt)))
        faults.push({ field: 'until', reason: 'is not after from: it is the first day of which it is no longer said' });
      return {
        ...head,
        kind,
        id,
        status,
        holder,
        ...(from === undefined ? {} : { from }),
        ...(until === undefined ? {} : { until }),
        ...(revision === undefined ? {} : { revision }),
      };
    }
    case 'cancelled':
      return { ...head, kind: fact.kind };
    default:
      return fact satisfies never;
  }
}

function normalTerms(terms: DealTerms, faults: FieldReason[]): DealTerms {
  const currency = isCurrency(terms.currency) ? terms.currency : undefined;
  if (currency === undefined)
    faults.push({ field: 'terms.currency', reason: `${JSON.stringify(terms.currency)} is no ISO 4217 currency` });
  const attributes = Object.entries(terms.attributes ?? {});
  return {
    currency: terms.currency,
    lines: normalLines(terms.lines, currency, 'terms.lines', faults),
    partners: normalPartners(terms.partners, faults),
    ...(terms.customer === undefined ? {} : { customer: terms.customer }),
    ...(attributes.length === 0
      ? {}
      : { attributes: Object.fromEntries(attributes.sort(([left], [right]) => compareText(left, right))) }),
  };
}

/** @param currency undefined where the fact does not say it: then amounts are only checked to be decimals. */
function normalLines(
  lines: readonly DealLine[],
  currency: string | undefined,
  path: string,
  faults: FieldReason[],
): readonly DealLine[] {
  if (lines.length > LINES_MAX) {
    faults.push({ field: path, reason: `has ${lines.length} lines, more than ${LINES_MAX}` });
    return lines;
  }
  const seen = new Set<string>();
  const normal = lines.map((line, index): DealLine => {
    const at = `${path}.${index}`;
    if (line.id === '') faults.push({ field: `${at}.id`, reason: 'is empty' });
    if (seen.has(line.id))
      faults.push({ field: `${at}.id`, reason: `${JSON.stringify(line.id)} is the id of two lines` });
    seen.add(line.id);
    const amount = (text: string, field: string): string =>
      currency === undefined
        ? decimalAt(text, `${at}.${field}`, faults)
        : amountAt(text, currency, `${at}.${field}`, faults);
    return {
      id: line.id,
      ...(line.variant === undefined ? {} : { variant: line.variant }),
      ...(line.product === undefined ? {} : { product: line.product }),
      ...(line.family === undefined ? {} : { family: line.family }),
      ...(line.category === undefined ? {} : { category: line.category }),
      ...(line.quantity === undefined ? {} : { quantity: decimalAt(line.quantity, `${at}.quantity`, faults) }),
      net: amount(line.net, 'net'),
      ...(line.gross === undefined ? {} : { gross: amount(line.gross, 'gross') }),
      ...(line.cost === undefined ? {} : { cost: amount(line.cost, 'cost') }),
      ...(line.subscription === undefined
        ? {}
        : { subscription: normalSubscription(line.subscription, `${at}.subscription`, faults) }),
      ...(line.original === undefined || Object.keys(line.original).length === 0 ? {} : { original: line.original }),
    };
  });
  return isInOrder(normal) ? normal : normal.sort((left, right) => compareIds(left.id, right.id));
}

function normalSubscription({ id, start, months }: Subscription, path: string, faults: FieldReason[]): Subscription {
  if (id === '') faults.push({ field: `${path}.id`, reason: 'is empty' });
  checkDay(start, `${path}.start`, faults);
  if (!Number.isSafeInteger(months) || months < 1)
    faults.push({ field: `${path}.months`, reason: `${JSON.stringify(months)} is no whole number from 1` });
  return { id, start, months };
}

function isInOrder(lines: readonly DealLine[]): boolean {
  for (let index = 1; index < lines.length; index += 1) {
    const [before, line] = [lines[index - 1], lines[index]];
    if (before !== undefined && line !== undefined && compareIds(before.id, line.id) > 0) return false;
  }
  return true;
}

/** Their order stays as the source declares it: it decides who gets the cent that a split leaves over. */
function normalPartners(partners: readonly DealPartner[], faults: FieldReason[]): readonly DealPartner[] {
  const sharesByRole = new Map<string, Rate[]>();
  const seen = new Set<string>();
  const normal = partners.map((held, index): DealPartner => {
    const at = `terms.partners.${index}`;
    checkId(held.partner, `${at}.partner`, faults);
    const key = `${held.role} ${held.partner}`;
    if (seen.has(key))
      faults.push({ field: `${at}.partner`, reason: `${JSON.stringify(held.partner)} is named twice as ${held.role}` });
    seen.add(key);
    let share = ONE;
    if (held.share !== undefined) {
      const text = held.share;
      share = valueOr(ONE, `${at}.share`, faults, () => parseRate(text));
    }
    const shares = sharesByRole.get(held.role);
    if (shares === undefined) sharesByRole.set(held.role, [share]);
    else shares.push(share);
    const text = held.share === undefined ? '1' : formatRate(share);
    return { role: held.role, partner: held.partner, ...(text === '1' ? {} : { share: text }) };
  });
  for (const [role, shares] of sharesByRole)
    valueOr(undefined, 'terms.partners', faults, () => assertShares(shares), `of ${role}: `);
  return normal;
}

function normalReturnedLines(lines: readonly ReturnedLine[], faults: FieldReason[]): readonly ReturnedLine[] {
  if (lines.length === 0)
    faults.push({ field: 'lines', reason: 'is empty: leave it out where the whole deal came back' });
  const seen = new Set<string>();
  return lines
    .map((returned, index): ReturnedLine => {
      const at = `lines.${index}`;
      if (seen.has(returned.line))
        faults.push({ field: `${at}.line`, reason: `${JSON.stringify(returned.line)} is named twice` });
      seen.add(returned.line);
      if (returned.net === undefined) return { line: returned.line };
      const net = decimalAt(returned.net, `${at}.net`, faults);
      // The sign is in the word "returned"; a negative return would be a sale.
      if (net.startsWith('-') || /^[0.]+$/.test(net))
        faults.push({ field: `${at}.net`, reason: `${JSON.stringify(net)} is not positive` });
      return { line: returned.line, net };
    })
    .sort((left, right) => compareIds(left.line, right.line));
}

// ── Fields ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function checkId(text: string, field: string, faults: FieldReason[]): void {
  if (!isId(text)) faults.push({ field, reason: `must be ${ID_DESCRIPTION}` });
}

function instantAt(text: string, faults: FieldReason[]): string {
  const instant = normalInstant(text);
  if (instant !== undefined) return instant;
  faults.push({ field: 'occurredAt', reason: `${JSON.stringify(text)} is not ${INSTANT_DESCRIPTION}` });
  return text;
}

function checkDay(text: string, field: string, faults: FieldReason[]): void {
  if (!isDay(text)) faults.push({ field, reason: `${JSON.stringify(text)} is not ${DAY_DESCRIPTION}` });
}

function amountAt(text: string, currency: string, field: string, faults: FieldReason[]): string {
  return valueOr(text, field, faults, () => formatAmount(parseAmount(text, currency), currency));
}

/** A decimal without a currency: only its form is checked; trailing zeros say nothing. */
function decimalAt(text: string, field: string, faults: FieldReason[]): string {
  const fault = decimalFault(text);
  if (fault === undefined) return formatRate(parseDecimal(text));
  faults.push({ field, reason: fault });
  return text;
}

function valueOr<Value>(
  otherwise: Value,
  field: string,
  faults: FieldReason[],
  parse: () => Value,
  before = '',
): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof MoneyError)) throw error;
    faults.push({ field, reason: before + error.reason });
    return otherwise;
  }
}

// ── Identity ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What makes a fact this fact, within its deal: the same identity with other content is a conflict. A deal is booked
 * once, and invoiced, paid, returned as often as there are ids. An amendment is its revision; without one it is its
 * time and content, so that two of them never conflict, and the higher wins. What is said of a registration likewise.
 * @param hash SHA-256 of the fact's normal form
 */
export function identityOf(fact: DealFact, hash: string): string {
  switch (fact.kind) {
    case 'registered':
    case 'booked':
    case 'cancelled':
      return fact.kind;
    case 'invoiced':
    case 'paid':
    case 'sold-through':
    case 'returned':
      return `${fact.kind}:${fact.id}`;
    case 'amended':
      return fact.revision === undefined ? `amended@${fact.occurredAt}#${hash}` : `amended:${fact.revision}`;
    case 'registration':
      return fact.revision === undefined
        ? `registration@${fact.occurredAt}#${hash}`
        : `registration:${fact.id}:${fact.revision}`;
    default:
      return fact satisfies never;
  }
}
