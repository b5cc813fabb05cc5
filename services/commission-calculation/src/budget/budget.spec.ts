import { describe, expect, it } from '@jest/globals';
import { BUDGET, claimOf, TestBudget } from './budget.fixture.js';
import { AT } from '../testing/world.fixture.js';

describe('a budget of 1,000', () => {
  it('records claims and all changed grants in one event', () => {
    const { stream } = new TestBudget();
    const claims = [claimOf('03-03', '400.00')];
    const input = { payee: 'anna', deal: 'crm|D3', revision: 7, claims };
    expect(stream.handle({ type: 'receive-claims', budget: BUDGET, ...input, at: AT })).toEqual([
      {
        type: 'ClaimsReceived',
        version: 1,
        occurredAt: AT,
        data: {
          budget: BUDGET,
          input,
          grants: [{ payee: 'anna', deal: 'crm|D3', granted: [{ key: 'spiff|booked|1', amount: '400.00' }] }],
          engine: 1,
        },
      },
    ]);
  });

  it('grants 400, 400, 200, and emits only changed grants when a deal of the 4th arrives late (own example)', () => {
    const budget = new TestBudget();
    expect(budget.claim('anna', 'D3', claimOf('03-03', '400.00'))).toEqual(['anna D3: 400.00']);
    expect(budget.claim('bert', 'D5', claimOf('03-05', '400.00'))).toEqual(['bert D5: 400.00']);
    expect(budget.claim('anna', 'D6', claimOf('03-06', '400.00'))).toEqual(['anna D6: 200.00']);
    expect(budget.claim('carl', 'D4', claimOf('03-04', '400.00'))).toEqual([
      'anna D6: ',
      'bert D5: 200.00',
      'carl D4: 400.00',
    ]);
  });

  it('grants payees who share a line in text order', () => {
    const budget = new TestBudget();
    budget.claim('bert', 'D', claimOf('03-03', '700.00'));
    budget.claim('anna', 'D', claimOf('03-03', '700.00'));
    expect(budget.granted()).toEqual(['anna D: 700.00', 'bert D: 300.00']);
  });

  it('ignores claims that are older than the recorded ones', () => {
    const budget = new TestBudget();
    budget.receive('anna', 'D', 4, [claimOf('03-03', '700.00')]);
    expect(budget.receive('anna', 'D', 3, [claimOf('03-03', '100.00')])).toEqual([]);
    expect(budget.receive('anna', 'D', 4, [claimOf('03-03', '700.00')])).toEqual([]);
    expect(budget.stream.events).toHaveLength(1);
  });

  it('keeps the grants of closed periods: a late claim gets what is left, here nothing (own example)', () => {
    const budget = new TestBudget();
    for (const [deal, at] of Object.entries({ D3: '03-03', D5: '03-05', D6: '03-06' }))
      budget.claim('anna', deal, claimOf(at, '400.00'));
    budget.close('2026-04');
    expect(budget.claim('carl', 'D4', claimOf('03-04', '400.00'))).toEqual([]);
    expect(budget.claim('carl', 'D7', claimOf('04-01', '100.00'))).toEqual([]);
  });

  it('reduces a grant with its claim, and gives the freed money to open claims', () => {
    const budget = new TestBudget();
    for (const [deal, at] of Object.entries({ D3: '03-03', D5: '03-05', D6: '03-06' }))
      budget.claim('anna', deal, claimOf(at, '400.00'));
    budget.close('2026-04');
    budget.claim('carl', 'D8', claimOf('04-08', '300.00'));
    expect(budget.claim('anna', 'D3', claimOf('03-03', '250.00'))).toEqual(['anna D3: 250.00', 'carl D8: 150.00']);
    expect(budget.claim('anna', 'D3')).toEqual(['anna D3: ', 'carl D8: 300.00']);
    // The claim comes back, and with it the grant.
    expect(budget.claim('anna', 'D3', claimOf('03-03', '400.00'))).toEqual(['anna D3: 400.00', 'carl D8: ']);
  });

  it('treats the growth of a closed line as an open claim in its place', () => {
    const budget = new TestBudget();
    budget.claim('anna', 'D3', claimOf('03-03', '400.00'));
    budget.claim('bert', 'D5', claimOf('03-05', '400.00'));
    budget.close('2026-04');
    budget.claim('carl', 'D8', claimOf('04-08', '300.00'));
    expect(budget.claim('anna', 'D3', claimOf('03-03', '550.00'))).toEqual(['anna D3: 550.00', 'carl D8: 50.00']);
  });

  it('is the budget in the plan version of the last line', () => {
    const budget = new TestBudget();
    budget.claim('anna', 'D3', claimOf('03-03', '900.00'));
    budget.claim('anna', 'D5', claimOf('03-05', '900.00'));
    expect(budget.granted()).toEqual(['anna D3: 900.00', 'anna D5: 100.00']);
    expect(budget.claim('bert', 'D7', claimOf('05-07', '300.00', 'raised'))).toEqual(['anna D5: 600.00']);
  });
});
