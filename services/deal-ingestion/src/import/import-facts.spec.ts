import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CellFault } from '@tantieme/tabular/cell';
import type { Candidate } from '../fact/candidate.js';
import type { ColumnMapping } from './column-mapping.js';
import { importFacts } from './import-facts.service.js';
import type { ImportFormat } from './import.js';
import { removeLeftovers } from './temporary-database.service.js';
import { BATCH_CHARACTERS, BATCH_FACTS } from '../limits.js';

const stagingDirectory = mkdtempSync(join(tmpdir(), 'import-facts-'));
afterAll(() => rmSync(stagingDirectory, { recursive: true }));

interface Seen {
  readonly facts: readonly unknown[];
  readonly refused: readonly { readonly raw: string; readonly errors: readonly CellFault[] }[];
}

async function* chunksOf(text: string | Buffer, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function importing(
  format: ImportFormat,
  text: string | Buffer,
  mapping?: unknown,
  chunkSize = 64,
): Promise<Seen> {
  const seen: Candidate[] = [];
  await importFacts(
    chunksOf(text, chunkSize),
    format,
    mapping,
    (batch) => {
      seen.push(...batch);
      return Promise.resolve(batch.map(() => ({ outcome: 'accepted' })));
    },
    { stagingDirectory },
  );
  return {
    facts: seen.filter(({ errors = [] }) => errors.length === 0).map(({ fact }) => fact),
    refused: seen
      .filter(({ errors = [] }) => errors.length > 0)
      .map(({ raw, errors = [] }) => ({ raw: raw(), errors })),
  };
}

/** Facts of each batch. */
async function batchesOf(format: ImportFormat, text: string, mapping?: unknown): Promise<readonly number[]> {
  const sizes: number[] = [];
  await importFacts(
    chunksOf(text, 64 * 1024),
    format,
    mapping,
    (batch) => {
      sizes.push(batch.length);
      return Promise.resolve(batch.map(() => ({ outcome: 'accepted' })));
    },
    { stagingDirectory },
  );
  return sizes;
}

/** Which row and cell a reason names depends on the order of the rows; nothing else does. */
function withoutPlace(name: string, value: unknown): unknown {
  return name === 'row' || name === 'cell' ? undefined : value;
}

const mapping: ColumnMapping = {
  source: 'file',
  kind: 'booked',
  deal: 'Order',
  occurredAt: { column: 'Date', format: 'M/d/yyyy', timeZone: 'UTC' },
  currency: 'USD',
  rounding: 'half-up',
  line: { id: 'Row', category: 'Category', quantity: 'Quantity', net: 'Net' },
  partners: { seller: { column: 'State', prefix: 'seller-' } },
  customer: 'Customer',
  attributes: { segment: 'Segment' },
};
const HEADER = 'Order,Row,Date,Category,Quantity,Net,State,Customer,Segment';
const file = (...rows: string[]): string => [HEADER, ...rows].join('\n');

const A1 = 'A,1,11/8/2016,Furniture,2,261.9649,Texas,C-1,Consumer';
const A2 = 'A,2,11/8/2016,"Office, Supplies",3,5,Texas,C-1,Consumer';
const A10 = 'A,10,11/8/2016,,,7,Texas,C-1,Consumer';
const B1 = 'B,3,2/28/2017,Furniture,1,9.99,Ohio,,';

describe('the rows of a CSV file', () => {
  it('become facts, deal by deal in the order of their first rows', async () => {
    expect((await importing('csv', file(A10, B1, A2, A1), mapping)).facts).toEqual([
      {
        source: 'file',
        deal: 'A',
        kind: 'booked',
        occurredAt: '2016-11-08T00:00:00.000Z',
        terms: {
          currency: 'USD',
          lines: [
            // Rounded by the mapping, with the original beside it.
            { id: '1', category: 'Furniture', quantity: '2', net: '261.96', original: { net: '261.9649' } },
            { id: '2', category: 'Office, Supplies', quantity: '3', net: '5.00' },
            { id: '10', net: '7.00' },
          ],
          partners: [{ role: 'seller', partner: 'seller-Texas' }],
          customer: 'C-1',
          attributes: { segment: 'Consumer' },
        },
      },
      {
        source: 'file',
        deal: 'B',
        kind: 'booked',
        occurredAt: '2017-02-28T00:00:00.000Z',
        terms: {
          currency: 'USD',
          lines: [{ id: '3', category: 'Furniture', quantity: '1', net: '9.99' }],
          partners: [{ role: 'seller', partner: 'seller-Ohio' }],
        },
      },
    ]);
  });

  it('give the same facts and the same refusals in any order, byte for byte', async () => {
    const rows = [
      A1,
      A2,
      A10,
      B1,
      'C,4,2/30/2017,Furniture,1,1,Ohio,,',
      'C,5,2/30/2017,Furniture,1,2,Ohio,,',
      'D,6,1/1/2017,Furniture,1,1,Ohio,,',
      'D,7,1/2/2017,Furniture,1,1,Ohio,,',
      'E,8,1/1/2017',
      'E,9,1/1/2017,Furniture,1,1,Ohio,,',
      'E,9,1/1/2017,Furniture',
      ',11,1/1/2017,Furniture,1,1,Ohio,,',
      'F,12,1/1/2017,Furni"ture,1,1,Ohio,,',
      'F,13,1/1/2017,Furniture,1,1,Ohio,,',
    ];
    const sorted = (values: readonly unknown[]): readonly string[] =>
      values.map((value) => JSON.stringify(value, withoutPlace)).sort();
    const expected = await importing('csv', file(...rows), mapping);
    expect(expected.facts).toHaveLength(2);
    expect(expected.refused).toHaveLength(5);
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(rows, { minLength: rows.length }),
        fc.integer({ min: 1, max: 300 }),
        async (order, chunkSize) => {
          const seen = await importing('csv', file(...order), mapping, chunkSize);
          expect(sorted(seen.facts)).toEqual(sorted(expected.facts));
          expect(sorted(seen.refused)).toEqual(sorted(expected.refused));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('that repeat a line are one line', async () => {
    const { facts } = await importing('csv', file(A1, A2, A1), mapping);
    expect(facts).toMatchObject([{ terms: { lines: [{ id: '1' }, { id: '2' }] } }]);
  });

  it('are numbered in the order of their contents when lines have no id', async () => {
    const { id: _, ...line } = mapping.line ?? { net: '' };
    const lines = async (...rows: string[]): Promise<unknown> =>
      (await importing('csv', file(...rows), { ...mapping, line })).facts;
    expect(await lines(A2, A1, A1)).toEqual(await lines(A1, A2, A1));
    expect(await lines(A2, A1, A1)).toMatchObject([
      {
        terms: {
          lines: [
            { id: '1', net: '261.96' },
            { id: '2', net: '261.96' },
            { id: '3', net: '5.00' },
          ],
        },
      },
    ]);
  });

  it('may have a byte order mark, semicolons and another encoding', async () => {
    const semicolons = file(A1.replace('Consumer', 'Café')).replaceAll(',', ';');
    const latin = await importing('csv', Buffer.from(semicolons, 'latin1'), {
      ...mapping,
      delimiter: ';',
      encoding: 'windows-1252',
    });
    expect(latin.facts).toMatchObject([{ terms: { attributes: { segment: 'Café' } } }]);
    const marked = await importing('csv', `\ufeff${file(A1)}`, mapping, 1);
    expect(marked.facts).toHaveLength(1);
  });
});

describe('facts of other kinds', () => {
  it('come from a column of kinds', async () => {
    const events: ColumnMapping = {
      source: 'file',
      kind: { column: 'What', values: { PAY: 'paid', BACK: 'returned', OFF: 'cancelled' } },
      deal: 'Order',
      id: 'Id',
      occurredAt: 'At',
      amount: 'Amount',
      line: { id: 'Row', net: 'Net' },
    };
    const text = [
      'What,Order,Id,At,Amount,Row,Net',
      'PAY,A,P1,2026-01-01T10:00:00Z,12.50,,',
      'BACK,A,R1,2026-01-02T10:00:00+01:00,,2,',
      'BACK,A,R1,2026-01-02T10:00:00+01:00,,1,3.50',
      'OFF,A,,2026-01-03T10:00:00Z,,,',
      'WHAT,A,,2026-01-03T10:00:00Z,,,',
    ].join('\n');
    const { facts, refused } = await importing('csv', text, events);
    expect(facts).toEqual([
      { source: 'file', deal: 'A', kind: 'paid', id: 'P1', occurredAt: '2026-01-01T10:00:00.000Z', amount: '12.50' },
      {
        source: 'file',
        deal: 'A',
        kind: 'returned',
        id: 'R1',
        occurredAt: '2026-01-02T09:00:00.000Z',
        lines: [{ line: '1', net: '3.50' }, { line: '2' }],
      },
      { source: 'file', deal: 'A', kind: 'cancelled', occurredAt: '2026-01-03T10:00:00.000Z' },
    ]);
    expect(refused).toMatchObject([
      {
        errors: [
          { field: 'What', reason: '"WHAT" is not one of PAY, BACK, OFF', row: 6, column: 'What', cell: 'WHAT' },
        ],
      },
    ]);
  });
});

describe('a cell that the kind of its row cannot use', () => {
  const events: ColumnMapping = {
    source: 'file',
    kind: { column: 'What' },
    deal: 'Order',
    id: 'Id',
    revision: 'Rev',
    occurredAt: 'At',
    currency: { column: 'Cur' },
    amount: 'Amount',
    line: { id: 'Row', quantity: 'Qty', net: 'Net' },
    registration: { status: 'Status', holder: 'Holder' },
    partners: { seller: 'Seller' },
    customer: 'Customer',
    attributes: { note: 'Note' },
  };
  const COLUMNS = 'What,Order,Id,Rev,At,Cur,Amount,Row,Qty,Net,Status,Holder,Seller,Customer,Note';
  const at = '2026-01-01T10:00:00Z';

  it.each([
    ['returned', 'Qty', `returned,A,R1,,${at},,,1,2,,,,,,`, 'quantity'],
    ['returned', 'Cur', `returned,A,R1,,${at},EUR,,1,,,,,,,`, 'currency'],
    ['returned', 'Amount', `returned,A,R1,,${at},,5,1,,,,,,,`, 'amount'],
    ['returned', 'Customer', `returned,A,R1,,${at},,,1,,,,,,C-1,`, 'customer'],
    ['returned', 'Note', `returned,A,R1,,${at},,,1,,,,,,,x`, 'note'],
    ['paid', 'Net', `paid,A,P1,,${at},,5,,,7,,,,,`, 'net'],
    ['paid', 'Seller', `paid,A,P1,,${at},,5,,,,,,P-1,,`, 'seller'],
    ['booked', 'Id', `booked,A,I1,,${at},EUR,,1,,7,,,P-1,,`, 'id'],
    ['booked', 'Status', `booked,A,,,${at},EUR,,1,,7,approved,,P-1,,`, 'status'],
    ['cancelled', 'Row', `cancelled,A,,,${at},,,1,,,,,,,`, 'id'],
  ])('is refused by name: %s with %s', async (kind, column, row, field) => {
    const { refused } = await importing('csv', `${COLUMNS}\n${row}`, events);
    expect(refused).toMatchObject([
      { errors: [{ row: 2, column, reason: `a fact of kind ${kind} has no ${field}; leave the cell empty` }] },
    ]);
  });

  it('may be empty', async () => {
    const rows = [
      `returned,A,R1,,${at},,,1,,3.50,,,,,`,
      `paid,A,P1,,${at},,5,,,,,,,,`,
      `booked,A,,,${at},EUR,,1,2,7,,,P-1,C-1,x`,
      `amended,A,,2,${at},EUR,,1,2,7,,,P-1,,`,
      `invoiced,A,I1,,${at},EUR,,1,2,7,,,P-1,,`,
      `registration,A,G1,1,${at},,,,,,approved,P-1,,,`,
    ];
    const { facts, refused } = await importing('csv', [COLUMNS, ...rows].join('\n'), events);
    expect(refused).toEqual([]);
    expect(facts).toHaveLength(rows.length);
  });

  it.each([
    ['line.quantity', { kind: 'returned', id: 'Id', line: { id: 'Row', net: 'Net', quantity: 'Qty' } }],
    ['customer', { kind: 'returned', id: 'Id', customer: 'Customer' }],
    ['currency', { kind: 'paid', id: 'Id', amount: 'Amount', currency: 'EUR' }],
    ['rounding', { kind: 'paid', id: 'Id', amount: 'Amount', rounding: 'half-up' }],
    ['partners.seller', { kind: 'invoiced', id: 'Id', partners: { seller: 'Seller' } }],
    ['amount', { kind: 'cancelled', amount: 'Amount' }],
  ])('is refused in the mapping of a constant kind: %s', async (field, document) => {
    const mapped = { source: 'file', deal: 'Order', occurredAt: 'At', ...document };
    await expect(importing('csv', COLUMNS, mapped)).rejects.toMatchObject({
      code: 'MappingInvalid',
      fields: [{ field, reason: expect.stringContaining('leave it out of the mapping') }],
    });
  });
});

describe('numbers and dates', () => {
  const french = {
    source: 'file',
    kind: 'booked',
    deal: 'Commande',
    occurredAt: { column: 'Date', timeZone: 'Europe/Paris' },
    locale: 'fr-FR',
    delimiter: ';',
    currency: 'EUR',
    rounding: 'half-up',
    line: {
      id: 'Ligne',
      quantity: 'Quantité',
      net: 'Net',
      subscription: { id: 'Abo', start: 'Début', months: 'Mois' },
    },
    partners: { seller: { column: 'Vendeur', share: 'Part' } },
  };
  const HEAD = 'Commande;Date;Ligne;Quantité;Net;Abo;Début;Mois;Vendeur;Part';

  it('are read as the locale writes them', async () => {
    const { facts, refused } = await importing(
      'csv',
      `${HEAD}\nA;05/03/2026;1;1,5;1 234,505;S-1;1/4/2026;12;P-1;100 %`,
      french,
    );
    expect(refused).toEqual([]);
    expect(facts).toMatchObject([
      {
        occurredAt: '2026-03-04T23:00:00.000Z',
        terms: {
          lines: [
            {
              quantity: '1.5',
              net: '1234.51',
              original: { net: '1234.505' },
              subscription: { start: '2026-04-01', months: 12 },
            },
          ],
          partners: [{ partner: 'P-1', share: '100 %' }],
        },
      },
    ]);
  });

  it('that the locale does not write are refused by cell', async () => {
    const { refused } = await importing('csv', `${HEAD}\nA;2026-03-05;1;1.5;1,234.50;S-1;31/02/2026;12;P-1;1`, french);
    expect(refused[0]?.errors.map(({ row, column, cell }) => [row, column, cell])).toEqual([
      [2, 'Date', '2026-03-05'],
      [2, 'Quantité', '1.5'],
      [2, 'Net', '1,234.50'],
      [2, 'Début', '31/02/2026'],
    ]);
  });

  it('may have formats of their own', async () => {
    const { locale: _, ...rest } = french;
    const own = { ...rest, numbers: { decimal: ',' }, dates: 'yyyyMMdd' };
    const { facts } = await importing('csv', `${HEAD}\nA;20260305;1;1;12,5;S-1;20260401;12;P-1;1`, own);
    expect(facts).toMatchObject([{ terms: { lines: [{ net: '12.50', subscription: { start: '2026-04-01' } }] } }]);
  });

  it('of an instant are named with the form that is needed', async () => {
    const { refused } = await importing('csv', `${HEAD}\nA;05/03/2026;1;1;1;;;;P-1;1`, {
      ...french,
      occurredAt: 'Date',
    });
    expect(refused).toMatchObject([
      { errors: [{ column: 'Date', reason: expect.stringContaining('is not an instant with its offset') }] },
    ]);
  });

  it.each([
    ['occurredAt.format', { occurredAt: { column: 'Date', timeZone: 'UTC' }, locale: undefined }],
    ['occurredAt.formt', { occurredAt: { column: 'Date', timeZone: 'UTC', formt: 'x' } }],
    ['kind.values.PAY', { kind: { column: 'What', values: { PAY: 'payed' } } }],
  ])('need a mapping without faults: %s', async (field, changes) => {
    const { locale, ...document } = { ...french, ...changes };
    const mapped = locale === undefined ? document : { locale, ...document };
    await expect(importing('csv', HEAD, mapped)).rejects.toMatchObject({
      fields: expect.arrayContaining([expect.objectContaining({ field })]),
    });
  });
});

describe('a deal is refused', () => {
  const errorsOf = async (...rows: string[]): Promise<readonly CellFault[]> =>
    (await importing('csv', file(...rows), mapping)).refused.flatMap(({ errors }) => errors);

  it('for a date that does not exist', async () => {
    expect(await errorsOf(A1.replace('11/8/2016', '2/30/2026'))).toEqual([
      {
        field: 'Date',
        reason: '"2/30/2026" is not a date of the form M/d/yyyy',
        row: 2,
        column: 'Date',
        cell: '2/30/2026',
      },
    ]);
  });

  it('when its rows disagree about the whole', async () => {
    expect(await errorsOf(A1, A2.replace('11/8/2016', '11/9/2016').replace('Texas', 'Ohio'))).toEqual([
      {
        field: 'Date',
        reason: 'differs between the rows of one fact: "11/8/2016", "11/9/2016"',
        row: 3,
        column: 'Date',
      },
      { field: 'State', reason: 'differs between the rows of one fact: "Ohio", "Texas"', row: 3, column: 'State' },
    ]);
  });

  it('whole, when one of its rows is broken', async () => {
    const { facts, refused } = await importing('csv', file(A1, 'A,2,11/8/2016', B1), mapping);
    expect(facts).toMatchObject([{ deal: 'B' }]);
    expect(refused).toMatchObject([{ errors: [{ field: 'row', reason: 'has 3 cells where the header has 9' }] }]);
    expect(JSON.parse(refused[0]?.raw ?? '')).toEqual([
      {
        Order: 'A',
        Row: '1',
        Date: '11/8/2016',
        Category: 'Furniture',
        Quantity: '2',
        Net: '261.9649',
        State: 'Texas',
        Customer: 'C-1',
        Segment: 'Consumer',
      },
      { Order: 'A', Row: '2', Date: '11/8/2016' },
    ]);
  });

  it('for a partner that the mapping does not list', async () => {
    const known = { ...mapping, partners: { seller: { column: 'State', values: { Texas: 'P-1' } } } };
    const { facts, refused } = await importing('csv', file(A1, B1, 'T,1,1/1/2017,x,1,1,toString,,'), known);
    expect(facts).toMatchObject([{ terms: { partners: [{ role: 'seller', partner: 'P-1' }] } }]);
    expect(refused).toMatchObject([
      { errors: [{ field: 'State', reason: '"Ohio" is not one of the values that the mapping lists' }] },
      { errors: [{ field: 'State', reason: '"toString" is not one of the values that the mapping lists' }] },
    ]);
  });
});

describe('a file is refused as a whole', () => {
  const refusal = async (text: string | Buffer, document: unknown = mapping): Promise<DomainError> => {
    try {
      await importing('csv', text, document);
    } catch (error) {
      if (error instanceof DomainError) return error;
      throw error;
    }
    throw new Error('it was not refused');
  };

  it('when a quote is never closed, as nothing after it can be trusted', async () => {
    for (const rows of [
      [A1, 'B,3,"11/8/2016,x', A2],
      [A1, A2, 'B,3,"11/8/2016,x'],
      ['B,3,"11/8/2016,x', A1, A1],
    ])
      expect(await refusal(file(...rows))).toMatchObject({ code: 'FileUnreadable' });
  });

  it('when it is not of its encoding', async () => {
    expect(await refusal(Buffer.from(file(A1.replace('Consumer', 'Café')), 'latin1'))).toMatchObject({
      code: 'FileUnreadable',
    });
  });

  it('when it is empty, or lacks columns', async () => {
    expect(await refusal('')).toMatchObject({ code: 'FileUnreadable' });
    const { code, fields } = await refusal('Order,Row,Row\n1,2,3');
    expect(code).toBe('ColumnsMissing');
    expect(fields).toContainEqual({ field: 'Row', reason: 'the file has two such columns' });
    expect(fields).toContainEqual({ field: 'Date', reason: 'the file has no such column; it has Order, Row, Row' });
  });

  it.each([
    ['an unknown kind', { kind: 'sold' }, 'kind'],
    ['a misspelt field', { parters: {} }, 'parters'],
    [
      'an unknown time zone',
      { occurredAt: { column: 'Date', format: 'M/d/yyyy', timeZone: 'Mars' } },
      'occurredAt.timeZone',
    ],
    ['a date without a time zone', { occurredAt: { column: 'Date', format: 'M/d/yyyy' } }, 'occurredAt.timeZone'],
    [
      'an unknown date format',
      { occurredAt: { column: 'Date', format: 'DD/MM', timeZone: 'UTC' } },
      'occurredAt.format',
    ],
    ['an unknown currency', { currency: 'Currency' }, 'currency'],
    ['an unknown rounding', { rounding: 'up' }, 'rounding'],
    ['an unknown role', { partners: { boss: 'State' } }, 'partners.boss'],
    ['a payment without amount', { kind: 'paid', id: 'Row' }, 'amount'],
  ])('with %s in its mapping', async (_, changes, field) => {
    const { code, fields } = await refusal(file(A1), { ...mapping, ...changes });
    expect(code).toBe('MappingInvalid');
    expect(fields.map((fault) => fault.field)).toContain(field);
  });
});

describe('what is refused', () => {
  it('names the cell that a field of the fact comes from', async () => {
    const row = 'A,,11/8/2016,Furniture,2x,261.9649,Texas,C-1,Consumer';
    const seen: Candidate[] = [];
    await importFacts(
      chunksOf(file(row, A1), 64),
      'csv',
      mapping,
      (batch) => {
        seen.push(...batch);
        return Promise.resolve(batch.map(() => ({ outcome: 'refused' })));
      },
      { stagingDirectory },
    );
    const place = (field: string) => {
      const { row: at, column, text } = seen[0]?.placeOf?.(field) ?? {};
      return [at, column, text];
    };
    // Lines are in order of their ids, wherever they are in the file.
    expect(place('terms.lines.0.id')).toEqual([3, 'Row', '1']);
    expect(place('terms.lines.1.quantity')).toEqual([2, 'Quantity', '2x']);
    expect(place('terms.partners.0.partner')).toEqual([2, 'State', 'Texas']);
    expect(place('terms.attributes.segment')).toEqual([2, 'Segment', 'Consumer']);
    expect(place('terms.customer')).toEqual([2, 'Customer', 'C-1']);
    expect(place('occurredAt')).toEqual([2, 'Date', '11/8/2016']);
    expect(place('deal')).toEqual([2, 'Order', 'A']);
    expect(place('terms.currency')).toEqual([undefined, undefined, undefined]);
    expect(seen[0]?.rows).toEqual([2, 3]);
  });

  it('has the number of its row, without a deal too', async () => {
    const { refused } = await importing('csv', file(A1, '', ',11,1/1/2017,Furniture,1,1,Ohio,,'), mapping);
    expect(refused).toMatchObject([
      { errors: [{ field: 'Order', reason: 'is empty', row: 4, column: 'Order', cell: '' }] },
    ]);
  });
});

describe('lines of NDJSON', () => {
  it('may bring the reason of an earlier refusal, which is ignored', async () => {
    expect((await importing('ndjson', '{"a":1,"refusal_reason":"row 1: bad"}')).facts).toEqual([{ a: 1 }]);
  });

  it('are read whatever the chunks, and also without an end of line at the end', async () => {
    const { facts, refused } = await importing('ndjson', '\ufeff{"a":"é"}\r\n\n  \n{"b":2}\n{"c"', undefined, 1);
    expect(facts).toEqual([{ a: 'é' }, { b: 2 }]);
    expect(refused).toMatchObject([{ raw: '{"c"', errors: [{ field: 'line' }] }]);
  });

  it('that are too long or not UTF-8 are refused, and the import continues', async () => {
    const long = `{"a":"${'x'.repeat(1024 * 1024)}"}`;
    const text = Buffer.concat([
      Buffer.from(`${long}\n`),
      Buffer.from([0x22, 0xff, 0x22, 0x0a]),
      Buffer.from('{"b":2}\n'),
    ]);
    const { facts, refused } = await importing('ndjson', text, undefined, 65_536);
    expect(facts).toEqual([{ b: 2 }]);
    expect(refused).toMatchObject([
      { errors: [{ reason: 'has 1048584 bytes, more than 1048576; only its beginning is kept' }] },
      { errors: [{ reason: 'is not UTF-8' }] },
    ]);
  });
});

describe('the temporary file of an import', () => {
  it('is deleted afterwards, also when the import fails', async () => {
    await importing('csv', file(A1), mapping);
    await importing('csv', file(A1, '"'), mapping).catch(() => undefined);
    const failing = importFacts(chunksOf(file(A1), 64), 'csv', mapping, () => Promise.reject(new Error('down')), {
      stagingDirectory,
    });
    await expect(failing).rejects.toThrow('down');
    expect(readdirSync(stagingDirectory)).toEqual([]);
  });

  it('is removed if its process is dead, and kept if it is alive', () => {
    const directory = join(stagingDirectory, 'leftovers');
    mkdirSync(directory);
    const [gone, alive, other] = ['999999999-a.import.sqlite', `${process.ppid}-b.import.sqlite`, 'notes.txt'].map(
      (name) => join(directory, name),
    );
    for (const path of [gone, alive, other]) writeFileSync(path ?? '', '');
    removeLeftovers(directory);
    expect([gone, alive, other].map((path) => existsSync(path ?? ''))).toEqual([false, true, true]);
    rmSync(directory, { recursive: true });
  });
});

describe('registrations and subscriptions in a file', () => {
  it('are read from their columns', async () => {
    const registrations: ColumnMapping = {
      source: 'prm',
      kind: 'registration',
      deal: 'Deal',
      id: 'Registration',
      revision: 'Revision',
      occurredAt: 'At',
      registration: { status: 'Status', holder: 'Partner', from: 'From', until: 'Until' },
    };
    const text = `Deal,Registration,Revision,At,Status,Partner,From,Until
D-1,REG-1,1,2026-01-05T10:00:00Z,pending,P-1,,
D-1,REG-1,2,2026-01-10T10:00:00Z,approved,P-1,2026-01-10,2026-04-10
`;
    const head = { source: 'prm', deal: 'D-1', kind: 'registration', id: 'REG-1', holder: 'P-1' };
    expect((await importing('csv', text, registrations)).facts).toEqual([
      { ...head, occurredAt: '2026-01-05T10:00:00.000Z', status: 'pending', revision: 1 },
      {
        ...head,
        occurredAt: '2026-01-10T10:00:00.000Z',
        status: 'approved',
        from: '2026-01-10',
        until: '2026-04-10',
        revision: 2,
      },
    ]);
  });

  it('belong to a line if its cell is not empty', async () => {
    const line = {
      id: 'Row',
      family: 'Family',
      variant: 'Variant',
      net: 'Net',
      subscription: { id: 'Sub', start: 'Start', months: 'Months' },
    };
    const text = `Order,Date,State,Row,Net,Family,Variant,Sub,Start,Months
O-1,1/5/2026,Ohio,1,2400,suite,blue,SUB-1,2026-02-01,24
O-1,1/5/2026,Ohio,2,10,,,,,
O-1,1/5/2026,Ohio,3,10,,,SUB-2,2026-02-01,many
`;
    const { customer: _, attributes: __, ...terms } = mapping;
    const [fact] = (await importing('csv', text, { ...terms, line })).facts;
    expect(fact).toMatchObject({
      terms: {
        lines: [
          {
            id: '1',
            net: '2400.00',
            family: 'suite',
            variant: 'blue',
            subscription: { id: 'SUB-1', start: '2026-02-01', months: 24 },
          },
          { id: '2', net: '10.00' },
          { id: '3', subscription: { months: 'many' } },
        ],
      },
    });
  });

  it.each([
    ['registration', { kind: 'registration', id: 'Row' }],
    ['registration.holder', { registration: { status: 'Status' } }],
    ['line.subscription.months', { line: { net: 'Net', subscription: { id: 'Sub', start: 'Start' } } }],
  ])('need the column %s in their mapping', async (field, over) => {
    await expect(importing('csv', '', { ...mapping, ...over })).rejects.toMatchObject({
      fields: expect.arrayContaining([expect.objectContaining({ field })]),
    });
  });
});

describe('a file of withdrawals', () => {
  const payments: ColumnMapping = {
    source: 'file',
    kind: 'paid',
    deal: 'Order',
    id: 'Id',
    revision: 'Rev',
    occurredAt: 'At',
    amount: 'Amount',
  };
  const at = '2026-01-01T10:00:00Z';
  const paid = { source: 'file', deal: 'A', kind: 'paid', id: 'P1', occurredAt: '2026-01-01T10:00:00.000Z' };

  it('is the file that was wrong, with `withdrawn: true` in its mapping', async () => {
    const text = `Order,Id,Rev,At,Amount\nA,P1,2,${at},5\nA,P2,,${at},`;
    const { facts } = await importing('csv', text, { ...payments, withdrawn: true });
    expect(facts).toEqual([
      { ...paid, revision: 2, withdrawn: true },
      { ...paid, id: 'P2', withdrawn: true },
    ]);
  });

  it('needs no content', async () => {
    const booked = { source: 'file', kind: 'booked', deal: 'Order', occurredAt: 'At', withdrawn: true };
    const { facts } = await importing('csv', `Order,At\nA,${at}`, booked);
    expect(facts).toMatchObject([{ deal: 'A', kind: 'booked', withdrawn: true }]);
  });

  it('may hold facts beside it, with a column of true and false', async () => {
    const rows = [`A,P1,,${at},5,`, `A,P1,,${at},5,true`, `A,P2,,${at},6,false`];
    const mapped = { ...payments, withdrawn: 'Storno' };
    const { facts } = await importing('csv', `Order,Id,Rev,At,Amount,Storno\n${rows.join('\n')}`, mapped);
    expect(facts).toEqual([
      { ...paid, amount: '5' },
      { ...paid, withdrawn: true },
      { ...paid, id: 'P2', amount: '6' },
    ]);
  });

  it('refuses any other cell', async () => {
    const mapped = { ...payments, withdrawn: 'Storno' };
    const { refused } = await importing('csv', `Order,Id,Rev,At,Amount,Storno\nA,P1,,${at},5,yes`, mapped);
    expect(refused).toMatchObject([
      { errors: [{ row: 2, column: 'Storno', reason: '"yes" is not true, false or empty' }] },
    ]);
  });
});

describe('A batch', () => {
  const long = 'x'.repeat(BATCH_CHARACTERS / 4);

  it('has at most so many facts', async () => {
    const lines = Array.from({ length: BATCH_FACTS + 1 }, (_, index) => JSON.stringify({ index }));
    expect(await batchesOf('ndjson', lines.join('\n'))).toEqual([BATCH_FACTS, 1]);
  });

  it('ends after so many characters of lines, so that the thread answers others in between', async () => {
    const lines = Array.from({ length: 10 }, () => JSON.stringify({ long }));
    expect(await batchesOf('ndjson', lines.join('\n'))).toEqual([4, 4, 2]);
  });

  it('ends after so many characters of rows, with a deal or without', async () => {
    const rows = (order: (index: number) => string): string =>
      file(...Array.from({ length: 10 }, (_, index) => `${order(index)},1,1/2/2026,A,1,1,Ohio,${long},`));
    expect(
      await batchesOf(
        'csv',
        rows((index) => `O-${index}`),
        mapping,
      ),
    ).toEqual([4, 4, 2]);
    expect(
      await batchesOf(
        'csv',
        rows(() => ''),
        mapping,
      ),
    ).toEqual([4, 4, 2]);
  });
});
