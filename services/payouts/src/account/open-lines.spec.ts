import { describe, expect, it } from '@jest/globals';

import { CALENDAR, line } from './account.fixture.js';
import { HeldLines } from './held-lines.js';

describe('held lines', () => {
  it('come out as they went in, by stream', () => {
    const held = new HeldLines();
    const odd = line({ deal: 'a "b"\\|ü', line: 'x\ty', kind: 'clawback', amount: '-0.01' });
    const bonus = line({ deal: '', line: '2026-Q1', kind: 'bonus' });
    const abroad = line({ exchanged: [{ amount: '44.00', currency: 'USD', of: '40.00' }] });
    held.replace('three', abroad.deal, 1, CALENDAR, [abroad]);
    held.replace('one', odd.deal, 3, CALENDAR, [odd, line({ deal: odd.deal, period: '2026-02' })]);
    held.replace('two', '2026-Q1', 0, CALENDAR, [bonus]);
    expect([...held.linesOf(CALENDAR, '2026-01')]).toEqual([
      ['three', [abroad]],
      ['one', [odd]],
      ['two', [bonus]],
    ]);
    expect(held.linesOf('quarterly@Europe/Paris', '2026-01').size).toBe(0);
  });

  it('keep the revision of what is released', () => {
    const held = new HeldLines();
    held.replace('one', 'crm|D-1', 12, CALENDAR, [line()]);
    expect(held.openBefore(CALENDAR, '2026-02')).toBe('2026-01');
    held.release(CALENDAR, '2026-01');
    expect(held.openBefore(CALENDAR, '2026-02')).toBeUndefined();
    expect(held.linesOf(CALENDAR, '2026-01').size).toBe(0);
    expect(held.revisionOf('one', 'crm|D-1')).toBe(12);
  });

  it('keep the lines of a key that stand in other periods', () => {
    const held = new HeldLines();
    const [before, between, after] = ['2026-02', '2026-01', '2026-03'].map((period, index) =>
      line({ period, line: `booked|${index}],[1,"` }),
    );
    if (before === undefined || between === undefined || after === undefined) throw new Error('there are three');
    held.replace('one', 'crm|D-1', 12, CALENDAR, [before, between, after]);
    held.release(CALENDAR, '2026-01');
    expect(held.linesOf(CALENDAR, '2026-01').size).toBe(0);
    expect(held.linesOf(CALENDAR, '2026-02').get('one')).toEqual([before]);
    expect(held.linesOf(CALENDAR, '2026-03').get('one')).toEqual([after]);
    expect(held.revisionOf('one', 'crm|D-1')).toBe(12);
  });

  it('count their bytes up and down again', () => {
    const held = new HeldLines();
    held.replace('one', 'crm|D-1', 1, CALENDAR, []);
    const empty = held.bytes;
    held.replace('one', 'crm|D-1', 2, CALENDAR, [line(), line({ line: 'booked|2' })]);
    const full = held.bytes;
    held.replace('one', 'crm|D-1', 3, CALENDAR, []);
    expect(full).toBeGreaterThan(empty + 50);
    expect(held.bytes - empty).toBeLessThan(500);
  });
});
