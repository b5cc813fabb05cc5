import { describe, expect, it } from '@jest/globals';
import { csvRows } from './csv-rows.js';
import type { CsvRow } from './csv-rows.js';

async function rowsOf(text: string | Buffer, options: Parameters<typeof csvRows>[1] = {}, size = 7): Promise<CsvRow[]> {
  const bytes = Buffer.from(text);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
  }
  const rows: CsvRow[] = [];
  for await (const row of csvRows(chunks(), options)) rows.push(row);
  return rows;
}

describe('rows of a CSV stream', () => {
  it('are numbered as a spreadsheet shows them, with blank and broken rows', async () => {
    const text = 'a, b\n1,2\n\n3,4\n5,x"y\n6,"two\nlines"\n\n\n7,"8"\n9,z"z\n10,w"w\n11,12\n';
    expect(await rowsOf(text)).toEqual([
      { row: 1, cells: ['a', 'b'] },
      { row: 2, cells: ['1', '2'] },
      { row: 4, cells: ['3', '4'] },
      { row: 5, cells: ['5', 'x"'], fault: 'has a quote inside a cell that is not doubled' },
      { row: 6, cells: ['6', 'two\nlines'] },
      { row: 9, cells: ['7', '8'] },
      { row: 10, cells: ['9', 'z"'], fault: 'has a quote inside a cell that is not doubled' },
      { row: 11, cells: ['10', 'w"'], fault: 'has a quote inside a cell that is not doubled' },
      { row: 12, cells: ['11', '12'] },
    ]);
  });

  it('may be broken after blank rows, and at the end', async () => {
    expect((await rowsOf('a,b\n\n5,x"y\n7,8\n9,x"y')).map(({ row, fault }) => [row, fault !== undefined])).toEqual([
      [1, false],
      [3, true],
      [4, false],
      [5, true],
    ]);
  });

  it('are of UTF-8 where they begin with its mark, whatever encoding is named', async () => {
    const latin = await rowsOf(Buffer.from('é,b\n', 'latin1'), { encoding: 'windows-1252' }, 1);
    expect(latin).toEqual([{ row: 1, cells: ['é', 'b'] }]);
    const marked = await rowsOf('\ufeffé,b\n', { encoding: 'windows-1252' }, 1);
    expect(marked).toEqual([{ row: 1, cells: ['é', 'b'] }]);
  });

  it.each([
    ['an unclosed quote', 'a,b\n1,"2\n3,4\n', {}],
    ['no header', '', {}],
    ['another encoding', Buffer.from('é,b\n', 'latin1'), {}],
    ['an unknown encoding', 'a,b\n', { encoding: 'klingon' }],
    ['a row of more than a megabyte', `a,b\n${'x'.repeat(1024 * 1024 + 1)},2\n`, {}],
  ])('are refused for %s', async (_, text, options) => {
    await expect(rowsOf(text, options, 65_536)).rejects.toMatchObject({ code: 'FileUnreadable' });
  });
});
