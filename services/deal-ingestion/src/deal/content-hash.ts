/** What tells two contents apart: SHA-256 of canonical JSON (RFC 8785), lower-case hex. */
import { sha256 } from '@tantieme/event-store/sha256';
import { canonicalJson } from '@tantieme/event-store/canonical-json';

/** @throws {NotCanonical} for what JSON cannot say exactly, a lone surrogate for one. */
export function contentHash(value: unknown): string {
  return sha256(canonicalJson(value));
}
