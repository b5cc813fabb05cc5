/**
 * The hash chain of a stream (rule 8). The hash of an event is SHA-256, as lower-case hex, over the UTF-8 bytes of
 *
 *     previousHash \n JSON.stringify([stream, revision, id, type, version, occurredAt]) \n metadataText \n dataText
 *
 * where `previousHash` is the hash of the previous event of the stream, or 64 zeros for the first. The texts are the
 * stored ones, so verifying never serialises anything. The result is unambiguous, as no part contains a raw line feed
 * (JSON escapes it).
 */
import { hash } from 'node:crypto';
import { quote } from './canonical-json.js';

/** The previous hash of the first event of a stream. */
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
