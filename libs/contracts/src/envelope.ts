/** Messages on the wire: CloudEvents 1.0 in structured mode, their data checked against its schema at both ends. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Deal, DealFact } from './deal.js';
import type { BonusOfWindow, EarningsOfDeal, PeriodManifest } from './ledger.js';
import type { Partner } from './partner.js';
import type { PayoutDue, StatementIssued } from './payout.js';
import { MESSAGE_TYPES, MESSAGE_VERSION, schemaOf, type MessageType } from './schemas.js';

export type { MessageType } from './schemas.js';

export interface MessageData {
  readonly 'deal-fact': DealFact;
  readonly deal: Deal;
  readonly partner: Partner;
  readonly 'earnings-of-deal': EarningsOfDeal;
  readonly 'bonus-of-window': BonusOfWindow;
  readonly 'period-manifest': PeriodManifest;
  readonly 'statement-issued': StatementIssued;
  readonly 'payout-due': PayoutDue;
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

const ajv = new Ajv2020({ allErrors: false, discriminator: true, strict: true, strictRequired: false });
addFormats.default(ajv);
const validators = new Map<string, ValidateFunction>(MESSAGE_TYPES.map((type) => [type, ajv.compile(schemaOf(type))]));

/** What is wrong with the data of a message; empty where nothing is. */
export function check(type: MessageType, data: unknown): readonly FieldError[] {
  const validate = validators.get(type);
  if (!validate) throw new TypeError(`there is no message type ${type}`);
  return validate(data) ? [] : (validate.errors ?? []).map(fieldError);
}

/** The message as text. @throws {InvalidMessage} for data that its schema refuses: nothing invalid is published. */
export function encode<Type extends MessageType>(
  type: Type,
  attributes: EnvelopeAttributes,
  data: MessageData[Type],
): string {
  const errors = check(type, data);
  if (errors.length > 0) throw new InvalidMessage(errors);
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
    if (typeof found !== 'string' || found === '')
      throw new InvalidMessage([{ field: name, reason: 'a text that is not empty is needed' }]);
    return found;
  };
  if (value['specversion'] !== '1.0')
    throw new InvalidMessage([{ field: 'specversion', reason: 'only CloudEvents 1.0 is understood' }]);
  const named = required('type');
  const type =
    named.startsWith(TYPE_PREFIX) && named.endsWith(TYPE_SUFFIX)
      ? named.slice(TYPE_PREFIX.length, -TYPE_SUFFIX.length)
      : '';
  if (!validators.has(type))
    throw new InvalidMessage([
      {
        field: 'type',
        reason: `"${named}" is none of ${MESSAGE_TYPES.map((one) => TYPE_PREFIX + one + TYPE_SUFFIX).join(', ')}`,
      },
    ]);
  const data = value['data'];
  const errors = check(type as MessageType, data);
  if (errors.length > 0) throw new InvalidMessage(errors);
  const id = required('id');
  const revision = value['revision'];
  if (revision !== undefined && !(typeof revision === 'number' && Number.isSafeInteger(revision) && revision >= 0))
    throw new InvalidMessage([{ field: 'revision', reason: 'a whole number from 0 is needed' }]);
  const optional = (name: string): string | undefined => (value[name] === undefined ? undefined : required(name));
  const subject = optional('subject') ?? '';
  const stream = optional('stream');
  const causationId = optional('causationid');
  return {
    type,
    id,
    time: required('time'),
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

function fieldError({ instancePath, keyword, params, message }: ErrorObject): FieldError {
  const path = instancePath.slice(1);
  const within = (name: unknown): string => (path === '' ? String(name) : `${path}/${String(name)}`);
  switch (keyword) {
    case 'required':
      return { field: within(params['missingProperty']), reason: 'is missing' };
    case 'additionalProperties':
      return { field: within(params['additionalProperty']), reason: 'is not known here' };
    case 'discriminator':
      return { field: within(params['tag']), reason: `"${String(params['tagValue'])}" is none that is known` };
    case 'enum':
      return { field: path, reason: `must be one of ${(params['allowedValues'] as readonly unknown[]).join(', ')}` };
    default:
      return { field: path, reason: message ?? keyword };
  }
}
