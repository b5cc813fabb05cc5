import { describe, expect, it } from '@jest/globals';
import stringWidth from 'string-width';
import { table } from './table.js';
import type { Column } from './table.js';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly note: string;
  readonly amount: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'id', of: ({ id }) => id },
  { title: 'name', of: ({ name }) => name, rank: 1, text: true },
  { title: 'note', of: ({ note }) => note, text: true },
  { title: 'amount', of: ({ amount }) => amount, align: 'right' },
];
const ROWS: readonly Row[] = [
  { id: 'seller-north-carolina', name: 'Reseller of North Carolina', note: 'x'.repeat(60), amount: '1,234,567.89' },
  { id: 'P1', name: '東京販売', note: '', amount: '1.00' },
];

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => stringWidth(line)));

describe('a table', () => {
  it.each([80, 120, 200])('fits %i columns', (width) => {
    expect(widest(table(COLUMNS, ROWS, width))).toBeLessThanOrEqual(width);
  });

  it('shows everything where there is room', () => {
    const text = table(COLUMNS, ROWS, 200);
    for (const cell of ROWS.flatMap((row) => Object.values(row) as string[])) expect(text).toContain(cell);
  });

  it('cuts long texts, then leaves out what matters least; ids and amounts stay whole', () => {
    const text = table(COLUMNS, ROWS, 80);
    expect(text).not.toContain('Reseller');
    expect(text).toContain('seller-north-carolina');
    expect(text).toContain('1,234,567.89');
    expect(text).toContain('…');
  });

  it('leaves out a minor column in which nothing stands', () => {
    expect(table(COLUMNS, [{ id: 'P1', name: '', note: 'n', amount: '1' }], 200)).not.toContain('name');
  });
});
