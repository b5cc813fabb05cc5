import { describe, expect, it } from '@jest/globals';
import type { DealFact } from '@tantieme/contracts/deal';
import { dealOf } from './deal.js';
import { amended, booked, recorded, returned, terms, withdrawn } from './deal.fixture.js';
import { overReturnsOf } from './over-returns.js';

const back = (id: string, day: string, net?: string): DealFact =>
  returned({
    id,
    occurredAt: `2026-04-${day}T00:00:00Z`,
    lines: [{ line: '1', ...(net === undefined ? {} : { net }) }],
  });
const wholeDeal = (id: string, day: string): DealFact => returned({ id, occurredAt: `2026-04-${day}T00:00:00Z` });
const SOLD = booked({ terms: terms({ lines: [{ id: '1', net: '100' }] }) });
const over = (...facts: readonly DealFact[]) =>
  overReturnsOf(dealOf('crm', 'D-1', facts.map(recorded))).map(
    (one) => `${one.return} ${one.line} ${one.sold} +${one.exceeds}`,
  );

describe('returns of more than was sold', () => {
  it('are listed by return, with how much each exceeds what is left', () => {
    expect(over(SOLD, back('R-1', '01', '150'), back('R-2', '02', '100'))).toEqual([
      'R-1 1 100.00 +50.00',
      'R-2 1 100.00 +100.00',
    ]);
    expect(over(SOLD, back('R-1', '01', '60'), back('R-2', '02', '60'))).toEqual(['R-2 1 100.00 +20.00']);
  });

  it('are none where the returns fit, in any order of arrival', () => {
    expect(over(back('R-2', '02', '40'), back('R-1', '01', '60'), SOLD)).toEqual([]);
    expect(over(SOLD, back('R-1', '01', '60'), back('R-2', '02'))).toEqual([]);
    expect(over(SOLD, back('R-1', '01', '60'), wholeDeal('R-2', '02'))).toEqual([]);
  });

  it('are also those of a whole line, or a whole deal, of which nothing is left', () => {
    expect(over(SOLD, back('R-1', '01'), back('R-2', '02'))).toEqual(['R-2 1 100.00 +100.00']);
    expect(over(SOLD, wholeDeal('R-1', '01'), wholeDeal('R-2', '02'))).toEqual(['R-2 1 100.00 +100.00']);
  });

  it('disappear when the return is withdrawn, or the line grows', () => {
    const tooMuch = back('R-1', '01', '150');
    expect(over(SOLD, tooMuch, withdrawn(tooMuch))).toEqual([]);
    expect(over(SOLD, tooMuch, amended({ terms: terms({ lines: [{ id: '1', net: '200' }] }) }))).toEqual([]);
  });

  it('are no matter of lines that the deal does not have, nor of a deal without terms', () => {
    expect(over(back('R-1', '01', '150'))).toEqual([]);
    const other = returned({ lines: [{ line: '9', net: '5' }] });
    expect(over(SOLD, other)).toEqual([]);
  });

  it('of a discount are measured by its magnitude', () => {
    const discount = booked({ terms: terms({ lines: [{ id: '1', net: '-20' }] }) });
    expect(over(discount, back('R-1', '01', '30'))).toEqual(['R-1 1 20.00 +10.00']);
  });
});
