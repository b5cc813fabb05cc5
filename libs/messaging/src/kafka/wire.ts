/** Maps messages of the port to Kafka records, by CloudEvents' Kafka protocol binding 1.0.2. */
import { fromBinaryMode, isEnvelope, isStructured, STRUCTURED_CONTENT_TYPE } from '@tantieme/contracts/cloud-events';
import type { IHeaders, KafkaMessage, Message as ProducedMessage } from 'kafkajs';
import type { Message, OutgoingMessage } from '../broker.js';

const CONTENT_TYPE = 'content-type';

/** Sends envelopes in structured mode: the value is the given text, byte for byte. */
export function toWire({ key, value, headers }: OutgoingMessage): ProducedMessage {
  if (headers?.[CONTENT_TYPE] !== undefined || !isEnvelope(value))
    return { key, value, ...(headers ? { headers } : {}) };
  return { key, value, headers: { ...headers, [CONTENT_TYPE]: STRUCTURED_CONTENT_TYPE } };
}

/** Converts binary mode, which other systems may use, to an envelope. */
export function fromWire(topic: string, partition: number, message: KafkaMessage): Message {
  const headers = textHeaders(message.headers);
  const key = message.key?.toString() ?? '';
  const value = message.value?.toString() ?? '';
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    key,
    value: isStructured(headers[CONTENT_TYPE]) ? value : (fromBinaryMode(headers, key, value) ?? value),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
  };
}

/** Of a repeated header the last value counts. */
function textHeaders(headers: IHeaders = {}): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) texts[name] = last.toString();
  }
  return texts;
}
