/**
 * The lines of one measurement in canonical order, as a B-tree. Each node holds the sum of its lines and the range of
 * the running sum within it. Finding, adding and removing a line takes O(log n). So does finding the lines whose
 * earning changes when the running sum shifts: nodes that stay within one piece of the curve are skipped.
 */
import { withinOnePiece } from '../plan/curve.js';
import type { Curve } from '../plan/curve.js';
import { compareLines } from './canonical-order.js';
import type { MeasuredLine } from './canonical-order.js';
/** Largest number of lines in a leaf and of children in a branch. */
const WIDTH = 32;

interface Leaf<Line> {
  readonly lines: Line[];
  readonly children?: undefined;
  count: number;
  sumMinor: bigint;
  /** Range of the running sum within the node, counted from 0 at its start. */
  minMinor: bigint;
  maxMinor: bigint;
}

interface Branch<Line> extends Omit<Leaf<Line>, 'lines' | 'children'> {
  readonly lines?: undefined;
  readonly children: Node<Line>[];
}

type Node<Line> = Leaf<Line> | Branch<Line>;

export class MeasuredLines<Line extends MeasuredLine> {
  private root: Node<Line> = leafOf<Line>([]);
  /** Sum of the evicted lines. They lie before all others. */
  private evictedMinor = 0n;

  /** True where no line is left and the evicted lines sum to 0. */
  get isEmpty(): boolean {
    return this.root.count === 0 && this.evictedMinor === 0n;
  }

  /**
   * Evicts the line and all lines before it, and keeps their sum. After that, no line up to it may be added, removed or
   * looked up.
   */
  evictThrough(last: MeasuredLine): void {
    const retained: Line[] = [];
    for (const line of this)
      if (compareLines(line, last) > 0) retained.push(line);
      else this.evictedMinor += line.basisMinor;
    this.root = leafOf<Line>([]);
    for (const line of retained) this.add(line);
  }

  /** Sum of the lines before a line, which need not be in the measurement. */
  sumBefore(line: MeasuredLine): bigint {
    let sumMinor = this.evictedMinor;
    let node = this.root;
    while (node.children !== undefined) {
      const { children } = node;
      const index = childFor(children, line);
      for (let at = 0; at < index; at++) sumMinor += children[at]?.sumMinor ?? 0n;
      const child = children[index];
      if (child === undefined) return sumMinor;
      node = child;
    }
    for (const one of node.lines) {
      if (compareLines(one, line) >= 0) break;
      sumMinor += one.basisMinor;
    }
    return sumMinor;
  }

  add(line: Line): void {
    const right = addTo(this.root, line);
    if (right !== undefined) this.root = branchOf([this.root, right]);
  }

  /** @returns false where this very object is not in the measurement */
  remove(line: Line): boolean {
    const removed = removeFrom(this.root, line);
    while (this.root.children?.length === 1) {
      const [only] = this.root.children;
      if (only === undefined) break;
      this.root = only;
    }
    return removed;
  }

  /**
   * Visits the lines from `from` (inclusive; default: the first) to `until` (exclusive) whose earning may change when
   * the running sum before them grows by `byMinor`.
   * @param visit `beforeMinor` is the running sum before the line without the shift
   */
  shifted(
    curve: Curve,
    byMinor: bigint,
    from: MeasuredLine | undefined,
    until: MeasuredLine | undefined,
    visit: (line: Line, beforeMinor: bigint) => void,
  ): void {
    const walk = (node: Node<Line>, startMinor: bigint, open: boolean, closed: boolean): void => {
      if (!open && !closed && isUnaffected(curve, node, startMinor, byMinor)) return;
      let sumMinor = startMinor;
      if (node.children === undefined) {
        for (const line of node.lines) {
          const isIn =
            !(open && from !== undefined && compareLines(line, from) < 0) &&
            !(closed && until !== undefined && compareLines(line, until) >= 0);
          if (isIn) visit(line, sumMinor);
          sumMinor += line.basisMinor;
        }
        return;
      }
      const first = open && from !== undefined ? childFor(node.children, from) : 0;
      const last = closed && until !== undefined ? childFor(node.children, until) : node.children.length - 1;
      node.children.forEach((child, index) => {
        if (index >= first && index <= last) walk(child, sumMinor, open && index === first, closed && index === last);
        sumMinor += child.sumMinor;
      });
    };
    walk(this.root, this.evictedMinor, from !== undefined, until !== undefined);
  }

  *[Symbol.iterator](): Generator<Line> {
    yield* linesOf(this.root);
  }
}

/** True where no line of the node can earn another amount after the shift. */
function isUnaffected<Line>(
  curve: Curve,
  { minMinor, maxMinor }: Node<Line>,
  startMinor: bigint,
  byMinor: bigint,
): boolean {
  if (curve.kind === 'steps') return false;
  const low = startMinor + minMinor + (byMinor < 0n ? byMinor : 0n);
  const high = startMinor + maxMinor + (byMinor > 0n ? byMinor : 0n);
  return withinOnePiece(curve, low * curve.scale, high * curve.scale);
}

function* linesOf<Line>(node: Node<Line>): Generator<Line> {
  if (node.children === undefined) yield* node.lines;
  else for (const child of node.children) yield* linesOf(child);
}

function leafOf<Line extends MeasuredLine>(lines: Line[]): Leaf<Line> {
  const leaf: Leaf<Line> = { lines, count: 0, sumMinor: 0n, minMinor: 0n, maxMinor: 0n };
  summarize(leaf);
  return leaf;
}

function branchOf<Line extends MeasuredLine>(children: Node<Line>[]): Branch<Line> {
  const branch: Branch<Line> = { children, count: 0, sumMinor: 0n, minMinor: 0n, maxMinor: 0n };
  summarize(branch);
  return branch;
}

function summarize<Line extends MeasuredLine>(node: Node<Line>): void {
  let [count, sumMinor, minMinor, maxMinor] = [0, 0n, 0n, 0n];
  if (node.children === undefined)
    for (const { basisMinor } of node.lines) {
      count++;
      sumMinor += basisMinor;
      if (sumMinor < minMinor) minMinor = sumMinor;
      if (sumMinor > maxMinor) maxMinor = sumMinor;
    }
  else
    for (const child of node.children) {
      count += child.count;
      if (sumMinor + child.minMinor < minMinor) minMinor = sumMinor + child.minMinor;
      if (sumMinor + child.maxMinor > maxMinor) maxMinor = sumMinor + child.maxMinor;
      sumMinor += child.sumMinor;
    }
  node.count = count;
  node.sumMinor = sumMinor;
  node.minMinor = minMinor;
  node.maxMinor = maxMinor;
}

function firstOf<Line>(node: Node<Line>): Line | undefined {
  let at: Node<Line> | undefined = node;
  while (at?.children !== undefined) at = at.children[0];
  return at?.lines[0];
}

/** Index of the last child that does not begin after the line. */
function childFor<Line extends MeasuredLine>(children: readonly Node<Line>[], line: MeasuredLine): number {
  let low = 0;
  let high = children.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    const child = children[middle];
    const first = child === undefined ? undefined : firstOf(child);
    if (first !== undefined && compareLines(first, line) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

function positionIn<Line extends MeasuredLine>(lines: readonly Line[], line: MeasuredLine): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = lines[middle];
    if (at !== undefined && compareLines(at, line) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @returns the new right half, where the node had to be split */
function addTo<Line extends MeasuredLine>(node: Node<Line>, line: Line): Node<Line> | undefined {
  if (node.children === undefined) {
    const { lines } = node;
    const last = lines.at(-1);
    if (last === undefined || compareLines(last, line) < 0) {
      lines.push(line);
      grow(node, line.basisMinor);
    } else {
      lines.splice(positionIn(lines, line), 0, line);
      summarize(node);
    }
    if (lines.length <= WIDTH) return undefined;
    const right = leafOf(lines.splice(splitAt(lines.length, last !== undefined && lines.at(-1) === line)));
    summarize(node);
    return right;
  }
  const { children } = node;
  const index = childFor(children, line);
  const child = children[index];
  if (child === undefined) return undefined;
  const right = addTo(child, line);
  if (right === undefined) {
    if (index === children.length - 1 && isLastOf(child, line)) grow(node, line.basisMinor);
    else summarize(node);
    return undefined;
  }
  children.splice(index + 1, 0, right);
  const half =
    children.length <= WIDTH
      ? undefined
      : branchOf(children.splice(splitAt(children.length, index + 2 === children.length)));
  summarize(node);
  return half;
}

/** Lines mostly arrive in order, so a node that grows at its end is split near the end and left nearly full. */
function splitAt(length: number, atEnd: boolean): number {
  return atEnd ? length - 1 : length >>> 1;
}

function isLastOf<Line>(node: Node<Line>, line: Line): boolean {
  let at: Node<Line> | undefined = node;
  while (at?.children !== undefined) at = at.children.at(-1);
  return at?.lines.at(-1) === line;
}

function grow<Line>(node: Node<Line>, basisMinor: bigint): void {
  node.count++;
  node.sumMinor += basisMinor;
  if (node.sumMinor < node.minMinor) node.minMinor = node.sumMinor;
  if (node.sumMinor > node.maxMinor) node.maxMinor = node.sumMinor;
}

function removeFrom<Line extends MeasuredLine>(node: Node<Line>, line: Line): boolean {
  if (node.children === undefined) {
    const index = positionIn(node.lines, line);
    if (node.lines[index] !== line) return false;
    node.lines.splice(index, 1);
    summarize(node);
    return true;
  }
  const index = childFor(node.children, line);
  const child = node.children[index];
  if (child === undefined || !removeFrom(child, line)) return false;
  if (child.count === 0 && node.children.length > 1) node.children.splice(index, 1);
  summarize(node);
  return true;
}
