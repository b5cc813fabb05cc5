/** The hash that tells two contents apart: SHA-256 of canonical JSON (RFC 8785), in lower-case hex. */
import { sha256 } from '@tantieme/event-store/sha256';
import { canonicalJson } from '@tantieme/event-store/canonical-json';

/** @throws {NotCanonical} for what JSON cannot represent exactly, such as a lone surrogate */
export function contentHash(value: unknown): string {
  return sha256(canonicalJson(value));
}
