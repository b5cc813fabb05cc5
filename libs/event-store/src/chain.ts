/**
 * The hash chain of a stream (rule 8). The hash of an event is SHA-256, as lower-case hex, over the UTF-8 bytes of
 *
 *     previousHash \n JSON.stringify([stream, revision, id, type, version, occurredAt]) \n metadataText \n dataText
 *
 * where `previousHash` is the hash of the predecessor in the stream, and 64 zeros before the first. The texts are the stored
 * ones, so checking never serialises anything again. None of the parts can hold a raw line feed (JSON escapes it): the text is unambiguous.
 */
import { hash } from 'node:crypto';
import { quote } from './canonical-json.js';

/** What the first event of a stream is chained to. */
export const FIRST_PREDECESSOR = '0'.repeat(64);

export interface ChainedFields {
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly occurredAt: string;
  readonly metadataText: string;
  readonly dataText: string;
}

export function eventHash(previousHash: string, fields: ChainedFields): string {
  const { stream, revision, id, type, version, occurredAt, metadataText, dataText } = fields;
  const heading = `[${quote(stream)},${revision},${quote(id)},${quote(type)},${version},${quote(occurredAt)}]`;
  return hash('sha256', `${previousHash}\n${heading}\n${metadataText}\n${dataText}`, 'hex');
}
