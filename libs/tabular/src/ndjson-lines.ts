/** Lines of an NDJSON stream, in bounded memory whatever a line's length. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { LINE_BYTES_MAX, RAW_SHOWN_BYTES } from './limits.js';

const NEWLINE = 0x0a;

export interface Line {
  /** Number of the line in the stream, from 1; blank lines count. */
  readonly row: number;
  readonly text: string;
  /** Why the text is not the whole line as it was sent. */
  readonly fault?: string;
}

/** The lines that are not blank, in batches as the stream's chunks deliver them. */
export async function* ndjsonLines(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<readonly Line[]> {
  /** The beginning of a line whose end has not arrived yet. */
  let open: Buffer[] = [];
  let openBytes = 0;
  /** Of a line that is too long: tells it from others with the same beginning. */
  let hash: Hash | undefined;
  let row = 0;

  const add = (piece: Buffer): void => {
    openBytes += piece.length;
    if (openBytes <= LINE_BYTES_MAX) {
      open.push(piece);
      return;
    }
    if (hash === undefined) {
      hash = createHash('sha256');
      for (const before of open) hash.update(before);
      open = [Buffer.concat([...open, piece]).subarray(0, RAW_SHOWN_BYTES)];
    }
    hash.update(piece);
  };
  const close = (): Line | undefined => {
    const bytes = open.length === 1 ? open[0] : Buffer.concat(open);
    const tooLong = hash === undefined ? undefined : { length: openBytes, sha256: hash.digest('hex') };
    open = [];
    openBytes = 0;
    hash = undefined;
    row += 1;
    return bytes === undefined ? undefined : lineOf(bytes, tooLong, row);
  };

  for await (const piece of stream) {
    const chunk =
      typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      const line = close();
      if (line !== undefined) lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) add(Buffer.from(chunk.subarray(start)));
    if (lines.length > 0) yield lines;
  }
  const last = openBytes > 0 ? close() : undefined;
  if (last !== undefined) yield [last];
}

/** Undefined for a blank line. */
function lineOf(
  bytes: Buffer,
  tooLong: { readonly length: number; readonly sha256: string } | undefined,
  row: number,
): Line | undefined {
  if (tooLong !== undefined)
    return {
      row,
      text: `${bytes.toString('utf8')}… (SHA-256 of the line: ${tooLong.sha256})`,
      fault: `has ${tooLong.length} bytes, more than ${LINE_BYTES_MAX}; only its beginning is kept`,
    };
  if (!isUtf8(bytes)) return { row, text: bytes.toString('latin1'), fault: 'is not UTF-8' };
  const text = bytes.toString('utf8');
  const trimmed = (row === 1 && text.startsWith('\ufeff') ? text.slice(1) : text).trim();
  return trimmed === '' ? undefined : { row, text: trimmed };
}
