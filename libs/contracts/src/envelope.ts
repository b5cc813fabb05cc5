/** Messages on the wire: CloudEvents 1.0 in structured mode, their data checked against its schema at both ends. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Deal, DealFact } from './deal.js';
import type { BonusOfWindow, EarningsOfDeal, PeriodManifest } from './ledger.js';
import type { Partner } from './partner.js';
import type { ExchangeRate, Quota } from './reference.js';
import type { Payment, PaymentRecorded, PayoutDue, StatementIssued } from './payout.js';
import { instant, MESSAGE_TYPES, MESSAGE_VERSION, schemaOf, type MessageType } from './schemas.js';

export type { MessageType } from './schemas.js';

export interface MessageData {
  readonly 'deal-fact': DealFact;
  readonly deal: Deal;
  readonly partner: Partner;
  readonly 'exchange-rate': ExchangeRate;
  readonly quota: Quota;
  readonly 'earnings-of-deal': EarningsOfDeal;
  readonly 'bonus-of-window': BonusOfWindow;
  readonly 'period-manifest': PeriodManifest;
  readonly 'statement-issued': StatementIssued;
  readonly 'payout-due': PayoutDue;
  readonly payment: Payment;
  readonly 'payment-recorded': PaymentRecorded;
}

export interface EnvelopeAttributes {
  /** Unique together with `source`: a consumer that has seen both has seen the message. */
  readonly id: string;
  /** ISO 8601 instant of what the message tells. */
  readonly time: string;
  /** Who publishes: `/commission-calculation`. */
  readonly source: string;
  /** What it is about: the deal, the partner, the payee. */
  readonly subject: string;
  /** What routes it: CloudEvents' `partitionkey`. */
  readonly key: string;
  /** Stream and revision of the origin: the newest revision replaces the ones before. */
  readonly stream?: string;
  readonly revision?: number;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly actor: string;
}

/** A decoded message. */
export interface EnvelopeOf<Type extends MessageType> extends EnvelopeAttributes {
  readonly type: Type;
  readonly data: MessageData[Type];
}

export type Envelope = { [Type in MessageType]: EnvelopeOf<Type> }[MessageType];

export interface FieldError {
  /** Path in the data (`terms/lines/0/net`), or an attribute of the envelope; empty for the whole. */
  readonly field: string;
  readonly reason: string;
}

/** A message that nobody can handle: it names every field and reason. */
export class InvalidMessage extends Error {
  readonly code = 'InvalidMessage';
  constructor(readonly errors: readonly FieldError[]) {
    super(errors.map(({ field, reason }) => (field === '' ? reason : `${field}: ${reason}`)).join('; '));
  }
}

const TYPE_PREFIX = 'tantieme.';
const TYPE_SUFFIX = `.v${MESSAGE_VERSION}`;

/** Stops at the first error, so that a hostile message costs no more than a good one. `verbose` gives an error its schema, for its words. */
const ajv = new Ajv2020({ allErrors: false, verbose: true, discriminator: true, strict: true, strictRequired: false });
addFormats.default(ajv);

const TYPE_NAMES: ReadonlySet<string> = new Set(MESSAGE_TYPES);

const validators = new Map<MessageType, ValidateFunction>();

/** Compiled once, when the first message of its type is checked: most processes see few of the types. */
function validatorOf(type: MessageType): ValidateFunction {
  let validate = validators.get(type);
  if (validate === undefined) validators.set(type, (validate = ajv.compile(schemaOf(type))));
  return validate;
}

/** An envelope's `time` is checked as an instant in the data is. */
const isInstant = ajv.compile(instant);

/** What is wrong with the data of a message: the first field that is, with the reason; empty where nothing is. */
export function check(type: MessageType, data: unknown): readonly FieldError[] {
  const validate = validatorOf(type);
  if (validate(data)) return [];
  // What follows the first only says of what it is part of (`anyOf`, `propertyNames`).
  return (validate.errors ?? []).slice(0, 1).map(fieldError);
}

/** The message as text. @throws {InvalidMessage} for what `decode` would refuse: nothing invalid is published. */
export function encode<Type extends MessageType>(
  type: Type,
  attributes: EnvelopeAttributes,
  data: MessageData[Type],
): string {
  const errors = [...check(type, data), ...attributeErrors(attributes)];
  if (errors.length > 0) throw new InvalidMessage(errors);
  // In this order of keys on every machine; those that are undefined are left out.
  return JSON.stringify({
    specversion: '1.0',
    id: attributes.id,
    source: attributes.source,
    type: `${TYPE_PREFIX}${type}${TYPE_SUFFIX}`,
    subject: attributes.subject,
    time: attributes.time,
    datacontenttype: 'application/json',
    dataschema: `urn:tantieme:${type}:v${MESSAGE_VERSION}`,
    partitionkey: attributes.key,
    stream: attributes.stream,
    revision: attributes.revision,
    correlationid: attributes.correlationId,
    causationid: attributes.causationId,
    actor: attributes.actor,
    data,
  });
}

/** @throws {InvalidMessage} naming the field and the reason. */
export function decode(text: string): Envelope {
  const value = parse(text);
  const required = (name: string): string => {
    const found = value[name];
    if (typeof found !== 'string' || found === '') throw new InvalidMessage([{ field: name, reason: TEXT_NEEDED }]);
    return found;
  };
  if (value['specversion'] !== '1.0')
    throw new InvalidMessage([{ field: 'specversion', reason: 'only CloudEvents 1.0 is understood' }]);
  const named = required('type');
  const type =
    named.startsWith(TYPE_PREFIX) && named.endsWith(TYPE_SUFFIX)
      ? named.slice(TYPE_PREFIX.length, -TYPE_SUFFIX.length)
      : '';
  if (!isMessageType(type))
    throw new InvalidMessage([
      {
        field: 'type',
        reason: `"${named}" is none of ${MESSAGE_TYPES.map((one) => TYPE_PREFIX + one + TYPE_SUFFIX).join(', ')}`,
      },
    ]);
  const data = value['data'];
  const errors = check(type, data);
  if (errors.length > 0) throw new InvalidMessage(errors);
  const id = required('id');
  const time = required('time');
  if (!isInstant(time)) throw new InvalidMessage([{ field: 'time', reason: INSTANT_NEEDED }]);
  const revision = value['revision'];
  if (revision !== undefined && !isRevision(revision))
    throw new InvalidMessage([{ field: 'revision', reason: REVISION_NEEDED }]);
  const optional = (name: string): string | undefined => (value[name] === undefined ? undefined : required(name));
  const subject = optional('subject') ?? '';
  const stream = optional('stream');
  const causationId = optional('causationid');
  return {
    type,
    id,
    time,
    source: required('source'),
    subject,
    key: optional('partitionkey') ?? subject,
    ...(stream === undefined ? {} : { stream }),
    ...(revision === undefined ? {} : { revision }),
    // A publisher that knows nothing of correlation starts one.
    correlationId: optional('correlationid') ?? id,
    ...(causationId === undefined ? {} : { causationId }),
    actor: optional('actor') ?? required('source'),
    data,
    // The validators above have just shown that `data` is what `type` says.
  } as Envelope;
}

const TEXT_NEEDED = 'must be a text that is not empty';
const INSTANT_NEEDED = 'must be an instant with its offset, such as "2026-03-01T00:00:00Z"';
const REVISION_NEEDED = 'must be a whole number from 0';

const TEXT_ATTRIBUTES = ['id', 'source', 'subject', 'key', 'stream', 'correlationId', 'causationId', 'actor'] as const;

/** What `decode` would refuse of them; named as the publisher knows them. */
function attributeErrors(attributes: EnvelopeAttributes): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const field of TEXT_ATTRIBUTES) if (attributes[field] === '') errors.push({ field, reason: TEXT_NEEDED });
  if (!isInstant(attributes.time)) errors.push({ field: 'time', reason: INSTANT_NEEDED });
  if (attributes.revision !== undefined && !isRevision(attributes.revision))
    errors.push({ field: 'revision', reason: REVISION_NEEDED });
  return errors;
}

function isRevision(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isMessageType(name: string): name is MessageType {
  return TYPE_NAMES.has(name);
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InvalidMessage([
      { field: '', reason: `no JSON: ${error instanceof Error ? error.message : String(error)}` },
    ]);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidMessage([{ field: '', reason: 'an object is needed' }]);
  return value as Record<string, unknown>;
}

function fieldError({ instancePath, keyword, params, parentSchema, message, propertyName }: ErrorObject): FieldError {
  const path = unescaped(instancePath.slice(1));
  const within = (name: unknown): string => (path === '' ? String(name) : `${path}/${String(name)}`);
  // The name of a property is at fault, not its value.
  const field = propertyName === undefined ? path : within(propertyName);
  switch (keyword) {
    case 'required':
      return { field: within(params['missingProperty']), reason: 'is missing' };
    case 'additionalProperties':
      return { field: within(params['additionalProperty']), reason: 'is not known here' };
    case 'discriminator':
      return {
        field: within(params['tag']),
        reason:
          params['tagValue'] === undefined ? 'is missing' : `"${String(params['tagValue'])}" is none that is known`,
      };
    case 'enum':
      return { field, reason: `must be one of ${String(parentSchema?.['enum']).replaceAll(',', ', ')}` };
    case 'minLength':
      return { field, reason: 'must not be empty' };
    case 'type':
    case 'pattern':
    case 'format': {
      const description: unknown = parentSchema?.['description'];
      return {
        field,
        reason: typeof description === 'string' ? `must be ${description}` : (message ?? keyword),
      };
    }
    default:
      return { field, reason: message ?? keyword };
  }
}

/** A JSON pointer's own escapes (RFC 6901). */
function unescaped(pointer: string): string {
  return pointer.replaceAll('~1', '/').replaceAll('~0', '~');
}
