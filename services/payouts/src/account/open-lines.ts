/**
 * The open ledger lines of one account: those that are not on a statement yet. An account may have lines of many
 * thousand deals, and many accounts are in memory at once. So the fields that lines share are stored once, and the rest
 * as one text per deal. If even that is too much, the lines are evicted, and only the newest revision of each stream
 * stays.
 */
import type { LedgerLine } from '@tantieme/contracts/ledger';

/** The fields that many lines share. */
interface SharedFields extends Pick<LedgerLine, 'period' | 'origin' | 'plan' | 'component' | 'kind'> {
  readonly calendar: string;
  /** True if the lines belong to the deal that is their key; false for a bonus, which has no single deal. */
  readonly ofDeal: boolean;
}

/** Index of the `SharedFields`, then `line`, `basis`, `amount`, and `exchanged` if there is any. */
type PackedLine = readonly [
  shared: number,
  line: string,
  basis: string,
  amount: string,
  exchanged?: LedgerLine['exchanged'],
];

/** The newest revision of a key: a number, or JSON of `[revision, …PackedLine]` if it has open lines. */
type PackedKey = number | string;

/** Approximate bytes of a map entry and the header of its key, without the characters. */
const ENTRY_BYTES = 96;

/** The newest revision of a stream, with the keys that it contains lines of. */
interface NewestRevision {
  readonly revision: number;
  readonly keys: Set<string>;
}

/** Lines by the stream that they come from and by key: a deal, or a window of a programme. */
export class OpenLines {
  private readonly shared: SharedFields[] = [];
  private readonly sharedIndex = new Map<string, number>();
  private readonly streams = new Map<string, Map<string, PackedKey>>();
  private readonly newest = new Map<string, NewestRevision>();
  private entryBytes = 0;
  private hasEvicted = false;

  /** True if the lines were evicted; then only `isNew` and `replace` work. */
  get isEvicted(): boolean {
    return this.hasEvicted;
  }

  /** Approximate bytes in memory. */
  get bytes(): number {
    return this.entryBytes + this.shared.length * 400 + this.newest.size * 300;
  }

  /** Newest revision of a key; undefined for an unknown key. */
  revisionOf(stream: string, key: string): number | undefined {
    const packed = this.streams.get(stream)?.get(key);
    return packed === undefined ? undefined : revisionIn(packed);
  }

  /**
   * Whether a revision of a key is newer than the one stored. The revisions of a stream only grow, so a revision beyond
   * the newest of its stream is new for every key.
   * @returns undefined if only the evicted lines could answer
   */
  isNew(stream: string, key: string, revision: number): boolean | undefined {
    if (!this.isEvicted) return (this.revisionOf(stream, key) ?? -1) < revision;
    const newest = this.newest.get(stream);
    if (newest === undefined || newest.revision < revision) return true;
    if (newest.revision > revision) return undefined;
    return !newest.keys.has(key);
  }

  evict(): void {
    this.hasEvicted = true;
    this.streams.clear();
    this.shared.length = 0;
    this.sharedIndex.clear();
    this.entryBytes = 0;
  }

  /** Replaces all lines of the key. */
  replace(stream: string, key: string, revision: number, calendar: string, lines: readonly LedgerLine[]): void {
    const newest = this.newest.get(stream);
    if (newest?.revision === revision) newest.keys.add(key);
    else if (newest === undefined || newest.revision < revision)
      this.newest.set(stream, { revision, keys: new Set([key]) });
    if (this.isEvicted) return;
    let keys = this.streams.get(stream);
    if (keys === undefined) {
      keys = new Map();
      this.streams.set(stream, keys);
    }
    const before = keys.get(key);
    if (before === undefined) this.entryBytes += ENTRY_BYTES + key.length;
    else this.entryBytes -= bytesOf(before);
    const packed =
      lines.length === 0 ? revision : JSON.stringify([revision, ...lines.map((line) => this.pack(calendar, line))]);
    keys.set(key, packed);
    this.entryBytes += bytesOf(packed);
  }

  /** The lines of one period by stream, without streams that have none. */
  linesOf(calendar: string, period: string): Map<string, LedgerLine[]> {
    const isWanted = this.shared.map((shared) => shared.calendar === calendar && shared.period === period);
    const found = new Map<string, LedgerLine[]>();
    if (!isWanted.includes(true)) return found;
    for (const [stream, keys] of this.streams) {
      const lines: LedgerLine[] = [];
      for (const [key, packed] of keys)
        for (const line of linesIn(packed)) if (isWanted[line[0]] === true) lines.push(this.unpack(key, line));
      if (lines.length > 0) found.set(stream, lines);
    }
    return found;
  }

  /**
   * The earliest period before `period` that has a line in the calendar; undefined if none has.
   * @param isLeftOut periods that do not count
   */
  earliestPeriodBefore(
    calendar: string,
    period: string,
    isLeftOut: (period: string) => boolean = () => false,
  ): string | undefined {
    const isEarlier = this.shared.map(
      (shared) => shared.calendar === calendar && shared.period < period && !isLeftOut(shared.period),
    );
    if (!isEarlier.includes(true)) return undefined;
    let earliest: string | undefined;
    for (const keys of this.streams.values())
      for (const packed of keys.values())
        for (const [shared] of linesIn(packed)) {
          const found = isEarlier[shared] === true ? this.shared[shared]?.period : undefined;
          if (found !== undefined && (earliest === undefined || found < earliest)) earliest = found;
        }
    return earliest;
  }

  /** Removes the lines of a period once a statement has them; revisions stay. */
  remove(calendar: string, period: string): void {
    const isRemoved = this.shared.map((shared) => shared.calendar === calendar && shared.period === period);
    for (const keys of this.streams.values())
      for (const [key, packed] of keys) {
        const lines = linesIn(packed);
        const left = lines.filter(([shared]) => isRemoved[shared] !== true);
        if (left.length === lines.length) continue;
        const rest = left.length === 0 ? revisionIn(packed) : JSON.stringify([revisionIn(packed), ...left]);
        this.entryBytes += bytesOf(rest) - bytesOf(packed);
        keys.set(key, rest);
      }
  }

  private pack(calendar: string, line: LedgerLine): PackedLine {
    const { period, origin, plan, component, kind } = line;
    const ofDeal = line.deal !== '';
    // No part contains a line break: the contracts refuse control characters.
    const name = `${calendar}\n${period}\n${origin}\n${plan}\n${component}\n${kind}\n${ofDeal}`;
    let index = this.sharedIndex.get(name);
    if (index === undefined) {
      index = this.shared.push({ calendar, period, origin, plan, component, kind, ofDeal }) - 1;
      this.sharedIndex.set(name, index);
    }
    const { line: lineId, basis, amount, exchanged } = line;
    return exchanged === undefined ? [index, lineId, basis, amount] : [index, lineId, basis, amount, exchanged];
  }

  private unpack(key: string, [index, line, basis, amount, exchanged]: PackedLine): LedgerLine {
    const shared = this.shared[index];
    if (shared === undefined) throw new Error(`a packed line names shared fields ${index}, which do not exist`);
    const { period, origin, plan, component, kind, ofDeal } = shared;
    const unpacked = { period, origin, plan, component, deal: ofDeal ? key : '', line, kind, basis, amount };
    return exchanged === undefined ? unpacked : { ...unpacked, exchanged };
  }
}

function revisionIn(packed: PackedKey): number {
  return typeof packed === 'number' ? packed : Number.parseInt(packed.slice(1), 10);
}

function linesIn(packed: PackedKey): readonly PackedLine[] {
  if (typeof packed === 'number') return [];
  const [, ...lines] = JSON.parse(packed) as [number, ...PackedLine[]];
  return lines;
}

function bytesOf(packed: PackedKey): number {
  return typeof packed === 'number' ? 0 : 16 + packed.length;
}
