/**
 * Rates whole histories: lines as columns, in any order, by the same curve that rates a single line. Doubles are exact
 * for whole numbers below 2^53; BigInt is used only for histories whose sums could exceed that.
 */
import type { Calendar, Over } from '@tantieme/time/calendar/document';
import { windowAt, windowEndDay } from '@tantieme/time/calendar/periods';
import { startOfDayMs } from '@tantieme/time/time-zone';
import { divideRounded } from '@tantieme/money/rounding';
import type { RoundingMode } from '@tantieme/money/rounding';
import { difference } from '../plan/curve.js';
import type { Curve, LinearCurve } from '../plan/curve.js';

/** Lines of one component, one row per line. */
export interface LineColumns {
  /** From 0. */
  readonly payee: Int32Array;
  /** Epoch milliseconds, whole. */
  readonly atMs: Float64Array;
  /** Order of lines of the same payee and instant, ascending; unique. */
  readonly rank: Int32Array;
  /** Minor units, whole; `bigint` where they may be 2^53 or more. */
  readonly basisMinor: Float64Array | readonly bigint[];
}

/**
 * Starts of the windows that contain the instants from `firstMs` to `lastMs`, in epoch milliseconds, ascending. The
 * first is `firstMs` itself.
 */
export function windowStarts(calendar: Calendar, over: Over, firstMs: number, lastMs: number): readonly number[] {
  const starts: number[] = [firstMs];
  for (let atMs = firstMs; ;) {
    atMs = startOfDayMs(calendar.timeZone, windowEndDay(calendar, windowAt(calendar, over, atMs)));
    if (atMs > lastMs) return starts;
    starts.push(atMs);
  }
}

/**
 * What each line earns, in minor units, in the order of the rows. A line's place is the sum of the lines of its payee
 * and window before it, by instant and rank.
 * @param starts starts of the windows, ascending; lines before the first belong to the first window
 */
export function rateColumns(
  curve: Curve,
  rounding: RoundingMode,
  columns: LineColumns,
  starts: readonly number[],
): Float64Array | bigint[] {
  const { basisMinor } = columns;
  if (curve.kind === 'linear' && basisMinor instanceof Float64Array && isExact(curve, basisMinor))
    return rateNumbers(curve, rounding, { ...columns, basisMinor }, starts);
  const order = canonicalOrder(columns);
  const earned = new Array<bigint>(order.length).fill(0n);
  let beforeMinor = 0n;
  eachPlace(columns, order, starts, (row, first) => {
    if (first) beforeMinor = 0n;
    const basis = BigInt(basisMinor[row] ?? 0);
    const { numerator, denominator } = difference(curve, beforeMinor, basis);
    earned[row] = divideRounded(numerator, denominator, rounding);
    beforeMinor += basis;
  });
  return earned;
}

/** Rows by payee, instant and rank. */
export function canonicalOrder(columns: LineColumns): Int32Array {
  const { rows, places } = placesOf(columns);
  return places.map((place) => rows[place]!);
}

/** The lines grouped by payee, so that the lines of a payee are close to each other in memory. */
interface Places {
  /** First place of each payee, and at the end the number of places. */
  readonly begins: Int32Array;
  readonly rows: Int32Array;
  readonly atMs: Float64Array;
  /** Places in canonical order. */
  readonly places: Int32Array;
}

/** A counting sort by payee; then each payee's lines are sorted by numbers that pack instant and place. */
function placesOf({ payee, atMs, rank }: LineColumns): Places {
  const count = payee.length;
  let [payees, minMs, maxMs] = [0, Infinity, -Infinity];
  for (let row = 0; row < count; row++) {
    if (payee[row]! >= payees) payees = payee[row]! + 1;
    if (atMs[row]! < minMs) minMs = atMs[row]!;
    if (atMs[row]! > maxMs) maxMs = atMs[row]!;
  }
  const begins = new Int32Array(payees + 1);
  for (let row = 0; row < count; row++) begins[payee[row]! + 1]!++;
  for (let of = 0; of < payees; of++) begins[of + 1]! += begins[of]!;
  const next = begins.slice();
  const rows = new Int32Array(count);
  const instants = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    const place = next[payee[row]!]!++;
    rows[place] = row;
    instants[place] = atMs[row]!;
  }
  const places = new Int32Array(count).map((_, place) => place);
  const byRank = (left: number, right: number) => rank[rows[left]!]! - rank[rows[right]!]!;
  const keys = new Float64Array(count);
  for (let of = 0; of < payees; of++) {
    const [begin, end] = [begins[of]!, begins[of + 1]!];
    const own = end - begin;
    if ((maxMs - minMs + 1) * own > Number.MAX_SAFE_INTEGER) {
      places.subarray(begin, end).sort((left, right) => instants[left]! - instants[right]! || byRank(left, right));
      continue;
    }
    for (let place = begin; place < end; place++) keys[place] = (instants[place]! - minMs) * own + (place - begin);
    keys.subarray(begin, end).sort();
    // The truncated quotient is exact below 2^53, and many times faster than `%`.
    for (let at = begin; at < end; at++) places[at] = begin + keys[at]! - Math.floor(keys[at]! / own) * own;
    for (let from = begin; from < end;) {
      let until = from + 1;
      while (until < end && instants[places[until]!] === instants[places[from]!]) until++;
      if (until > from + 1) places.subarray(from, until).sort(byRank);
      from = until;
    }
  }
  return { begins, rows, atMs: instants, places };
}

function eachPlace(
  { payee, atMs }: LineColumns,
  order: Int32Array,
  starts: readonly number[],
  visit: (row: number, first: boolean) => void,
): void {
  let [of, endMs, window] = [-1, Infinity, 0];
  for (const row of order) {
    let first = false;
    if (payee[row] !== of) {
      [of, window, first] = [payee[row]!, 0, true];
      endMs = starts[1] ?? Infinity;
    }
    while (atMs[row]! >= endMs) {
      endMs = starts[++window + 1] ?? Infinity;
      first = true;
    }
    visit(row, first);
  }
}

/** True where no intermediate value can reach 2^53, whatever the order of the lines. */
function isExact({ scale, denominator, pieces }: LinearCurve, basisMinor: Float64Array): boolean {
  let sum = 0;
  for (let row = 0; row < basisMinor.length; row++) sum += Math.abs(basisMinor[row]!);
  if (!(sum < Number.MAX_SAFE_INTEGER)) return false;
  const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);
  const largest = (values: readonly bigint[]): bigint =>
    values.reduce((max, value) => (magnitude(value) > max ? magnitude(value) : max), 0n);
  const position = BigInt(sum) * scale + largest(pieces.map(({ end }) => end ?? 0n));
  const value = position * largest(pieces.map(({ slope }) => slope)) + largest(pieces.map((piece) => piece.valueAtEnd));
  return 2n * (value + position + denominator) <= BigInt(Number.MAX_SAFE_INTEGER);
}

function rateNumbers(
  curve: LinearCurve,
  rounding: RoundingMode,
  columns: LineColumns & { readonly basisMinor: Float64Array },
  starts: readonly number[],
): Float64Array {
  const { payee, basisMinor } = columns;
  const { begins, atMs, places } = placesOf(columns);
  const basis = new Float64Array(payee.length);
  const next = begins.slice();
  for (let row = 0; row < payee.length; row++) basis[next[payee[row]!]!++] = basisMinor[row]!;
  const [scale, denominator] = [Number(curve.scale), Number(curve.denominator)];
  const ends = Float64Array.from(curve.pieces, ({ end }) => (end === undefined ? Infinity : Number(end)));
  const slopes = Float64Array.from(curve.pieces, ({ slope }) => Number(slope));
  // Each piece as f(x) = offset + x × slope.
  const offsets = Float64Array.from(curve.pieces, ({ slope }, index) => {
    const before = curve.pieces[index - 1];
    return before === undefined ? 0 : Number(before.valueAtEnd - (before.end ?? 0n) * slope);
  });
  const last = ends.length - 1;
  const windowEnds = Float64Array.from([...starts.slice(1), Infinity]);
  // By place, not by row, so that memory is written in the order in which it is read.
  const byPlace = new Float64Array(payee.length);
  let [of, window, position, piece] = [0, 0, 0, 0];
  for (let at = 0; at < places.length; at++) {
    const place = places[at]!;
    while (at >= begins[of + 1]!) {
      of++;
      window = position = 0;
    }
    while (atMs[place]! >= windowEnds[window]!) {
      window++;
      position = 0;
    }
    piece = pieceAt(ends, last, position, piece);
    const after = position + basis[place]! * scale;
    const then = pieceAt(ends, last, after, piece);
    const numerator =
      then === piece
        ? (after - position) * slopes[piece]!
        : offsets[then]! + after * slopes[then]! - (offsets[piece]! + position * slopes[piece]!);
    byPlace[place] = rounded(numerator, denominator, rounding);
    position = after;
    piece = then;
  }
  const earned = new Float64Array(payee.length);
  next.set(begins);
  for (let row = 0; row < payee.length; row++) earned[row] = byPlace[next[payee[row]!]!++]!;
  return earned;
}

/**
 * Index of the piece that contains a position, searched from piece `from`; a boundary belongs to the piece that it
 * ends.
 */
function pieceAt(ends: Float64Array, last: number, position: number, from: number): number {
  let piece = from;
  while (piece > 0 && position <= ends[piece - 1]!) piece--;
  while (piece < last && position > ends[piece]!) piece++;
  return piece;
}

/** `divideRounded` for whole numbers below 2^53, whose truncated quotient and remainder are exact. */
function rounded(numerator: number, denominator: number, mode: RoundingMode): number {
  const cut = Math.trunc(numerator / denominator);
  const remainder = numerator - cut * denominator;
  if (remainder === 0 || mode === 'down') return cut + 0;
  const twice = 2 * Math.abs(remainder);
  const away =
    mode === 'half-up' ? twice >= denominator : twice > denominator || (twice === denominator && cut % 2 !== 0);
  if (!away) return cut + 0;
  return numerator < 0 ? cut - 1 : cut + 1;
}
