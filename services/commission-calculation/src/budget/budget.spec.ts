import { describe, expect, it } from '@jest/globals';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { APPEND_BYTES_MAX } from '@tantieme/event-store/event-store';
import { GRANTED_LINES_MAX } from './budget.js';
import { BUDGET, claimOf, Kept } from './budget.fixture.js';
import { AT } from '../testing/world.fixture.js';

describe('a budget of 1,000', () => {
  it('says in one event what is claimed, and all grants that change', () => {
    const { stream } = new Kept();
    const claims = [claimOf('03-03', '400.00')];
    const input = { payee: 'anna', deal: 'crm|D3', revision: 7, claims };
    expect(stream.handle({ type: 'take-claims', budget: BUDGET, ...input, at: AT })).toEqual([
      {
        type: 'ClaimsTaken',
        version: 1,
        occurredAt: AT,
        data: {
          budget: BUDGET,
          input,
          grants: [{ payee: 'anna', deal: 'crm|D3', granted: [{ key: 'spiff|booked|1', amount: '400.00' }] }],
        },
      },
    ]);
  });

  it('grants 400, 400, 200, and tells only those whose grant changes when one of the 4th comes late (own)', () => {
    const kept = new Kept();
    expect(kept.claim('anna', 'D3', claimOf('03-03', '400.00'))).toEqual(['anna D3: 400.00']);
    expect(kept.claim('bert', 'D5', claimOf('03-05', '400.00'))).toEqual(['bert D5: 400.00']);
    expect(kept.claim('anna', 'D6', claimOf('03-06', '400.00'))).toEqual(['anna D6: 200.00']);
    expect(kept.claim('carl', 'D4', claimOf('03-04', '400.00'))).toEqual([
      'anna D6: ',
      'bert D5: 200.00',
      'carl D4: 400.00',
    ]);
  });

  it('knows of several who share a line who comes first', () => {
    const kept = new Kept();
    kept.claim('bert', 'D', claimOf('03-03', '700.00'));
    kept.claim('anna', 'D', claimOf('03-03', '700.00'));
    expect(kept.granted()).toEqual(['anna D: 700.00', 'bert D: 300.00']);
  });

  it('takes no claims that are older than what it has', () => {
    const kept = new Kept();
    kept.take('anna', 'D', 4, [claimOf('03-03', '700.00')]);
    expect(kept.take('anna', 'D', 3, [claimOf('03-03', '100.00')])).toEqual([]);
    expect(kept.take('anna', 'D', 4, [claimOf('03-03', '700.00')])).toEqual([]);
    expect(kept.stream.events).toHaveLength(1);
  });

  it('leaves what closed periods granted as it is: a late one gets what is left, here nothing (own)', () => {
    const kept = new Kept();
    for (const [deal, at] of Object.entries({ D3: '03-03', D5: '03-05', D6: '03-06' }))
      kept.claim('anna', deal, claimOf(at, '400.00'));
    kept.close('2026-04');
    expect(kept.claim('carl', 'D4', claimOf('03-04', '400.00'))).toEqual([]);
    expect(kept.claim('carl', 'D7', claimOf('04-01', '100.00'))).toEqual([]);
  });

  it('lets nobody keep more than is claimed; what is freed goes to open claims', () => {
    const kept = new Kept();
    for (const [deal, at] of Object.entries({ D3: '03-03', D5: '03-05', D6: '03-06' }))
      kept.claim('anna', deal, claimOf(at, '400.00'));
    kept.close('2026-04');
    kept.claim('carl', 'D8', claimOf('04-08', '300.00'));
    expect(kept.claim('anna', 'D3', claimOf('03-03', '250.00'))).toEqual(['anna D3: 250.00', 'carl D8: 150.00']);
    expect(kept.claim('anna', 'D3')).toEqual(['anna D3: ', 'carl D8: 300.00']);
    // It comes back: what it lost is its own again.
    expect(kept.claim('anna', 'D3', claimOf('03-03', '400.00'))).toEqual(['anna D3: 400.00', 'carl D8: ']);
  });

  it('takes what a closed line has grown by as an open claim in its place', () => {
    const kept = new Kept();
    kept.claim('anna', 'D3', claimOf('03-03', '400.00'));
    kept.claim('bert', 'D5', claimOf('03-05', '400.00'));
    kept.close('2026-04');
    kept.claim('carl', 'D8', claimOf('04-08', '300.00'));
    expect(kept.claim('anna', 'D3', claimOf('03-03', '550.00'))).toEqual(['anna D3: 550.00', 'carl D8: 50.00']);
  });

  it('is that of the plan of the last line', () => {
    const kept = new Kept();
    kept.claim('anna', 'D3', claimOf('03-03', '900.00'));
    kept.claim('anna', 'D5', claimOf('03-05', '900.00'));
    expect(kept.granted()).toEqual(['anna D3: 900.00', 'anna D5: 100.00']);
    expect(kept.claim('bert', 'D7', claimOf('05-07', '300.00', 'raised'))).toEqual(['anna D5: 600.00']);
  });

  it('tells in further events what a change of very many grants has left over', () => {
    const kept = new Kept();
    const deals = 3000;
    for (let deal = 1; deal < deals; deal++) kept.claim('anna', `D${deal}`, claimOf('03-03', '0.50'));
    expect(kept.granted()).toHaveLength(2000);
    // The plan of the last line has a larger budget: 1,500.
    const told = [kept.claim('bert', 'last', claimOf('03-04', '0.50', 'raised'))];
    for (let more = kept.tellMore(); more.length > 0; more = kept.tellMore()) told.push(more);
    expect(told.map(({ length }) => length)).toEqual([GRANTED_LINES_MAX / 2, GRANTED_LINES_MAX / 2]);
    expect(kept.granted()).toHaveLength(deals);
    for (const { data } of kept.stream.events)
      expect(Buffer.byteLength(canonicalJson(data))).toBeLessThan(APPEND_BYTES_MAX / 2);
  });

  it('tells what is left over as it is by then, also after it was read again', () => {
    const kept = new Kept();
    for (let deal = 1; deal < 3000; deal++) kept.claim('anna', `D${deal}`, claimOf('03-03', '0.50'));
    kept.claim('bert', 'last', claimOf('03-04', '0.50', 'raised'));
    // Of those that are still to be told, one claims nothing any more and another claims less.
    const known = new Set(kept.granted());
    const [gone = '', less = ''] = Array.from({ length: 2999 }, (_, index) => `D${index + 1}`).filter(
      (deal) => !known.has(`anna ${deal}: 0.50`),
    );
    kept.claim('anna', gone);
    kept.claim('anna', less, claimOf('03-03', '0.20'));
    kept.stream.reload();
    while (kept.tellMore().length > 0);
    const granted = kept.granted();
    expect(granted).toHaveLength(2999);
    expect(granted).not.toContain(`anna ${gone}: 0.50`);
    expect(granted).toContain(`anna ${less}: 0.20`);
  });
});
