/**
 * Messages on the wire: CloudEvents 1.0 in structured mode, with their data checked against its schema at both ends.
 */
import { check, isInstant, type FieldError } from './check.js';
import type { Deal, DealFact } from './deal.js';
import type { BonusOfWindow, EarningsOfDeal, PeriodManifest } from './ledger.js';
import type { Partner } from './partner.js';
import type { ExchangeRateFact, QuotaFact } from './reference.js';
import type { Payment, PaymentRecorded, PayoutDue, StatementIssued } from './payout.js';
import { INSTANT_DESCRIPTION, MESSAGE_TYPES, MESSAGE_VERSION, type MessageType } from './schemas.js';
import { oneOf } from './suggest.js';

export type { MessageType } from './schemas.js';

export interface MessageData {
  readonly 'deal-fact': DealFact;
  readonly deal: Deal;
  readonly partner: Partner;
  readonly 'exchange-rate': ExchangeRateFact;
  readonly quota: QuotaFact;
  readonly 'earnings-of-deal': EarningsOfDeal;
  readonly 'bonus-of-window': BonusOfWindow;
  readonly 'period-manifest': PeriodManifest;
  readonly 'statement-issued': StatementIssued;
  readonly 'payout-due': PayoutDue;
  readonly payment: Payment;
  readonly 'payment-recorded': PaymentRecorded;
}

export interface EnvelopeAttributes {
  /** Unique together with `source`: the same two again are the same message. */
  readonly id: string;
  /** ISO 8601 instant at which what the message is about happened. */
  readonly time: string;
  /** The publisher: `/commission-calculation`. */
  readonly source: string;
  /** What the message is about: the deal, the partner, the payee. */
  readonly subject: string;
  /** Key of the record: CloudEvents' `partitionkey`. */
  readonly key: string;
  /** Stream and revision of the origin: a newer revision replaces the older ones. */
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

/** A message that no consumer can ever handle, with every faulty field and the reason. */
export class InvalidMessage extends Error {
  readonly code = 'InvalidMessage';
  constructor(readonly errors: readonly FieldError[]) {
    super(errors.map(({ field, reason }) => `${field === '' ? 'the message' : `${field}:`} ${reason}`).join('; '));
  }
}

const TYPE_PREFIX = 'tantieme.';
const TYPE_SUFFIX = `.v${MESSAGE_VERSION}`;

const TYPE_NAMES: ReadonlySet<string> = new Set(MESSAGE_TYPES);

/** A message to publish: text only where a broker needs it, as readers in the same process take its content. */
export interface EnvelopeMessage<Type extends MessageType> {
  readonly key: string;
  readonly content: EnvelopeOf<Type>;
  readonly value: string;
}

/** @throws {InvalidMessage} for what `decode` would refuse, so nothing invalid is published. */
export function envelopeMessage<Type extends MessageType>(
  type: Type,
  attributes: EnvelopeAttributes,
  data: MessageData[Type],
): EnvelopeMessage<Type> {
  const errors = [...check(type, data), ...attributeErrors(attributes)];
  if (errors.length > 0) throw new InvalidMessage(errors);
  return {
    key: attributes.key,
    content: { type, ...attributes, data },
    get value() {
      return textOf(type, attributes, data);
    },
  };
}

/** The message as text. @throws {InvalidMessage} */
export function encode<Type extends MessageType>(
  type: Type,
  attributes: EnvelopeAttributes,
  data: MessageData[Type],
): string {
  return envelopeMessage(type, attributes, data).value;
}

function textOf<Type extends MessageType>(type: Type, attributes: EnvelopeAttributes, data: MessageData[Type]): string {
  // Keys have this order on every machine; undefined ones are left out.
  const text = JSON.stringify({
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
  assertFits(text);
  return text;
}

/**
 * Largest message. A consumer stores what it takes in one event with what it looked up, and the event store takes 1 MiB;
 * a Kafka broker takes 1,000,000 bytes unless it is configured otherwise.
 */
export const MESSAGE_BYTES_MAX = 900_000;

/** @throws {InvalidMessage} if the text of a message is larger than any message may be */
export function assertFits(text: string): void {
  // No character takes more than three bytes.
  if (text.length * 3 <= MESSAGE_BYTES_MAX) return;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= MESSAGE_BYTES_MAX) return;
  const reason = `has ${bytes.toLocaleString('en-US')} bytes, and at most ${MESSAGE_BYTES_MAX.toLocaleString('en-US')} are allowed; split the deal or list that it is about`;
  throw new InvalidMessage([{ field: '', reason }]);
}

/** @throws {InvalidMessage} */
export function decode(text: string): Envelope {
  assertFits(text);
  const value = parse(text);
  const required = (name: string): string => {
    const found = value[name];
    if (typeof found !== 'string' || found === '') throw new InvalidMessage([{ field: name, reason: TEXT_NEEDED }]);
    return found;
  };
  if (value['specversion'] !== '1.0')
    throw new InvalidMessage([{ field: 'specversion', reason: 'must be "1.0", the version of CloudEvents' }]);
  const named = required('type');
  const type =
    named.startsWith(TYPE_PREFIX) && named.endsWith(TYPE_SUFFIX)
      ? named.slice(TYPE_PREFIX.length, -TYPE_SUFFIX.length)
      : '';
  if (!isMessageType(type))
    throw new InvalidMessage([
      {
        field: 'type',
        reason: `must be ${oneOf(
          MESSAGE_TYPES.map((one) => TYPE_PREFIX + one + TYPE_SUFFIX),
          named,
        )}`,
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
    // A publisher without correlation ids starts a new correlation.
    correlationId: optional('correlationid') ?? id,
    actor: optional('actor') ?? required('source'),
    data,
    ...(stream !== undefined && { stream }),
    ...(revision !== undefined && { revision }),
    ...(causationId !== undefined && { causationId }),
    // The schema of `type` has just accepted `data`.
  } as Envelope;
}

const TEXT_NEEDED = 'must be a text that is not empty';
const INSTANT_NEEDED = `must be ${INSTANT_DESCRIPTION}`;
const REVISION_NEEDED = 'must be a whole number from 0';

const TEXT_ATTRIBUTES = ['id', 'source', 'subject', 'key', 'stream', 'correlationId', 'causationId', 'actor'] as const;

/** Attributes that `decode` would refuse, by their names in `EnvelopeAttributes`. */
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
      { field: '', reason: `is not JSON: ${error instanceof Error ? error.message : String(error)}` },
    ]);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidMessage([{ field: '', reason: 'must be a JSON object' }]);
  return value as Record<string, unknown>;
}
