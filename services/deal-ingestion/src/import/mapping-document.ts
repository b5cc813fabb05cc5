/** Reads the mapping document of a CSV import (JSON, see the README), before the first row is read. */
import { isCurrency } from '@tantieme/money/currency';
import { ROUNDING_MODES } from '@tantieme/money/rounding';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { oneOf } from '@tantieme/contracts/suggest';
import type { DealFactKind, DealRole } from '@tantieme/contracts/deal';
import type { CellFault } from '@tantieme/tabular/cell';
import { compileDateFormat } from '@tantieme/tabular/date-format';
import { FILE_FORMAT_FIELDS, readFileFormat } from '@tantieme/tabular/file-format';
import type { FormatOfLocale } from '@tantieme/tabular/file-format';
import { isTimeZone } from '@tantieme/time/time-zone';
import { ObjectReader } from '@tantieme/tabular/object-reader';
import { mappingInvalid } from '@tantieme/tabular/tabular-error';
import { FACT_KINDS, KINDS_WITH_ID, KINDS_WITH_TERMS } from '../deal/deal-fact.js';
import type { ColumnMapping, PartnerColumn } from './column-mapping.js';
import { isUsable, mappedFields, unusableReason } from './usable-fields.js';

const ROLES: readonly DealRole[] = ['seller', 'referrer', 'influencer', 'servicing', 'salesperson', 'buyer'];

const FIELDS = [
  'source',
  'deal',
  'kind',
  'id',
  'revision',
  'withdrawn',
  'occurredAt',
  'currency',
  'amount',
  'rounding',
  'line',
  'registration',
  'partners',
  'customer',
  'attributes',
  ...FILE_FORMAT_FIELDS,
] as const;

/**
 * The mapping of a document, with the formats of its locale.
 * @throws {TabularError} `MappingInvalid` with every field and reason
 */
export function columnMapping(value: unknown, formatOfLocale: FormatOfLocale): ColumnMapping {
  const faults: CellFault[] = [];
  const document = new ObjectReader('', value, faults);
  document.expectOnly(FIELDS);
  const format = readFileFormat(document, formatOfLocale);
  const mapping = {
    source: document.text('source'),
    deal: document.text('deal'),
    kind: kindOf(document),
    occurredAt: momentOf(document, format.dates),
    ...omitUndefined({
      id: document.optionalText('id'),
      revision: revisionOf(document),
      withdrawn: document.get('withdrawn') === true ? (true as const) : document.optionalText('withdrawn'),
      currency: currencyOf(document),
      amount: document.optionalText('amount'),
      rounding: document.optionalOneOf('rounding', ROUNDING_MODES),
      line: lineOf(document.optionalObject('line')),
      registration: registrationOf(document.optionalObject('registration')),
      partners: partnersOf(document.optionalObject('partners')),
      customer: document.optionalText('customer'),
      attributes: document.optionalTexts('attributes'),
      ...format,
    }),
  };
  if (faults.length === 0) faults.push(...kindFaults(mapping));
  if (faults.length > 0) throw mappingInvalid(faults);
  return mapping;
}

function revisionOf(document: ObjectReader): ColumnMapping['revision'] {
  const constant = document.get('revision');
  if (typeof constant !== 'number') return document.optionalText('revision');
  if (!Number.isSafeInteger(constant) || constant < 0)
    document.fault('revision', 'must be a column, or a whole number from 0');
  return constant;
}

function kindOf(document: ObjectReader): ColumnMapping['kind'] {
  if (typeof document.get('kind') === 'string') return document.optionalOneOf('kind', FACT_KINDS) ?? 'booked';
  const kind = document.object('kind');
  kind.expectOnly(['column', 'values']);
  const values = kind.optionalTexts('values');
  const kinds: Record<string, DealFactKind> = {};
  for (const [cell, name] of Object.entries(values ?? {})) {
    const found = FACT_KINDS.find((candidate) => candidate === name);
    if (found === undefined) kind.fault(`values.${cell}`, `must be ${oneOf(FACT_KINDS, name)}`);
    else kinds[cell] = found;
  }
  return { column: kind.text('column'), ...omitUndefined({ values: values === undefined ? undefined : kinds }) };
}

function momentOf(document: ObjectReader, dates: string | undefined): ColumnMapping['occurredAt'] {
  if (typeof document.get('occurredAt') === 'string') return document.text('occurredAt');
  const moment = document.object('occurredAt');
  moment.expectOnly(['column', 'format', 'timeZone']);
  const [own, timeZone] = [moment.optionalText('format'), moment.optionalText('timeZone')];
  const fault = own === undefined ? undefined : compileDateFormat(own).fault;
  if (fault !== undefined) moment.fault('format', fault);
  const format = own ?? dates;
  if (format !== undefined && timeZone === undefined)
    moment.fault('timeZone', 'is missing: a date begins at another moment in every time zone');
  if (format === undefined && timeZone !== undefined)
    moment.fault('format', 'is missing: a time zone needs the format of the dates, here, in dates or by locale');
  if (timeZone !== undefined && !isTimeZone(timeZone))
    moment.fault('timeZone', `${JSON.stringify(timeZone)} is not an IANA time zone, such as Europe/Paris`);
  return { column: moment.text('column'), ...omitUndefined({ format, timeZone }) };
}

function currencyOf(document: ObjectReader): ColumnMapping['currency'] {
  if (!document.has('currency')) return undefined;
  const value = document.get('currency');
  if (typeof value !== 'string') return { column: document.object('currency').text('column') };
  if (!isCurrency(value))
    document.fault(
      'currency',
      `${JSON.stringify(value)} is not an ISO 4217 currency code; a column is written as {"column": ${JSON.stringify(value)}}`,
    );
  return value;
}

function lineOf(line: ObjectReader | undefined): ColumnMapping['line'] {
  if (line === undefined) return undefined;
  line.expectOnly([
    'id',
    'variant',
    'product',
    'family',
    'category',
    'quantity',
    'net',
    'gross',
    'cost',
    'subscription',
  ]);
  return {
    net: line.text('net'),
    ...omitUndefined({
      id: line.optionalText('id'),
      variant: line.optionalText('variant'),
      product: line.optionalText('product'),
      family: line.optionalText('family'),
      category: line.optionalText('category'),
      quantity: line.optionalText('quantity'),
      gross: line.optionalText('gross'),
      cost: line.optionalText('cost'),
      subscription: subscriptionOf(line.optionalObject('subscription')),
    }),
  };
}

function subscriptionOf(subscription: ObjectReader | undefined): NonNullable<ColumnMapping['line']>['subscription'] {
  if (subscription === undefined) return undefined;
  subscription.expectOnly(['id', 'start', 'months']);
  return { id: subscription.text('id'), start: subscription.text('start'), months: subscription.text('months') };
}

function registrationOf(registration: ObjectReader | undefined): ColumnMapping['registration'] {
  if (registration === undefined) return undefined;
  registration.expectOnly(['status', 'holder', 'from', 'until']);
  return {
    status: registration.text('status'),
    holder: registration.text('holder'),
    ...omitUndefined({ from: registration.optionalText('from'), until: registration.optionalText('until') }),
  };
}

function partnersOf(partners: ObjectReader | undefined): ColumnMapping['partners'] {
  if (partners === undefined) return undefined;
  partners.expectOnly(ROLES);
  const columns: Partial<Record<DealRole, readonly PartnerColumn[]>> = {};
  for (const role of ROLES) {
    if (!partners.has(role)) continue;
    const value = partners.get(role);
    if (typeof value === 'string') columns[role] = [{ column: value }];
    else if (Array.isArray(value)) columns[role] = value.map((_, index) => partnerOf(partners.item(role, index)));
    else columns[role] = [partnerOf(partners.object(role))];
  }
  return columns;
}

function partnerOf(column: ObjectReader): PartnerColumn {
  column.expectOnly(['column', 'prefix', 'values', 'share']);
  return {
    column: column.text('column'),
    ...omitUndefined({
      prefix: column.optionalText('prefix'),
      values: column.optionalTexts('values'),
      share: column.optionalText('share'),
    }),
  };
}

/** What a constant kind needs and cannot use; where the kind is a column, each fact is checked when it is mapped. */
function kindFaults(mapping: ColumnMapping): readonly CellFault[] {
  const { kind } = mapping;
  if (typeof kind !== 'string') return [];
  const needed = [
    ...(KINDS_WITH_ID.has(kind) ? (['id'] as const) : []),
    ...(mapping.withdrawn === true ? [] : contentNeeded(kind)),
  ];
  const unusable = mappedFields(mapping).filter(({ field }) => !isUsable(field, kind, mapping));
  return [
    ...needed
      .filter((field) => mapping[field] === undefined)
      .map((field) => ({ field, reason: `is missing: a fact of kind ${kind} has it` })),
    ...unusable.map(({ field }) => ({
      field,
      reason: `${unusableReason(field, kind)}; leave it out of the mapping`,
    })),
  ];
}

/** What a withdrawal can do without. */
function contentNeeded(kind: DealFactKind): readonly ('amount' | 'registration' | 'currency' | 'line')[] {
  if (KINDS_WITH_TERMS.has(kind)) return ['currency', 'line'];
  return kind === 'paid' ? ['amount'] : kind === 'registration' ? ['registration'] : [];
}
