import { describe, expect, it } from '@jest/globals';
import { fileRecords } from './file-records.js';
import type { FileRecord } from './file-records.js';
import { recordFaults } from './record-mapping.js';
import type { RecordFields } from './record-mapping.js';

const FIELDS: RecordFields = {
  payee: { kind: 'text' },
  from: { kind: 'day' },
  value: { kind: 'number' },
  revision: { kind: 'whole', empty: 'absent' },
  upline: { kind: 'text', empty: 'null' },
};

async function read(format: 'csv' | 'ndjson', text: string, mapping?: unknown): Promise<FileRecord[]> {
  async function* chunks(): AsyncGenerator<string> {
    yield text;
  }
  const records: FileRecord[] = [];
  for await (const record of fileRecords(chunks(), format, FIELDS, mapping)) records.push(record);
  return records;
}

const recordsOf = async (...parameters: Parameters<typeof read>): Promise<unknown[]> =>
  (await read(...parameters)).map(({ record }) => record);

describe('records of a CSV file', () => {
  it('have the fields that the header names', async () => {
    expect(
      await recordsOf('csv', 'payee,from,value,revision,upline\nP-1,2026-01-01,1.5,2,P-0\nP-2,2026-02-01,2,,\n'),
    ).toEqual([
      { payee: 'P-1', from: '2026-01-01', value: '1.5', revision: 2, upline: 'P-0' },
      { payee: 'P-2', from: '2026-02-01', value: '2', upline: null },
    ]);
  });

  it('may lack columns of fields that may be absent, not of those that an empty cell sets to null', async () => {
    expect(await recordsOf('csv', 'payee,from,value,upline\nP-1,2026-01-01,1.5,\n')).toEqual([
      { payee: 'P-1', from: '2026-01-01', value: '1.5', upline: null },
    ]);
    await expect(recordsOf('csv', 'payee,from,value\nP-1,2026-01-01,1.5\n')).rejects.toMatchObject({
      code: 'ColumnsMissing',
      faults: [{ field: 'upline' }],
    });
  });

  it('are mapped from other columns, constants, values and formats', async () => {
    const mapping = {
      payee: { column: 'Nr', prefix: 'P-' },
      from: { value: '01.03.2026' },
      value: 'Ziel',
      upline: { column: 'Gruppe', values: { Nord: 'P-N' } },
      locale: 'de-DE',
      delimiter: ';',
    };
    const records = await read('csv', 'Nr;Ziel;Gruppe;Notiz\n7;1.000,5;Nord;x\n8;1;Süd;\n', mapping);
    expect(records[0]?.record).toEqual({ payee: 'P-7', from: '2026-03-01', value: '1000.5', upline: 'P-N' });
    expect(records[1]).toMatchObject({
      record: undefined,
      faults: [{ field: 'upline', row: 3, column: 'Gruppe', cell: 'Süd' }],
    });
  });

  it('may have numbers and dates by explicit formats', async () => {
    const mapping = { numbers: { decimal: ',', group: '.' }, dates: 'dd.MM.yyyy' };
    expect(await recordsOf('csv', 'payee,from,value,upline\nP-1,01.03.2026,"1.000,5",\n', mapping)).toMatchObject([
      { from: '2026-03-01', value: '1000.5' },
    ]);
  });

  it('name every cell that is wrong', async () => {
    const text = 'payee,from,value,revision,upline\n,2026-01-01,x,one,\n';
    const [record] = await read('csv', text, { locale: 'en-US', dates: 'yyyy-MM-dd' });
    expect(record?.faults).toEqual([
      { field: 'payee', reason: 'is empty', row: 2, column: 'payee', cell: '' },
      { field: 'value', reason: expect.stringContaining('is not a number'), row: 2, column: 'value', cell: 'x' },
      { field: 'revision', reason: expect.stringContaining('"one" is not a'), row: 2, column: 'revision', cell: 'one' },
    ]);
  });

  it('say where a fault is that is found later', async () => {
    const [record] = await read('csv', 'payee,from,value,upline\nP-1,2026-01-01,-5,\n');
    expect(
      record?.located([
        { field: 'value', reason: 'is negative' },
        { field: 'plan', reason: 'is missing' },
      ]),
    ).toEqual([
      { field: 'value', reason: 'is negative', row: 2, column: 'value', cell: '-5' },
      { field: 'plan', reason: 'is missing', row: 2 },
    ]);
  });

  it('of the wrong length, or with a broken quote, are refused', async () => {
    const records = await read(
      'csv',
      'payee,from,value,upline\nP-1,2026-01-01\nP-2,2026-01-01,5"5,\nP-3,2026-01-01,6,\n',
    );
    expect(records.map(({ row, faults }) => [row, faults[0]?.reason])).toEqual([
      [2, 'has 2 cells where the header has 4'],
      [3, 'has a quote inside a cell that is not doubled'],
      [4, undefined],
    ]);
  });

  it.each([
    ['ColumnsMissing', 'payee,value\n', undefined, 'from'],
    ['ColumnsMissing', 'payee,from,value,value\n', undefined, 'value'],
    ['ColumnsMissing', 'payee,from,value,upine\n', undefined, 'upine'],
    ['ColumnsMissing', 'payee,from,value\n', { upline: 'Boss' }, 'Boss'],
    ['MappingInvalid', 'payee,from,value\n', { payes: 'x' }, 'payes'],
    ['MappingInvalid', 'payee,from,value\n', { locale: 'xx-XX' }, 'locale'],
    ['MappingInvalid', 'payee,from,value\n', { dates: 'DD/MM' }, 'dates'],
    ['MappingInvalid', 'payee,from,value\n', { numbers: { decimal: ',', group: ',' } }, 'numbers.group'],
    ['MappingInvalid', 'payee,from,value\n', { numbers: { decimal: '5' } }, 'numbers.decimal'],
    ['MappingInvalid', 'payee,from,value\n', { payee: { colum: 'x' } }, 'payee.colum'],
    ['MappingInvalid', 'payee,from,value\n', [], 'mapping'],
  ])('are refused as a whole, %s: %j', async (code, text, mapping, field) => {
    await expect(read('csv', text, mapping)).rejects.toMatchObject({
      code,
      faults: expect.arrayContaining([expect.objectContaining({ field })]),
    });
  });

  it('suggest the field that was meant', async () => {
    await expect(read('csv', 'payee,from,value,upine\n')).rejects.toMatchObject({
      faults: [{ field: 'upline' }, { reason: 'is not a field of these records; did you mean "upline"?' }],
    });
  });
});

describe('records of NDJSON', () => {
  it('are its lines, numbered with the blank ones', async () => {
    const records = await read('ndjson', '{"payee":"P-1"}\n\nnull\n{"payee"\n');
    expect(records.map(({ row, record, faults }) => [row, record, faults.length])).toEqual([
      [1, { payee: 'P-1' }, 0],
      [3, null, 0],
      [4, undefined, 1],
    ]);
    expect(records[2]?.faults).toMatchObject([
      { field: 'line', row: 4, reason: expect.stringContaining('is not JSON') },
    ]);
  });
});

describe('a record of unknown shape', () => {
  const right = { payee: 'P-1', from: '2026-01-01', value: '1', revision: 2, upline: null };

  it('is right with the fields and types that it must have', () => {
    expect(recordFaults(right, FIELDS)).toEqual([]);
    const { revision: _, ...least } = right;
    expect(recordFaults(least, FIELDS)).toEqual([]);
  });

  it.each([
    [null, ''],
    [[], ''],
    [{ ...right, payee: undefined }, 'payee'],
    [{ ...right, payee: null }, 'payee'],
    [{ ...right, payee: '' }, 'payee'],
    [{ ...right, value: 5 }, 'value'],
    [{ ...right, revision: '2' }, 'revision'],
    [{ ...right, revision: 1.5 }, 'revision'],
    [{ ...right, pay: 'x' }, 'pay'],
    [{ ...right, upline: undefined }, 'upline'],
  ])('is refused: %j', (record, field) => {
    expect(recordFaults(record, FIELDS)).toMatchObject([{ field }]);
  });
});
