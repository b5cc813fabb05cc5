/** The canonical form of ledger lines: their order, and their hash in manifests and statements. */
import { hash } from 'node:crypto';
import type { Exchanged, LedgerLine } from './ledger.js';

/** By period, period of origin, plan, component, deal, line and kind, each by its UTF-16 code units. */
export function compareLedgerLines(left: LedgerLine, right: LedgerLine): number {
  // Written out, because lines are compared by the million and most of them are equal up to the deal.
  if (left.period !== right.period) return left.period < right.period ? -1 : 1;
  if (left.origin !== right.origin) return left.origin < right.origin ? -1 : 1;
  if (left.plan !== right.plan) return left.plan < right.plan ? -1 : 1;
  if (left.component !== right.component) return left.component < right.component ? -1 : 1;
  if (left.deal !== right.deal) return left.deal < right.deal ? -1 : 1;
  if (left.line !== right.line) return left.line < right.line ? -1 : 1;
  if (left.kind !== right.kind) return left.kind < right.kind ? -1 : 1;
  return 0;
}

export function sortLedgerLines(lines: readonly LedgerLine[]): LedgerLine[] {
  const sorted = lines.slice();
  return isInOrder(sorted) ? sorted : sorted.sort(compareLedgerLines);
}

function isInOrder(lines: readonly LedgerLine[]): boolean {
  return lines.every((line, index) => {
    const before = lines[index - 1];
    return before === undefined || compareLedgerLines(before, line) <= 0;
  });
}

/** SHA-256, lower-case hex, of the canonical JSON (RFC 8785) of the lines in canonical order. */
export function ledgerLinesHash(lines: readonly LedgerLine[]): string {
  return hash('sha256', JSON.stringify(sortLedgerLines(lines).map(withSortedKeys)), 'hex');
}

/** The line with its keys in the order of their code units, for which `JSON.stringify` writes canonical text. */
export function withSortedKeys(ledgerLine: LedgerLine): LedgerLine {
  const { amount, basis, component, deal, exchanged, kind, line, origin, period, plan } = ledgerLine;
  if (exchanged === undefined) return { amount, basis, component, deal, kind, line, origin, period, plan };
  return { amount, basis, component, deal, exchanged: exchanged.map(sorted), kind, line, origin, period, plan };
}

function sorted({ amount, currency, of }: Exchanged): Exchanged {
  return { amount, currency, of };
}
