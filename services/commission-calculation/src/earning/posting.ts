/**
 * Posting: what a deal should have earned, less what was posted before, goes into the first open period and names its
 * period of origin. Lines of closed periods never change (docs/architecture.md).
 */
import type { Conversion, CreditLine } from '@tantieme/commission-engine/credit/credit-line';
import type { EarnedLine } from '@tantieme/commission-engine/incremental/state';
import { compareText } from '@tantieme/contracts/compare-text';
import type { Exchanged, LedgerLine, LineKind } from '@tantieme/contracts/ledger';
import { formatAmount, formatMinor, parseAmount, parseMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { parseRate, powerOfTen } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';

/** A ledger line without its plan and deal. */
export type PostedLine = Omit<LedgerLine, 'plan' | 'deal'>;

/** The kind of a line, whatever the period it is posted in. */
type Role = 'earning' | Exclude<LineKind, 'earning' | 'adjustment' | 'bonus'>;

/** The sum of all credit lines of one origin, component, line and role. */
interface Entry {
  readonly origin: string;
  readonly component: string;
  readonly line: string;
  readonly role: Role;
  basisMinor: bigint;
  amountMinor: bigint;
  /** By the deal's currency; undefined where nothing was converted. */
  exchanged: Map<string, { minor: bigint; ofMinor: bigint }> | undefined;
}

/**
 * The posted lines of a deal, in canonical order: those of closed periods unchanged, and the rest of the current
 * earnings in the first open period, or in a later period of origin.
 *
 * The result depends on the current earnings and the closed lines only, not on the order in which facts arrived.
 * Therefore a shuffled history ends in the same bytes.
 *
 * @param fixed lines of periods before `openFrom`
 * @param openFrom first open period; null before the first closing
 * @param decimals of the plan's currency
 */
export function postedLines(
  earned: readonly EarnedLine[],
  fixed: readonly PostedLine[],
  openFrom: string | null,
  decimals: number,
): readonly PostedLine[] {
  if (earned.length === 0 && fixed.length === 0) return fixed;
  const entries = entriesOf(earned, decimals);
  for (const line of fixed) {
    const entry = entries.of(line.origin, line.component, line.line, roleOfKind(line.kind));
    entry.basisMinor -= parseMinor(line.basis, decimals);
    entry.amountMinor -= parseMinor(line.amount, decimals);
    for (const { amount, currency, of } of line.exchanged ?? [])
      addExchanged(entry, currency, -parseAmount(amount, currency), -parseMinor(of, decimals));
  }
  const lines = fixed.slice();
  for (const entry of entries) {
    const { origin, component, line, role, basisMinor, amountMinor } = entry;
    const exchanged = entry.exchanged === undefined ? [] : exchangedOf(entry.exchanged, decimals);
    // A line without earnings is kept for its basis: bonuses are calculated on it.
    if (amountMinor === 0n && basisMinor === 0n && exchanged.length === 0) continue;
    const period = openFrom !== null && openFrom > origin ? openFrom : origin;
    const kind = kindOf(period, origin, role);
    const basis = formatMinor(basisMinor, decimals);
    const amount = formatMinor(amountMinor, decimals);
    const posted = { period, origin, component, line, kind, basis, amount };
    lines.push(exchanged.length === 0 ? posted : { ...posted, exchanged });
  }
  return lines.length < 2 ? lines : lines.sort(comparePosted);
}

/** A return is a clawback in any period; late earnings of a closed period are adjustments. */
function kindOf(period: string, origin: string, role: Role): LineKind {
  if (role !== 'earning') return role;
  return period === origin ? 'earning' : 'adjustment';
}

function roleOfKind(kind: LineKind): Role {
  return kind === 'adjustment' || kind === 'bonus' ? 'earning' : kind;
}

function roleOf({ reverses, reserves, releases, occurrence }: CreditLine): Role {
  if (reserves === true) return 'reserve';
  if (reverses !== undefined) return 'clawback';
  if (releases !== undefined) return 'reserve-release';
  return occurrence === 'draw-advance' || occurrence === 'draw-recovery' ? occurrence : 'earning';
}

function entriesOf(earned: readonly EarnedLine[], decimals: number): Entries {
  const entries = new Entries();
  for (const { line, amountMinor } of earned) {
    const { period, component, occurrence } = line;
    const entry = entries.of(period, component, `${occurrence}|${line.line}`, roleOf(line));
    entry.basisMinor += parseMinor(line.basis, decimals);
    entry.amountMinor += amountMinor;
    if (line.converted !== undefined && amountMinor !== 0n)
      addExchanged(entry, line.converted.from, inDealCurrency(amountMinor, decimals, line.converted), amountMinor);
  }
  return entries;
}

/** An earned amount in the deal's currency, at the rate that converted the deal; rounded half-up, as in bookkeeping. */
function inDealCurrency(amountMinor: bigint, decimals: number, { from, rate }: Conversion): bigint {
  const { numerator, denominator } = parseRate(rate);
  return divideRounded(
    amountMinor * denominator * powerOfTen(decimalsOf(from)),
    numerator * powerOfTen(decimals),
    'half-up',
  );
}

function addExchanged(entry: Entry, currency: string, minor: bigint, ofMinor: bigint): void {
  entry.exchanged ??= new Map();
  const sum = entry.exchanged.get(currency);
  if (sum === undefined) entry.exchanged.set(currency, { minor, ofMinor });
  else {
    sum.minor += minor;
    sum.ofMinor += ofMinor;
  }
}

function exchangedOf(sums: NonNullable<Entry['exchanged']>, decimals: number): readonly Exchanged[] {
  return [...sums]
    .filter(([, { minor, ofMinor }]) => minor !== 0n || ofMinor !== 0n)
    .sort(([left], [right]) => compareText(left, right))
    .map(([currency, { minor, ofMinor }]) => ({
      amount: formatAmount(minor, currency),
      currency,
      of: formatMinor(ofMinor, decimals),
    }));
}

/** From this number of entries on, a map replaces the linear search; nearly every deal has fewer. */
const SEARCHED_ENTRIES_MAX = 8;

/** In order of their first line. */
class Entries {
  private readonly list: Entry[] = [];
  private byName: Map<string, Entry> | undefined;

  of(origin: string, component: string, line: string, role: Role): Entry {
    let entry = this.find(origin, component, line, role);
    if (entry === undefined) {
      entry = { origin, component, line, role, basisMinor: 0n, amountMinor: 0n, exchanged: undefined };
      this.list.push(entry);
      this.byName?.set(nameOf(entry), entry);
      if (this.list.length === SEARCHED_ENTRIES_MAX) this.byName = new Map(this.list.map((one) => [nameOf(one), one]));
    }
    return entry;
  }

  [Symbol.iterator](): IterableIterator<Entry> {
    return this.list.values();
  }

  private find(origin: string, component: string, line: string, role: Role): Entry | undefined {
    if (this.byName !== undefined) return this.byName.get(nameOf({ origin, component, line, role }));
    for (const one of this.list)
      if (one.line === line && one.component === component && one.origin === origin && one.role === role) return one;
    return undefined;
  }
}

function nameOf({ origin, component, line, role }: Pick<Entry, 'origin' | 'component' | 'line' | 'role'>): string {
  return `${origin}\n${component}\n${role}\n${line}`;
}

const ORDER = ['period', 'origin', 'component', 'line', 'kind'] as const;

/** The canonical order of ledger lines, within one deal and plan. */
export function comparePosted(left: PostedLine, right: PostedLine): number {
  for (const key of ORDER) if (left[key] !== right[key]) return left[key] < right[key] ? -1 : 1;
  return 0;
}

export function isSamePosting(left: readonly PostedLine[], right: readonly PostedLine[]): boolean {
  return (
    left.length === right.length &&
    left.every((line, index) => {
      const other = right[index];
      return (
        other !== undefined &&
        line.amount === other.amount &&
        line.basis === other.basis &&
        ORDER.every((key) => line[key] === other[key]) &&
        isSameExchanged(line.exchanged, other.exchanged)
      );
    })
  );
}

function isSameExchanged(left: PostedLine['exchanged'], right: PostedLine['exchanged']): boolean {
  if (left === undefined || right === undefined) return left === right;
  return (
    left.length === right.length &&
    left.every(({ amount, currency, of }, index) => {
      const other = right[index];
      return amount === other?.amount && currency === other.currency && of === other.of;
    })
  );
}

/** A ledger line with its keys in a fixed order, so that it is always published as the same bytes. */
export function ledgerLine(plan: string, deal: string, line: PostedLine): LedgerLine {
  const { period, origin, component, line: of, kind, basis, amount, exchanged } = line;
  const ledger = { period, origin, plan, component, deal, line: of, kind, basis, amount };
  return exchanged === undefined ? ledger : { ...ledger, exchanged };
}
