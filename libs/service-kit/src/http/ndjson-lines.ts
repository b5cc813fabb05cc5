/** Splits an NDJSON stream into lines, in bounded memory however long a line is. */
import { isUtf8 } from 'node:buffer';

const NEWLINE = 0x0a;

/** Largest length of a line, in bytes: nothing longer fits into an event. */
export const LINE_BYTES_MAX = 1024 * 1024;

export interface Line {
  readonly text: string;
  /** Why the line is unusable; its text is then shortened or undecoded. */
  readonly fault?: string;
}

/** Yields the non-blank lines: one batch for each chunk of the stream that ends a line. */
export async function* ndjsonLines(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<readonly Line[]> {
  /** The beginning of a line whose end has not arrived yet. */
  let open: Buffer[] = [];
  let openBytes = 0;
  let first = true;

  const append = (piece: Buffer): void => {
    openBytes += piece.length;
    // Of a line that is too long only the beginning is stored, to identify it.
    if (openBytes <= LINE_BYTES_MAX + piece.length) open.push(piece);
  };
  const close = (): Line | undefined => {
    const bytes = open.length === 1 ? open[0] : Buffer.concat(open);
    const length = openBytes;
    open = [];
    openBytes = 0;
    const line = bytes === undefined ? undefined : lineOf(bytes, length, first);
    first = false;
    return line;
  };

  for await (const piece of stream) {
    const chunk =
      typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      append(chunk.subarray(start, end));
      const line = close();
      if (line !== undefined) lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) append(Buffer.from(chunk.subarray(start)));
    if (lines.length > 0) yield lines;
  }
  const last = openBytes > 0 ? close() : undefined;
  if (last !== undefined) yield [last];
}

/** Undefined for a blank line. */
function lineOf(bytes: Buffer, length: number, first: boolean): Line | undefined {
  if (length > LINE_BYTES_MAX)
    return {
      text: bytes.toString('utf8', 0, RAW_SHOWN_BYTES),
      fault: `has ${length} bytes; a line may have ${LINE_BYTES_MAX}`,
    };
  if (!isUtf8(bytes)) return { text: bytes.toString('latin1'), fault: 'is not UTF-8' };
  const text = bytes.toString('utf8');
  const trimmed = (first && text.startsWith('\ufeff') ? text.slice(1) : text).trim();
  return trimmed === '' ? undefined : { text: trimmed };
}

const RAW_SHOWN_BYTES = 4096;
