/**
 * Ledger lines as an account holds them until they stand on a statement. An account may hold the lines of many thousand
 * deals, and many accounts are in memory at once: what lines have in common is kept once, and the rest as one text a deal. Where even
 * that is too much, the lines are forgotten, and only the newest revision of each stream is known.
 */
import type { LedgerLine } from '@tantieme/contracts/ledger';

/** What many lines have in common. */
interface Common extends Pick<LedgerLine, 'period' | 'origin' | 'plan' | 'component' | 'kind'> {
  readonly calendar: string;
  /** The lines are of the deal that they are kept under; else (a bonus) of no single deal. */
  readonly ofDeal: boolean;
}

/** Number of its `Common`, then `line`, `basis`, `amount`, and `exchanged` where there is any. */
type Packed = readonly [
  common: number,
  line: string,
  basis: string,
  amount: string,
  exchanged?: LedgerLine['exchanged'],
];

/** Newest revision taken of a key: alone, or (as JSON of `[revision, …Packed]`) with the lines still open. */
type Held = number | string;

/** Bytes of a map entry with its key's header, beside the characters; measured roughly. */
const ENTRY_BYTES = 96;

/** The newest that was taken of a stream: a revision may tell of several keys. */
interface Newest {
  readonly revision: number;
  readonly keys: Set<string>;
}

/** The open lines of one account, by the stream that they come from and by key (a deal, or a programme's window). */
export class HeldLines {
  private readonly commons: Common[] = [];
  private readonly commonIndex = new Map<string, number>();
  private readonly origins = new Map<string, Map<string, Held>>();
  private readonly newest = new Map<string, Newest>();
  private entryBytes = 0;
  private areForgotten = false;

  /** False where the lines were forgotten: all that is left to ask is whether something is new. */
  get isWhole(): boolean {
    return !this.areForgotten;
  }

  /** Bytes in memory, roughly. */
  get bytes(): number {
    return this.entryBytes + this.commons.length * 400 + this.newest.size * 300;
  }

  /** Newest revision held of a key, undefined where there is none. */
  revisionOf(stream: string, key: string): number | undefined {
    const held = this.origins.get(stream)?.get(key);
    return held === undefined ? undefined : revisionIn(held);
  }

  /**
   * Whether a revision of a key is newer than what is held of it. A stream's revisions only grow, so that one beyond all that were taken
   * of it is new whatever its key. @returns undefined where only the lines that were forgotten could tell
   */
  isNew(stream: string, key: string, revision: number): boolean | undefined {
    if (this.isWhole) return (this.revisionOf(stream, key) ?? -1) < revision;
    const newest = this.newest.get(stream);
    if (newest === undefined || newest.revision < revision) return true;
    if (newest.revision > revision) return undefined;
    return !newest.keys.has(key);
  }

  forget(): void {
    this.areForgotten = true;
    this.origins.clear();
    this.commons.length = 0;
    this.commonIndex.clear();
    this.entryBytes = 0;
  }

  /** Puts these lines in the place of all that was held of the key. */
  replace(stream: string, key: string, revision: number, calendar: string, lines: readonly LedgerLine[]): void {
    const newest = this.newest.get(stream);
    if (newest?.revision === revision) newest.keys.add(key);
    else if (newest === undefined || newest.revision < revision)
      this.newest.set(stream, { revision, keys: new Set([key]) });
    if (!this.isWhole) return;
    let keys = this.origins.get(stream);
    if (keys === undefined) {
      keys = new Map();
      this.origins.set(stream, keys);
    }
    const before = keys.get(key);
    if (before === undefined) this.entryBytes += ENTRY_BYTES + key.length;
    else this.entryBytes -= bytesOf(before);
    const held =
      lines.length === 0 ? revision : JSON.stringify([revision, ...lines.map((line) => this.pack(calendar, line))]);
    keys.set(key, held);
    this.entryBytes += bytesOf(held);
  }

  /** The lines of one period, by stream; streams without one are left out. */
  linesOf(calendar: string, period: string): Map<string, LedgerLine[]> {
    const wanted = this.commons.map((common) => common.calendar === calendar && common.period === period);
    const found = new Map<string, LedgerLine[]>();
    if (!wanted.includes(true)) return found;
    for (const [stream, keys] of this.origins) {
      const lines: LedgerLine[] = [];
      for (const [key, held] of keys)
        for (const packed of packedIn(held)) if (wanted[packed[0]] === true) lines.push(this.unpack(key, packed));
      if (lines.length > 0) found.set(stream, lines);
    }
    return found;
  }

  /** The earliest period of a calendar that has an open line before `period`, if there is one. */
  openBefore(calendar: string, period: string): string | undefined {
    const earlier = this.commons.map((common) => common.calendar === calendar && common.period < period);
    if (!earlier.includes(true)) return undefined;
    let earliest: string | undefined;
    for (const keys of this.origins.values())
      for (const held of keys.values())
        for (const [common] of packedIn(held)) {
          const found = earlier[common] === true ? this.commons[common]?.period : undefined;
          if (found !== undefined && (earliest === undefined || found < earliest)) earliest = found;
        }
    return earliest;
  }

  /** Lets go of the lines of a period, which stand on a statement now; revisions stay. */
  release(calendar: string, period: string): void {
    const released = this.commons.map((common) => common.calendar === calendar && common.period === period);
    for (const keys of this.origins.values())
      for (const [key, held] of keys) {
        const packed = packedIn(held);
        const kept = packed.filter(([common]) => released[common] !== true);
        if (kept.length === packed.length) continue;
        const rest = kept.length === 0 ? revisionIn(held) : JSON.stringify([revisionIn(held), ...kept]);
        this.entryBytes += bytesOf(rest) - bytesOf(held);
        keys.set(key, rest);
      }
  }

  private pack(calendar: string, line: LedgerLine): Packed {
    const { period, origin, plan, component, kind } = line;
    const ofDeal = line.deal !== '';
    // None of them holds a line break: the contracts refuse control characters.
    const name = `${calendar}\n${period}\n${origin}\n${plan}\n${component}\n${kind}\n${ofDeal}`;
    let index = this.commonIndex.get(name);
    if (index === undefined) {
      index = this.commons.push({ calendar, period, origin, plan, component, kind, ofDeal }) - 1;
      this.commonIndex.set(name, index);
    }
    const { line: of, basis, amount, exchanged } = line;
    return exchanged === undefined ? [index, of, basis, amount] : [index, of, basis, amount, exchanged];
  }

  private unpack(key: string, [index, line, basis, amount, exchanged]: Packed): LedgerLine {
    const common = this.commons[index];
    if (common === undefined) throw new Error(`no common part ${index}`);
    const { period, origin, plan, component, kind, ofDeal } = common;
    const unpacked = { period, origin, plan, component, deal: ofDeal ? key : '', line, kind, basis, amount };
    return exchanged === undefined ? unpacked : { ...unpacked, exchanged };
  }
}

function revisionIn(held: Held): number {
  return typeof held === 'number' ? held : Number.parseInt(held.slice(1), 10);
}

function packedIn(held: Held): readonly Packed[] {
  if (typeof held === 'number') return [];
  const [, ...packed]: [number, ...Packed[]] = JSON.parse(held);
  return packed;
}

function bytesOf(held: Held): number {
  return typeof held === 'number' ? 0 : 16 + held.length;
}
