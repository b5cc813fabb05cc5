/**
 * One fact of a deal: what makes it valid on its own, its normal form, and its identity.
 *
 * Whether a fact is accepted must not depend on what arrived before it (a return may arrive before its deal), so
 * everything here judges the fact alone. Faults that show only beside other facts, such as a payment with more decimals
 * than the deal's currency, are reported when the deal is credited.
 */
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { assertShares } from '@tantieme/money/allocation';
import { isCurrency } from '@tantieme/money/currency';
import { decimalFault, formatRate, ONE, parseDecimal, parseRate } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { MoneyError } from '@tantieme/money/money-error';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { compareText } from '@tantieme/contracts/compare-text';
import { ID_DESCRIPTION, isId } from '@tantieme/contracts/ids';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DAY_DESCRIPTION, isDay } from '@tantieme/time/day';
import { INSTANT_DESCRIPTION, normalInstant, utcDay } from '@tantieme/time/instant';
import type {
  DealFact,
  DealFactKind,
  DealLine,
  DealPartner,
  DealTerms,
  ReturnedLine,
  StatedFact,
  Subscription,
  Withdrawn,
  WithdrawnFact,
} from '@tantieme/contracts/deal';
import { compareIds } from './order.js';
import { LINES_MAX } from '../limits.js';

export interface FieldReason {
  readonly field: string;
  readonly reason: string;
}

/**
 * The normal form of a fact: instants in UTC with milliseconds, amounts with exactly the currency's decimals, lines in
 * order of their ids, attributes in order of their names, defaults left out. Two ways of writing the same fact have the
 * same normal form, and a normal form is its own.
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
  const head = {
    source: fact.source,
    deal: fact.deal,
    occurredAt: instantAt(fact.occurredAt, faults),
    ...omitUndefined({ revision: fact.revision }),
  };
  // The content that a withdrawal repeats does not count.
  if (isWithdrawal(fact)) {
    const hasId = KINDS_WITH_ID.has(fact.kind);
    if (hasId) checkId(fact.id ?? '', 'id', faults);
    return {
      ...head,
      kind: fact.kind,
      ...omitUndefined({ id: hasId ? fact.id : undefined }),
      withdrawn: fact.withdrawn,
    };
  }
  return normalContent(fact, head, faults);
}

function normalContent(
  fact: StatedFact,
  head: Pick<StatedFact, 'source' | 'deal' | 'occurredAt' | 'revision'>,
  faults: FieldReason[],
): StatedFact {
  switch (fact.kind) {
    case 'registered':
    case 'booked':
      return { ...head, kind: fact.kind, terms: normalTerms(fact.terms, faults) };
    case 'amended':
      return { ...head, kind: fact.kind, ...omitUndefined({ as: fact.as }), terms: normalTerms(fact.terms, faults) };
    case 'invoiced': {
      checkId(fact.id, 'id', faults);
      const terms = fact.terms === undefined ? undefined : normalTerms(fact.terms, faults);
      const lines = fact.lines === undefined ? undefined : normalLines(fact.lines, terms?.currency, 'lines', faults);
      return { ...head, kind: fact.kind, id: fact.id, ...omitUndefined({ lines, terms }) };
    }
    case 'paid':
      checkId(fact.id, 'id', faults);
      return { ...head, kind: fact.kind, id: fact.id, amount: decimalAt(fact.amount, 'amount', faults) };
    case 'returned': {
      checkId(fact.id, 'id', faults);
      const lines = fact.lines === undefined ? undefined : normalReturnedLines(fact.lines, faults);
      return { ...head, kind: fact.kind, id: fact.id, ...omitUndefined({ lines }) };
    }
    case 'sold-through':
      checkId(fact.id, 'id', faults);
      return { ...head, kind: fact.kind, id: fact.id };
    case 'registration': {
      const { kind, id, status, holder, from, until } = fact;
      checkId(id, 'id', faults);
      checkId(holder, 'holder', faults);
      if (from !== undefined) checkDay(from, 'from', faults);
      if (until !== undefined) checkDay(until, 'until', faults);
      if (until !== undefined && until <= (from ?? utcDay(head.occurredAt)))
        faults.push({
          field: 'until',
          reason: 'must be after from: it is the first day on which the status no longer holds',
        });
      return { ...head, kind, id, status, holder, ...omitUndefined({ from, until }) };
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
    faults.push({
      field: 'terms.currency',
      reason: `${JSON.stringify(terms.currency)} is not an ISO 4217 currency code`,
    });
  const attributes = Object.entries(terms.attributes ?? {});
  return {
    currency: terms.currency,
    lines: normalLines(terms.lines, currency, 'terms.lines', faults),
    partners: normalPartners(terms.partners, faults),
    ...omitUndefined({
      customer: terms.customer,
      attributes:
        attributes.length === 0
          ? undefined
          : Object.fromEntries(attributes.sort(([left], [right]) => compareText(left, right))),
    }),
  };
}

/** @param currency undefined where the fact has none: then amounts are only checked to be decimals. */
function normalLines(
  lines: readonly DealLine[],
  currency: string | undefined,
  path: string,
  faults: FieldReason[],
): readonly DealLine[] {
  if (lines.length > LINES_MAX) {
    faults.push({ field: path, reason: `has ${lines.length} lines; a fact may have ${LINES_MAX}` });
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
    // Spreads, not `omitUndefined`: imports run this for every line.
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
    faults.push({ field: `${path}.months`, reason: `${JSON.stringify(months)} is not a whole number from 1` });
  return { id, start, months };
}

function isInOrder(lines: readonly DealLine[]): boolean {
  for (let index = 1; index < lines.length; index += 1) {
    const [before, line] = [lines[index - 1], lines[index]];
    if (before !== undefined && line !== undefined && compareIds(before.id, line.id) > 0) return false;
  }
  return true;
}

/** In the order of the source: it decides who gets the cent that a split leaves over. */
function normalPartners(partners: readonly DealPartner[], faults: FieldReason[]): readonly DealPartner[] {
  const sharesByRole = new Map<string, Rate[]>();
  const seen = new Set<string>();
  const normal = partners.map((named, index): DealPartner => {
    const at = `terms.partners.${index}`;
    checkId(named.partner, `${at}.partner`, faults);
    const key = `${named.role} ${named.partner}`;
    if (seen.has(key))
      faults.push({
        field: `${at}.partner`,
        reason: `${JSON.stringify(named.partner)} is named twice as ${named.role}`,
      });
    seen.add(key);
    let share = ONE;
    if (named.share !== undefined) {
      const text = named.share;
      share = valueOr(ONE, `${at}.share`, faults, () => parseRate(text));
    }
    const shares = sharesByRole.get(named.role);
    if (shares === undefined) sharesByRole.set(named.role, [share]);
    else shares.push(share);
    const text = named.share === undefined ? '1' : formatRate(share);
    return { role: named.role, partner: named.partner, ...(text === '1' ? {} : { share: text }) };
  });
  for (const [role, shares] of sharesByRole)
    valueOr(undefined, 'terms.partners', faults, () => assertShares(shares), `of ${role}: `);
  return normal;
}

function normalReturnedLines(lines: readonly ReturnedLine[], faults: FieldReason[]): readonly ReturnedLine[] {
  if (lines.length === 0)
    faults.push({ field: 'lines', reason: 'is empty; leave it out if the whole deal was returned' });
  const seen = new Set<string>();
  return lines
    .map((returned, index): ReturnedLine => {
      const at = `lines.${index}`;
      if (seen.has(returned.line))
        faults.push({ field: `${at}.line`, reason: `${JSON.stringify(returned.line)} is named twice` });
      seen.add(returned.line);
      if (returned.net === undefined) return { line: returned.line };
      const net = decimalAt(returned.net, `${at}.net`, faults);
      // A returned amount is positive by definition; a negative one would be a sale.
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
  faults.push({
    field: 'occurredAt',
    reason: `${JSON.stringify(text)} is not ${INSTANT_DESCRIPTION}`,
  });
  return text;
}

function checkDay(text: string, field: string, faults: FieldReason[]): void {
  if (!isDay(text)) faults.push({ field, reason: `${JSON.stringify(text)} is not ${DAY_DESCRIPTION}` });
}

function amountAt(text: string, currency: string, field: string, faults: FieldReason[]): string {
  return valueOr(text, field, faults, () => formatAmount(parseAmount(text, currency), currency));
}

/** A decimal without a currency: only its form is checked. Trailing zeros are dropped. */
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

export function isWithdrawal(fact: DealFact): fact is WithdrawnFact {
  return 'withdrawn' in fact;
}

/**
 * Identifies a fact within its deal: the same identity with other content is a conflict. Each revision of a booking,
 * and of the invoices, payments and returns of each id, is one fact. An amendment or registration without a revision is
 * identified by its time and content, so that two of them never conflict and the stronger one wins. A withdrawal is a
 * fact beside the one that it names.
 * @param hash SHA-256 of the fact's normal form
 */
export function identityOf(fact: DealFact, hash: string): string {
  const isIdentifiedByContent =
    (fact.kind === 'amended' || fact.kind === 'registration') && fact.revision === undefined && !isWithdrawal(fact);
  return isIdentifiedByContent ? `${factKeyOf(fact)}#${hash}` : factKeyOf(fact);
}

/** The fields of a fact that its identity is made of, without its content. */
export type FactKeyFields = Pick<DealFact, 'kind' | 'occurredAt'> & {
  readonly id?: string;
  readonly revision?: number;
  readonly withdrawn?: Withdrawn;
};

/** The identity of a fact without the hash of its content: what a refused fact and its correction have in common. */
export function factKeyOf(fact: FactKeyFields): string {
  const { withdrawn } = fact;
  return withdrawn === undefined ? namedKeyOf(fact) : withdrawalKeyOf(namedKeyOf(fact), withdrawn);
}

/** The key of the withdrawal of a fact. Ids have no "|". */
export function withdrawalKeyOf(key: string, withdrawn: Withdrawn): string {
  return `${key}|withdrawn${withdrawn === true ? '' : `-${withdrawn}`}`;
}

/** The key of a fact, whether this is the fact or its withdrawal. */
export function namedKeyOf(fact: FactKeyFields): string {
  const { kind, occurredAt, id = '', revision } = fact;
  switch (kind) {
    case 'amended':
      return revision === undefined ? `amended@${occurredAt}` : `amended:${revision}`;
    case 'registration':
      return `registration:${id}${revision === undefined ? `@${occurredAt}` : `:${revision}`}`;
    default:
      return revision === undefined ? revisedKeyOf(fact) : `${revisedKeyOf(fact)}|${revision}`;
  }
}

/** What all revisions of a fact have in common: `booked`, `returned:R-1`. */
export function revisedKeyOf({ kind, id = '' }: FactKeyFields): string {
  return KINDS_WITH_ID.has(kind) ? `${kind}:${id}` : kind;
}

/**
 * {@link factKeyOf} of a value that may be no fact at all, as far as the key can be read from it. Undefined where the
 * kind, or what the key of that kind needs, cannot be read.
 */
export function readableFactKey(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(value));
  const kind = FACT_KINDS.find((known) => known === fields.get('kind'));
  const [id, revision, occurredAt] = [fields.get('id'), fields.get('revision'), fields.get('occurredAt')];
  const instant = typeof occurredAt === 'string' ? normalInstant(occurredAt) : undefined;
  if (kind === undefined || (KINDS_WITH_ID.has(kind) && !isReadableId(id))) return undefined;
  if (revision !== undefined && !Number.isSafeInteger(revision)) return undefined;
  if ((kind === 'amended' || kind === 'registration') && revision === undefined && instant === undefined)
    return undefined;
  return factKeyOf({
    kind,
    occurredAt: instant ?? '',
    ...(isReadableId(id) ? { id } : {}),
    ...(typeof revision === 'number' ? { revision } : {}),
    ...omitUndefined({ withdrawn: WITHDRAWN.find((known) => known === fields.get('withdrawn')) }),
  });
}

const WITHDRAWN: readonly Withdrawn[] = [true, 'revision'];

function isReadableId(value: unknown): value is string {
  return typeof value === 'string' && isId(value);
}

// ── Kinds ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export const FACT_KINDS: readonly DealFactKind[] = [
  'registered',
  'booked',
  'invoiced',
  'paid',
  'sold-through',
  'amended',
  'returned',
  'registration',
  'cancelled',
];

/** Kinds of which a deal may have many, so that each needs an id. */
export const KINDS_WITH_ID: ReadonlySet<DealFactKind> = new Set([
  'invoiced',
  'paid',
  'sold-through',
  'returned',
  'registration',
]);

/** Kinds that carry the terms, so that they need a currency and lines. */
export const KINDS_WITH_TERMS: ReadonlySet<DealFactKind> = new Set(['registered', 'booked', 'amended']);
