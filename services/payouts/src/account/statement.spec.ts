import { describe, expect, it } from '@jest/globals';

import { line } from './account.fixture.js';
import { balanceOutcome, composeStatement, parseStatementId, statementDocument } from './statement.js';

describe('a statement', () => {
  const parts = {
    payee: 'P1',
    currency: 'EUR',
    calendar: 'monthly@Europe/Paris',
    period: '2026-01',
    closing: 1,
    openingMinor: -500n,
    openingExchanged: [],
    terms: { minimumMinor: 0n, forgives: false, parts: [] },
  };
  const lines = [line(), line({ deal: 'crm|D-2' }), line({ component: 'a' }), line({ plan: 'b' })];

  it('has the same bytes for any order of its lines', () => {
    const document = statementDocument(composeStatement({ ...parts, lines }));
    expect(statementDocument(composeStatement({ ...parts, lines: lines.toReversed() }))).toBe(document);
    expect(JSON.parse(document)).toMatchObject({
      opening: '-5.00',
      total: '160.00',
      payable: '155.00',
      carried: '0.00',
    });
  });

  it('has a hash over every line and amount', () => {
    const { hash } = composeStatement({ ...parts, lines });
    expect(composeStatement({ ...parts, lines: lines.slice(1) }).hash).not.toBe(hash);
    expect(composeStatement({ ...parts, openingMinor: 0n, lines }).hash).not.toBe(hash);
  });

  it('has an id that can be parsed', () => {
    expect(parseStatementId('P1|EUR|monthly@Europe/Paris|2026-01')).toEqual({
      payee: 'P1',
      currency: 'EUR',
      calendar: 'monthly@Europe/Paris',
      period: '2026-01',
      closing: 1,
    });
    expect(parseStatementId('P1|EUR|monthly@Europe/Paris|2026-01~2')).toMatchObject({ period: '2026-01', closing: 2 });
    expect(parseStatementId('P1|EUR|monthly@Europe/Paris|2026-01~1')).toBeUndefined();
    expect(parseStatementId('P1|EUR')).toBeUndefined();
  });
});

describe('the outcome of a balance', () => {
  it.each([
    [0n, 0n, 0n, 0n, 0n],
    [-1_323_000n, 1_890_000n, 0n, 567_000n, 0n],
    [0n, 4_999n, 5_000n, 0n, 4_999n],
    [0n, 5_000n, 5_000n, 5_000n, 0n],
    [0n, -1n, 0n, 0n, -1n],
  ])(
    '%p + %p with a minimum of %p pays %p and carries %p',
    (opening, total, minimumMinor, payableMinor, carriedMinor) => {
      const terms = { minimumMinor, forgives: false };
      expect(balanceOutcome(opening, total, terms)).toEqual({ payableMinor, carriedMinor, forgivenMinor: 0n });
    },
  );

  it.each([
    [-1000n, 400n, 0n, 0n, 600n],
    [-1000n, 1000n, 0n, 0n, 0n],
    [-1000n, 1400n, 400n, 0n, 0n],
    [0n, 30n, 0n, 30n, 0n],
  ])(
    '%p + %p with terms that forgive pays %p, carries %p and writes off %p',
    (opening, total, payableMinor, carriedMinor, forgivenMinor) => {
      const terms = { minimumMinor: 50n, forgives: true };
      expect(balanceOutcome(opening, total, terms)).toEqual({ payableMinor, carriedMinor, forgivenMinor });
    },
  );
});
