/**
 * The lines of one measurement in canonical order, in a tree that knows the sum of every part of it, and the least and most
 * that the running sum reaches there. A line is found, added and taken out in O(log n), and so are the lines that a shift of
 * the running sum rates anew: parts that lie within one piece of the curve before and after it are passed over whole.
 */
import { withinOnePiece } from '../plan/curve.js';
import type { Curve } from '../plan/curve.js';
import { compareLines } from './canonical-order.js';
import type { MeasuredLine } from './canonical-order.js';
/** Lines of a leaf, and children of a node, at the most. */
const WIDTH = 32;

interface Leaf<Line> {
  readonly lines: Line[];
  readonly children?: undefined;
  count: number;
  sumMinor: bigint;
  /** Least and most of the running sum within the part, from 0 at its start. */
  leastMinor: bigint;
  mostMinor: bigint;
}

interface Branch<Line> extends Omit<Leaf<Line>, 'lines' | 'children'> {
  readonly lines?: undefined;
  readonly children: Node<Line>[];
}

type Node<Line> = Leaf<Line> | Branch<Line>;

export class MeasuredLines<Line extends MeasuredLine> {
  private root: Node<Line> = leafOf<Line>([]);
  /** Sum of lines that were evicted; they stand before all others. */
  private evictedMinor = 0n;

  /** True where it holds nothing, not even the sum of what was evicted. */
  get isEmpty(): boolean {
    return this.root.count === 0 && this.evictedMinor === 0n;
  }

  /**
   * Forgets the line and all before it, but for their sum. From then on no line up to it may be added or taken out, or be
   * asked for its place.
   */
  evictThrough(last: MeasuredLine): void {
    const kept: Line[] = [];
    for (const line of this)
      if (compareLines(line, last) > 0) kept.push(line);
      else this.evictedMinor += line.basisMinor;
    this.root = leafOf<Line>([]);
    for (const line of kept) this.add(line);
  }

  /** What the measurement holds before the line, which may or may not stand in it. */
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

  /** @returns false where the very line does not stand here */
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
   * Calls for each line from `from` (inclusive; the first where undefined) to before `until` that may earn something else where
   * the running sum before it is `byMinor` more than it is. `beforeMinor` is the sum before the line as the tree has it.
   */
  shifted(
    curve: Curve,
    byMinor: bigint,
    from: MeasuredLine | undefined,
    until: MeasuredLine | undefined,
    visit: (line: Line, beforeMinor: bigint) => void,
  ): void {
    const walk = (node: Node<Line>, startMinor: bigint, open: boolean, closed: boolean): void => {
      if (!open && !closed && isStill(curve, node, startMinor, byMinor)) return;
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

/** True where no line of the part can earn something else after the shift. */
function isStill<Line>(
  curve: Curve,
  { leastMinor, mostMinor }: Node<Line>,
  startMinor: bigint,
  byMinor: bigint,
): boolean {
  if (curve.kind === 'steps') return false;
  const low = startMinor + leastMinor + (byMinor < 0n ? byMinor : 0n);
  const high = startMinor + mostMinor + (byMinor > 0n ? byMinor : 0n);
  return withinOnePiece(curve, low * curve.scale, high * curve.scale);
}

function* linesOf<Line>(node: Node<Line>): Generator<Line> {
  if (node.children === undefined) yield* node.lines;
  else for (const child of node.children) yield* linesOf(child);
}

function leafOf<Line extends MeasuredLine>(lines: Line[]): Leaf<Line> {
  const leaf: Leaf<Line> = { lines, count: 0, sumMinor: 0n, leastMinor: 0n, mostMinor: 0n };
  summarize(leaf);
  return leaf;
}

function branchOf<Line extends MeasuredLine>(children: Node<Line>[]): Branch<Line> {
  const branch: Branch<Line> = { children, count: 0, sumMinor: 0n, leastMinor: 0n, mostMinor: 0n };
  summarize(branch);
  return branch;
}

function summarize<Line extends MeasuredLine>(node: Node<Line>): void {
  let [count, sumMinor, leastMinor, mostMinor] = [0, 0n, 0n, 0n];
  if (node.children === undefined)
    for (const { basisMinor } of node.lines) {
      count++;
      sumMinor += basisMinor;
      if (sumMinor < leastMinor) leastMinor = sumMinor;
      if (sumMinor > mostMinor) mostMinor = sumMinor;
    }
  else
    for (const child of node.children) {
      count += child.count;
      if (sumMinor + child.leastMinor < leastMinor) leastMinor = sumMinor + child.leastMinor;
      if (sumMinor + child.mostMinor > mostMinor) mostMinor = sumMinor + child.mostMinor;
      sumMinor += child.sumMinor;
    }
  node.count = count;
  node.sumMinor = sumMinor;
  node.leastMinor = leastMinor;
  node.mostMinor = mostMinor;
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

/** @returns the right half, where the node had to be split */
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

/** Lines come in order for the most part: a part that grows at its end is left nearly full. */
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
  if (node.sumMinor < node.leastMinor) node.leastMinor = node.sumMinor;
  if (node.sumMinor > node.mostMinor) node.mostMinor = node.sumMinor;
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
