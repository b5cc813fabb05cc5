import { hash } from 'node:crypto';

/** SHA-256 of a text's UTF-8 bytes, lower-case hex: what hashes of stored and published things are made with. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}
