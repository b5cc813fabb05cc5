/** Lines of an NDJSON stream, in bounded memory whatever a line's length. */
import { isUtf8 } from 'node:buffer';

const NEWLINE = 0x0a;

/** Largest line, in bytes: an event cannot hold more. */
export const LINE_BYTES_MAX = 1024 * 1024;

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
  let row = 0;

  const add = (piece: Buffer): void => {
    openBytes += piece.length;
    // The beginning of a line that is too long is kept, to identify the line.
    if (openBytes <= LINE_BYTES_MAX + piece.length) open.push(piece);
  };
  const close = (): Line | undefined => {
    const bytes = open.length === 1 ? open[0] : Buffer.concat(open);
    const length = openBytes;
    open = [];
    openBytes = 0;
    row += 1;
    return bytes === undefined ? undefined : lineOf(bytes, length, row);
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
function lineOf(bytes: Buffer, length: number, row: number): Line | undefined {
  if (length > LINE_BYTES_MAX)
    return {
      row,
      text: bytes.toString('utf8', 0, RAW_SHOWN_BYTES),
      fault: `has ${length} bytes, more than ${LINE_BYTES_MAX}`,
    };
  if (!isUtf8(bytes)) return { row, text: bytes.toString('latin1'), fault: 'is not UTF-8' };
  const text = bytes.toString('utf8');
  const trimmed = (row === 1 && text.startsWith('\ufeff') ? text.slice(1) : text).trim();
  return trimmed === '' ? undefined : { row, text: trimmed };
}

const RAW_SHOWN_BYTES = 4096;
