import { hash } from 'node:crypto';

/** SHA-256 of a text's UTF-8 bytes, lower-case hex. A pure function, kept here because the domain imports nothing of Node. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}
