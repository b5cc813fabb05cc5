import { describe, expect, it } from '@jest/globals';
import { compileExpression, expressionFault } from './expression.js';
import type { ExpressionSubject } from './expression.js';

const subject: ExpressionSubject = {
  deal: { source: 'crm', id: 'D1', currency: 'EUR', attributes: { campaign: 'spring' } },
  line: { id: '1', category: 'hardware', net: '1000.10', quantity: '3' },
  partner: {
    id: 'P1',
    channel: 'retail',
    country: 'FR',
    tier: null,
    upline: 'U1',
    certifications: { 'security-pro': 2 },
  },
};

describe('an expression of a plan', () => {
  it.each([
    ['line.net >= decimal("1000.10")', true],
    ['line.net > decimal("1000.10")', false],
    ['line.net * decimal("0.1") == decimal("100.010")', true],
    ['line.net - decimal(1000) < line.quantity', true],
    ['line.cost == decimal(0) && line.product == ""', true],
    ['deal.attributes["campaign"] == "spring"', true],
    ['"campaign" in deal.attributes && !("region" in deal.attributes)', true],
    ['partner.country in ["FR", "DE"] && partner.tier == ""', true],
    ['partner.certifications["security-pro"] >= 2', true],
  ])('%s is %s', (text, expected) => {
    expect(expressionFault(text)).toBeUndefined();
    expect(compileExpression(text).holds(subject)).toBe(expected);
  });

  it.each([
    ['line.net > 1000.5', 'it compares an amount with a double'],
    ['line.net > 1000', 'it compares an amount with an integer'],
    ['line.net', 'it yields no boolean'],
    ['line.colour == "red"', 'the field is unknown'],
    ['order.net > decimal(1)', 'the variable is unknown'],
    ['line.net >', 'it is incomplete'],
    ['timestamp("2026-01-01T00:00:00Z") < now()', 'it reads the clock'],
  ])('%s is refused: %s', (text) => {
    expect(expressionFault(text)).toMatchObject({ code: 'ExpressionInvalid' });
    expect(() => compileExpression(text)).toThrow();
  });

  it('names its text if it cannot be evaluated for a subject', () => {
    expect(() => compileExpression('decimal(deal.id) > decimal(1)').holds(subject)).toThrow(
      /decimal\(deal\.id\) > decimal\(1\)/,
    );
  });
});
