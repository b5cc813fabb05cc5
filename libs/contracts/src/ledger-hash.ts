/** The canonical form of ledger lines: their order, and the hash by which a closing's manifest and a statement name them. */
import { hash } from 'node:crypto';
import type { LedgerLine } from './ledger.js';

const ORDER = ['period', 'origin', 'plan', 'component', 'deal', 'line', 'kind'] as const;

/** By period, period of origin, plan, component, deal, line and kind, each by its UTF-16 code units. */
export function compareLedgerLines(left: LedgerLine, right: LedgerLine): number {
  for (const key of ORDER) if (left[key] !== right[key]) return left[key] < right[key] ? -1 : 1;
  return 0;
}

export function sortLedgerLines(lines: readonly LedgerLine[]): LedgerLine[] {
  return [...lines].sort(compareLedgerLines);
}

/** SHA-256, lower-case hex, of the canonical JSON (RFC 8785) of the lines in canonical order. */
export function ledgerLinesHash(lines: readonly LedgerLine[]): string {
  // Keys in the order of their code units: what the serialiser then writes is the canonical text.
  const canonical = sortLedgerLines(lines).map(
    ({ amount, basis, component, deal, kind, line, origin, period, plan }) => ({
      amount,
      basis,
      component,
      deal,
      kind,
      line,
      origin,
      period,
      plan,
    }),
  );
  return hash('sha256', JSON.stringify(canonical), 'hex');
}
