import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ledgerLinesHash, sortLedgerLines } from './ledger-hash.js';
import type { LedgerLine } from './ledger.js';

const line = (over: Partial<LedgerLine> = {}): LedgerLine => ({
  period: '2026-03',
  origin: '2026-03',
  plan: 'resellers',
  component: 'hardware',
  deal: 'crm|D-1',
  line: 'booked|1',
  kind: 'earning',
  basis: '100.00',
  amount: '4.00',
  ...over,
});

describe('the canonical order of ledger lines', () => {
  it('is by period, origin, plan, component, deal, line and kind', () => {
    const inOrder = [
      line({ period: '2026-02', origin: '2026-02', deal: 'z' }),
      line({ origin: '2026-02', plan: 'z' }),
      line({ plan: 'a', component: 'z' }),
      line({ component: 'a', deal: 'z' }),
      line({ deal: 'a', line: 'z' }),
      line({ line: 'a', kind: 'earning' }),
      line({ kind: 'adjustment' }),
      line({ kind: 'clawback' }),
      line(),
    ];
    expect(sortLedgerLines([...inOrder].reverse())).toEqual(inOrder);
  });

  it('uses code units, not the rules of a language', () => {
    expect(
      sortLedgerLines([line({ deal: 'é' }), line({ deal: 'a' }), line({ deal: 'Z' })]).map((one) => one.deal),
    ).toEqual(['Z', 'a', 'é']);
  });

  it('leaves its argument unchanged', () => {
    const given = [line({ deal: 'b' }), line({ deal: 'a' })];
    sortLedgerLines(given);
    expect(given.map((one) => one.deal)).toEqual(['b', 'a']);
  });
});

describe('the hash of ledger lines', () => {
  it('is the SHA-256 of their canonical JSON', () => {
    const canonical =
      '[{"amount":"4.00","basis":"100.00","component":"hardware","deal":"crm|D-1","kind":"earning","line":"booked|1",' +
      '"origin":"2026-03","period":"2026-03","plan":"resellers"}]';
    expect(ledgerLinesHash([line()])).toBe(createHash('sha256').update(canonical).digest('hex'));
  });

  it('does not depend on the order of lines or of their members', () => {
    const lines = [line({ deal: 'a' }), line({ deal: 'b' })];
    const turned = [...lines].reverse().map((one): LedgerLine => {
      const { amount, basis, ...rest } = one;
      return { basis, amount, ...rest };
    });
    expect(ledgerLinesHash(turned)).toBe(ledgerLinesHash(lines));
  });

  it('changes with every member of a line', () => {
    const changed = (['period', 'origin', 'plan', 'component', 'deal', 'line', 'basis', 'amount'] as const).map((key) =>
      ledgerLinesHash([line({ [key]: 'other' })]),
    );
    expect(new Set([...changed, ledgerLinesHash([line({ kind: 'bonus' })]), ledgerLinesHash([line()])]).size).toBe(10);
  });

  it('of no lines is that of an empty list', () => {
    expect(ledgerLinesHash([])).toBe(createHash('sha256').update('[]').digest('hex'));
  });
});
