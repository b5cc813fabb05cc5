import { hash } from 'node:crypto';

/** The project's own UUID namespace (RFC 9562, section 6.5). Generated once; must never change. */
const NAMESPACE = Buffer.from('6f1f6c0e2b5d4e0f9d6a1c2b7a3e5d48', 'hex');

/** Holds namespace and name for hashing: names are short, and every event needs one hash. */
const scratch = Buffer.alloc(4096);
NAMESPACE.copy(scratch);

/**
 * The id of an event: a UUIDv5 (RFC 9562) of its stream, its cause and its revision. A message that is delivered and
 * decided again at the same revision produces the same id (rule 2 of the design).
 */
export function eventId(stream: string, cause: string, revision: number): string {
  return uuidOf(JSON.stringify([stream, cause, revision]));
}

/** The UUIDv5 of a name in the project's namespace, for messages and other things with a computed id. */
export function uuidOf(name: string): string {
  const digest = hash('sha1', namespaced(name), 'hex');
  const variant = ((Number.parseInt(digest.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

function namespaced(name: string): Buffer {
  // A UTF-16 code unit takes at most three bytes in UTF-8.
  if (NAMESPACE.length + name.length * 3 > scratch.length) return Buffer.concat([NAMESPACE, Buffer.from(name, 'utf8')]);
  return scratch.subarray(0, NAMESPACE.length + scratch.write(name, NAMESPACE.length, 'utf8'));
}
