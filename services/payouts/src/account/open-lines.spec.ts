import { describe, expect, it } from '@jest/globals';

import { CALENDAR, line } from './account.fixture.js';
import { OpenLines } from './open-lines.js';

describe('open lines', () => {
  it('are returned as they were stored, by stream', () => {
    const open = new OpenLines();
    const odd = line({ deal: 'a "b"\\|ü', line: 'x\ty', kind: 'clawback', amount: '-0.01' });
    const bonus = line({ deal: '', line: '2026-Q1', kind: 'bonus' });
    const abroad = line({ exchanged: [{ amount: '44.00', currency: 'USD', of: '40.00' }] });
    open.replace('three', abroad.deal, 1, CALENDAR, [abroad]);
    open.replace('one', odd.deal, 3, CALENDAR, [odd, line({ deal: odd.deal, period: '2026-02' })]);
    open.replace('two', '2026-Q1', 0, CALENDAR, [bonus]);
    expect([...open.linesOf(CALENDAR, '2026-01')]).toEqual([
      ['three', [abroad]],
      ['one', [odd]],
      ['two', [bonus]],
    ]);
    expect(open.linesOf('quarterly@Europe/Paris', '2026-01').size).toBe(0);
  });

  it('keep their revision when they are removed', () => {
    const open = new OpenLines();
    open.replace('one', 'crm|D-1', 12, CALENDAR, [line()]);
    expect(open.earliestPeriodBefore(CALENDAR, '2026-02')).toBe('2026-01');
    open.remove(CALENDAR, '2026-01');
    expect(open.earliestPeriodBefore(CALENDAR, '2026-02')).toBeUndefined();
    expect(open.linesOf(CALENDAR, '2026-01').size).toBe(0);
    expect(open.revisionOf('one', 'crm|D-1')).toBe(12);
  });

  it('of other periods stay when those of one period are removed', () => {
    const open = new OpenLines();
    const [before, between, after] = ['2026-02', '2026-01', '2026-03'].map((period, index) =>
      line({ period, line: `booked|${index}],[1,"` }),
    );
    if (before === undefined || between === undefined || after === undefined) throw new Error('three lines expected');
    open.replace('one', 'crm|D-1', 12, CALENDAR, [before, between, after]);
    open.remove(CALENDAR, '2026-01');
    expect(open.linesOf(CALENDAR, '2026-01').size).toBe(0);
    expect(open.linesOf(CALENDAR, '2026-02').get('one')).toEqual([before]);
    expect(open.linesOf(CALENDAR, '2026-03').get('one')).toEqual([after]);
    expect(open.revisionOf('one', 'crm|D-1')).toBe(12);
  });

  it('free their bytes when they are replaced by nothing', () => {
    const open = new OpenLines();
    open.replace('one', 'crm|D-1', 1, CALENDAR, []);
    const empty = open.bytes;
    open.replace('one', 'crm|D-1', 2, CALENDAR, [line(), line({ line: 'booked|2' })]);
    const full = open.bytes;
    open.replace('one', 'crm|D-1', 3, CALENDAR, []);
    expect(full).toBeGreaterThan(empty + 50);
    expect(open.bytes - empty).toBeLessThan(500);
  });
});
