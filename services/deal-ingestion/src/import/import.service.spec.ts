import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { verifyLog } from '@tantieme/audit/verify';
import type { DealFact } from '@tantieme/contracts/deal';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { amended, booked, returned, terms } from '../deal/deal.fixture.js';
import type { DealSummary, DealWithFacts } from '../deal/deal.dto.js';
import type { FactReceipt } from '../fact/fact.dto.js';
import type { OpenRefusalTables } from '../fact/open-refusals.tables.js';
import { REFUSAL_RUNTIME } from '../refusal/refusal-runtime.service.js';
import type { RefusalRuntime } from '../refusal/refusal-runtime.service.js';
import { refusalStream } from '../refusal/refusal.js';
import type { Refusal } from '../refusal/refusal.dto.js';
import { replayables } from '../replayables.js';
import { eventually, TestService } from '../service.fixture.js';
import type { ProblemAnswer } from '../service.fixture.js';
import type { Import } from './import.dto.js';

const service = new TestService();
beforeAll(() => service.start());
afterAll(() => service.end());

const GERMAN = {
  source: 'erp',
  kind: 'booked',
  deal: 'Auftrag',
  occurredAt: { column: 'Datum', timeZone: 'Europe/Berlin' },
  locale: 'de-DE',
  delimiter: ';',
  currency: 'EUR',
  line: { id: 'Zeile', quantity: 'Menge', net: 'Netto' },
  partners: { seller: 'Partner' },
};
const HEADER = 'Auftrag;Zeile;Datum;Menge;Netto;Partner;Bemerkung';
const german = (...rows: string[]): string => [HEADER, ...rows].join('\n');

const germanFile = (query: string, ...rows: string[]) =>
  service.import({ format: 'csv', text: german(...rows), mapping: GERMAN, query });

const ndjson = (...facts: (DealFact | string)[]) =>
  service.import({
    format: 'ndjson',
    text: facts.map((fact) => (typeof fact === 'string' ? fact : JSON.stringify(fact))).join('\n'),
    query: 'file=facts.ndjson',
  });

const eventTexts = async (): Promise<readonly StoredEvent[]> => {
  const store: EventStore = service.application.get(EVENT_STORE);
  return (await store.readAll({ limit: 100_000 })).events;
};

const refusalsOfDeal = async (deal: string): Promise<readonly Refusal[]> =>
  (await service.refusals()).filter((refusal) => refusal.deal === deal);

const invalid = (deal: string): DealFact => booked({ deal, terms: terms({ lines: [{ id: '1', net: '1.005' }] }) });

describe('a file from Germany', () => {
  it('has decimal commas, thousands and dates of its locale', async () => {
    const { result } = await germanFile(
      'file=maerz.csv',
      'G-1;1;05.03.2026;1,5;1.234,50;P-1;',
      'G-1;2;5.3.2026;2;-7,00;P-1;',
    );
    expect(result).toMatchObject({ facts: 1, refused: 1 });
    const again = await germanFile(
      'file=maerz.csv',
      'G-1;1;05.03.2026;1,5;1.234,50;P-1;',
      'G-1;2;05.03.2026;2;-7,00;P-1;',
    );
    expect(again.result).toMatchObject({ facts: 1, accepted: 1 });
    const { body } = await service.get<DealWithFacts>('/deals/erp/G-1');
    expect(body).toMatchObject({
      // Midnight in Berlin.
      bookedAt: '2026-03-04T23:00:00.000Z',
      terms: { lines: [{ net: '1234.50', quantity: '1.5' }, { net: '-7.00' }] },
    });
  });

  it('may name its locale in the request', async () => {
    const { locale: _, ...mapping } = { ...GERMAN, occurredAt: { ...GERMAN.occurredAt, format: 'dd.MM.yyyy' } };
    const text = german('G-2;1;05.03.2026;1;9,50;P-1;');
    const plain = await service.import({ format: 'csv', text, mapping });
    expect(plain.result).toMatchObject({ refused: 1 });
    const { result } = await service.import({ format: 'csv', text, mapping, query: 'locale=de-DE' });
    expect(result).toMatchObject({ accepted: 1 });
    const unknown = await service.import({ format: 'csv', text, mapping, query: 'locale=xx-XX' });
    expect(unknown).toMatchObject({ status: 422, result: { code: 'MappingInvalid', errors: [{ field: 'locale' }] } });
  });

  it('is refused by cell: file, row, column, and what the cell holds', async () => {
    const { id } = await germanFile(
      'file=april.csv',
      'G-3;1;05.03.2026;1;1.5;P-1;',
      '',
      'G-4;1;05.03.2026;1;9,505;P-1;',
    );
    const refusals = await eventually(
      () => service.refusals(`import=${id}`),
      (found) => found.length === 2,
    );
    expect(refusals).toMatchObject([
      {
        state: 'open',
        kind: 'invalid',
        source: 'erp',
        deal: 'G-3',
        fact: 'booked',
        import: id,
        file: 'april.csv',
        rows: [2],
        errors: [
          {
            field: 'Netto',
            row: 2,
            column: 'Netto',
            cell: '1.5',
            reason: '"1.5" is not a number with "," before its decimals and "." between thousands',
          },
        ],
      },
      {
        deal: 'G-4',
        // The blank row counts, as in a spreadsheet.
        errors: [
          {
            field: 'terms.lines.0.net',
            row: 4,
            column: 'Netto',
            cell: '9,505',
            reason: '"9.505" has more than 2 decimals',
          },
        ],
      },
    ]);
  });
});

describe('a refusal', () => {
  it('is resolved when the same fact arrives later and is right', async () => {
    await ndjson(invalid('R-1'), invalid('R-2'));
    await eventually(
      () => refusalsOfDeal('R-1'),
      (found) => found.length === 1,
    );
    await service.post('/deals/facts', returned({ deal: 'R-1' }));
    await service.post('/deals/facts', booked({ deal: 'R-1' }));
    const [resolved] = await eventually(
      () => refusalsOfDeal('R-1'),
      ([refusal]) => refusal?.state === 'resolved',
    );
    expect(resolved).toMatchObject({ resolution: 'recorded', resolvedAt: expect.any(String) });
    expect(await refusalsOfDeal('R-2')).toMatchObject([{ state: 'open' }]);
  });

  it('stays resolved when the wrong content is sent again', async () => {
    const before = (await eventTexts()).filter(({ type }) => type.startsWith('Fact') || type.startsWith('Refusal'));
    expect((await ndjson(invalid('R-1'))).result).toMatchObject({ refused: 1 });
    expect((await eventTexts()).filter(({ type }) => type.startsWith('Fact') || type.startsWith('Refusal'))).toEqual(
      before,
    );
  });

  it('is resolved by a fact that was recorded before and is sent again', async () => {
    await service.post('/deals/facts', booked({ deal: 'R-3' }));
    await service.post('/deals/facts', invalid('R-3'));
    await eventually(
      () => refusalsOfDeal('R-3'),
      (found) => found.length === 1,
    );
    await eventually(
      async () => {
        await service.post('/deals/facts', booked({ deal: 'R-3' }));
        return refusalsOfDeal('R-3');
      },
      ([refusal]) => refusal?.state === 'resolved',
    );
  });

  it('that is resolved is no longer kept among the open ones', async () => {
    const db = service.application.get<Kysely<OpenRefusalTables>>(DATABASE);
    const open = await eventually(
      () => db.selectFrom('deal_ingestion_open_refusals').select('deal').execute(),
      (rows) => rows.every(({ deal }) => !['R-1', 'R-3'].includes(deal)),
    );
    expect(open.map(({ deal }) => deal)).toContain('R-2');
  });

  it('shows the beginning of a large fact in a list, and stores all of it', async () => {
    const fact = booked({ deal: 'R-7', terms: terms({ currency: 'XXX', attributes: { note: 'ü'.repeat(150_000) } }) });
    const { id } = await ndjson(fact);
    const [refusal] = await eventually(
      () => service.refusals(`import=${id}`),
      (found) => found.length === 1,
    );
    expect(refusal).toMatchObject({ truncated: true, deal: 'R-7', fact: 'booked' });
    expect(refusal?.raw).toBe(JSON.stringify(fact).slice(0, 128 * 1024));
    expect((await service.get<Refusal>(`/refusals/${refusal?.id}`)).body.raw).toBe(JSON.stringify(fact));
    expect(await service.post<ProblemAnswer>(`/refusals/${refusal?.id}/retry`)).toMatchObject({
      status: 422,
      body: { code: 'FactInvalid' },
    });
  });

  it('of a conflict is resolved by an amendment, not by the fact that it is in conflict with', async () => {
    await service.post('/deals/facts', booked({ deal: 'R-4' }));
    await service.post('/deals/facts', booked({ deal: 'R-4', terms: terms({ lines: [{ id: '1', net: '7' }] }) }));
    await eventually(
      () => refusalsOfDeal('R-4'),
      (found) => found.length === 1,
    );
    await service.post('/deals/facts', booked({ deal: 'R-4' }));
    await service.post('/deals/facts', amended({ deal: 'R-4' }));
    const [refusal] = await eventually(
      () => refusalsOfDeal('R-4'),
      ([found]) => found?.state === 'resolved',
    );
    expect(refusal).toMatchObject({ kind: 'conflict', resolution: 'amended' });
  });

  it('can be shown, and is listed by state, kind, source, file and text', async () => {
    const open = await service.refusals('state=open');
    const resolved = await service.refusals('state=resolved');
    expect(open.length + resolved.length).toBe((await service.refusals()).length);
    expect(new Set(resolved.map(({ deal }) => deal))).toEqual(new Set(['R-1', 'R-3', 'R-4', 'G-1', 'G-2']));
    expect((await service.refusals('kind=conflict')).map(({ deal }) => deal)).toEqual(['R-4']);
    expect((await service.refusals('source=erp&file=april.csv')).map(({ deal }) => deal)).toEqual(['G-3', 'G-4']);
    expect((await service.refusals('text=9,505')).map(({ deal }) => deal)).toEqual(['G-4']);
    expect((await service.refusals('text=g-3')).map(({ deal }) => deal)).toEqual(['G-3']);
    expect((await service.refusals('sort=-at')).map(({ id }) => id)).toEqual(
      (await service.refusals()).map(({ id }) => id).toReversed(),
    );
    const [first] = open;
    expect((await service.get<Refusal>(`/refusals/${first?.id}`)).body).toEqual(first);
    expect(await service.get(`/refusals/${'0'.repeat(64)}`)).toMatchObject({
      status: 404,
      body: { code: 'RefusalUnknown' },
    });
    expect((await service.get('/refusals/nothing')).status).toBe(422);
    expect((await service.get('/refusals?state=closed')).status).toBe(422);
  });
});

describe('a retry', () => {
  const retry = <Body>(id: string | undefined) => service.post<Body>(`/refusals/${id}/retry`);

  it('gives the reasons again while they hold', async () => {
    const [refusal] = await refusalsOfDeal('R-2');
    expect(await retry<ProblemAnswer>(refusal?.id)).toMatchObject({
      status: 422,
      body: { code: 'FactInvalid', errors: [{ field: 'terms.lines.0.net' }] },
    });
    expect(await refusalsOfDeal('R-2')).toMatchObject([{ state: 'open' }]);
    expect((await retry(refusalOf('R-1')?.id)).status).toBe(409);
    expect((await retry('0'.repeat(64))).status).toBe(404);
  });

  beforeAll(async () => {
    await service.post('/deals/facts', amended({ deal: 'R-5', revision: 1 }));
    const other = terms({ lines: [{ id: '1', net: '3' }] });
    await service.post('/deals/facts', amended({ deal: 'R-5', revision: 1, terms: other }));
    await eventually(
      () => refusalsOfDeal('R-5'),
      (found) => found.length === 1,
    );
  });

  let known: readonly Refusal[] = [];
  const refusalOf = (deal: string): Refusal | undefined => known.find((refusal) => refusal.deal === deal);
  beforeAll(async () => {
    known = await service.refusals();
  });

  it('maps the stored rows of a CSV file again', async () => {
    expect(await retry<ProblemAnswer>(refusalOf('G-4')?.id)).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'terms.lines.0.net', reason: '"9.505" has more than 2 decimals' }] },
    });
  });

  it('of a conflict names the difference again', async () => {
    const [refusal] = (await service.refusals('kind=conflict&state=open')).filter(({ deal }) => deal === 'R-5');
    expect(await retry<ProblemAnswer>(refusal?.id)).toMatchObject({ status: 409, body: { code: 'FactConflict' } });
  });

  it('records what is valid by now, and resolves the refusal', async () => {
    const raw = JSON.stringify(booked({ deal: 'R-6' }));
    const id = 'a'.repeat(64);
    // As an older version may have refused it.
    await service.application
      .get<RefusalRuntime>(REFUSAL_RUNTIME)
      .handle(
        refusalStream(id),
        { kind: 'invalid', raw, errors: [{ field: 'kind', reason: 'is unknown' }], at: '2026-03-05T10:00:00.000Z' },
        { actor: 'test', correlationId: 'c', cause: 'c' },
      );
    await eventually(
      () => service.get(`/refusals/${id}`),
      ({ status }) => status === 200,
    );
    expect(await retry(id)).toMatchObject({
      status: 200,
      body: { outcome: 'accepted', deal: 'R-6', identity: 'booked' },
    });
    const { body } = await eventually(
      () => service.get<Refusal>(`/refusals/${id}`),
      (answer) => answer.body.state === 'resolved',
    );
    expect(body.resolution).toBe('retried');
  });

  it('is refused for rows that could not be read whole', async () => {
    const { id } = await germanFile('', 'G-5;1;05.03.2026');
    const [refusal] = await eventually(
      () => service.refusals(`import=${id}`),
      (found) => found.length === 1,
    );
    expect(await retry<ProblemAnswer>(refusal?.id)).toMatchObject({ status: 409, body: { code: 'RefusalIncomplete' } });
  });

  it('is closed to roles that record nothing', async () => {
    expect((await service.post(`/refusals/${'0'.repeat(64)}/retry`, {}, 'auditor')).status).toBe(403);
  });
});

describe('a dry run', () => {
  const rows = [
    'T-1;1;05.03.2026;1;1.000,50;P-1;',
    'T-1;2;05.03.2026;1;2,00;P-1;',
    'T-2;1;05.03.2026;1;10,00;P-1;',
    'T-3;1;05.03.2026;1;zehn;P-1;',
    'G-1;1;05.03.2026;1,5;1.234,50;P-1;',
    'G-1;2;05.03.2026;2;-8,00;P-1;',
  ];

  it('answers with the outcome of each fact and totals, and writes nothing', async () => {
    const before = await eventTexts();
    const { lines, result } = await germanFile('dryRun=true&file=mai.csv', ...rows);
    expect(result).toEqual({
      type: 'result',
      dryRun: true,
      facts: 4,
      accepted: 2,
      repeated: 0,
      conflicts: 1,
      refused: 1,
      amounts: [{ kind: 'booked', currency: 'EUR', facts: 2, amount: '1012.50' }],
    });
    expect(lines.filter(({ type }) => type === 'conflict' || type === 'refused')).toMatchObject([
      { type: 'refused', deal: 'T-3', rows: [5], errors: [{ row: 5, column: 'Netto', cell: 'zehn' }] },
      { type: 'conflict', code: 'FactConflict', deal: 'G-1', fact: 'booked', rows: [6, 7] },
    ]);
    expect(lines.some(({ type }) => type === 'started')).toBe(false);
    expect(await eventTexts()).toEqual(before);
    expect((await service.get('/deals/erp/T-1')).status).toBe(404);
  });

  it('has the counts of the import that follows', async () => {
    const { result } = await germanFile('file=mai.csv', ...rows);
    expect(result).toEqual({ type: 'result', facts: 4, accepted: 2, repeated: 0, conflicts: 1, refused: 1 });
  });

  it('counts what the file itself brings as recorded', async () => {
    const facts = [
      booked({ deal: 'T-5' }),
      booked({ deal: 'T-5' }),
      invalid('T-6'),
      returned({ deal: 'T-5', lines: [{ line: '1', net: '5' }] }),
    ];
    const other = booked({ deal: 'T-5', terms: terms({ currency: 'USD' }) });
    const { result } = await service.import({
      format: 'ndjson',
      text: [...facts, other].map((fact) => JSON.stringify(fact)).join('\n'),
      query: 'dryRun=true',
    });
    expect(result).toMatchObject({
      facts: 5,
      accepted: 2,
      repeated: 1,
      conflicts: 1,
      refused: 1,
      amounts: [
        { kind: 'booked', currency: 'EUR', amount: '100.00' },
        { kind: 'returned', currency: 'EUR', amount: '5.00' },
      ],
    });
  });

  it('counts what an earlier part of a large file brings', async () => {
    const fact = JSON.stringify(booked({ deal: 'T-7' }));
    const text = [fact, ...Array.from({ length: 1100 }, () => '{}'), fact].join('\n');
    const { result } = await service.import({ format: 'ndjson', text, query: 'dryRun=true' });
    expect(result).toMatchObject({ facts: 1102, accepted: 1, repeated: 1, refused: 1100 });
  });

  it('is either true or false', async () => {
    expect((await germanFile('dryRun=maybe', ...rows)).status).toBe(422);
  });
});

describe('the rejected rows of an import', () => {
  it('are the rows of the file with the reason, and can be corrected and imported', async () => {
    const { id } = await germanFile(
      'file=juni.csv',
      'J-1;1;05.03.2026;1;1,00;P-1;"mit; Semikolon"',
      'J-2;1;05.03.2026;1;eins;P-1;"mit; Semikolon"',
      'J-3;1;31.02.2026;1;1,00;P-1;',
    );
    await eventually(
      () => service.refusals(`import=${id}`),
      (found) => found.length === 2,
    );
    const { type, text } = await service.text(`/imports/${id}/rejected`);
    expect(type).toContain('text/csv');
    expect(text.split('\n')).toEqual([
      `\ufeff${HEADER};refusal_reason`,
      'J-2;1;05.03.2026;1;eins;P-1;"mit; Semikolon";"row 3, Netto: ""eins"" is not a number with "","" before its decimals and ""."" between thousands"',
      'J-3;1;31.02.2026;1;1,00;P-1;;"row 4, Datum: ""31.02.2026"" is not a date of the form d.M.yyyy"',
      '',
    ]);
    const corrected = text.replace('eins', '1,00').replace('31.02.', '28.02.');
    expect((await service.import({ format: 'csv', text: corrected, mapping: GERMAN })).result).toMatchObject({
      accepted: 2,
    });
    const refusals = await eventually(
      () => service.refusals(`import=${id}&state=resolved`),
      (found) => found.length === 2,
    );
    expect(refusals.map(({ deal }) => deal)).toEqual(['J-2', 'J-3']);
    expect((await service.text(`/imports/${id}/rejected?state=open`)).text).toBe(`\ufeff${HEADER};refusal_reason\n`);
  });

  it('are also those that an earlier import had rejected', async () => {
    const { id } = await germanFile('file=juli.csv', 'J-2;1;05.03.2026;1;eins;P-1;"mit; Semikolon"');
    const { text } = await eventually(
      () => service.text(`/imports/${id}/rejected`),
      (answer) => answer.text.includes('J-2'),
    );
    expect(text.split('\n')).toHaveLength(3);
  });

  it('are lines of NDJSON where the file was', async () => {
    const { id } = await ndjson(invalid('J-9'), '{"kind":');
    await eventually(
      () => service.refusals(`import=${id}`),
      (found) => found.length === 2,
    );
    const { type, text } = await service.text(`/imports/${id}/rejected`);
    expect(type).toContain('application/x-ndjson');
    const lines = text.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { ...invalid('J-9'), refusal_reason: 'row 1, terms.lines.0.net: "1.005" has more than 2 decimals' },
      { line: '{"kind":', refusal_reason: expect.stringContaining('row 2, line: is not JSON') },
    ]);
    const { result } = await ndjson((lines[0] ?? '').replace('1.005', '1.00'));
    expect(result).toMatchObject({ accepted: 1 });
  });

  it('of an unknown import are 404', async () => {
    expect(await service.get('/imports/nothing/rejected')).toMatchObject({
      status: 404,
      body: { code: 'ImportUnknown' },
    });
  });
});

describe('imports', () => {
  it('are listed with their file, state, counts, and who imported when', async () => {
    const list = (query: string) => service.get<Page<Import>>(`/imports?${query}`);
    const { body } = await eventually(
      () => list('file=mai'),
      (answer) => answer.body.items[0]?.state === 'completed',
    );
    expect(body.items).toEqual([
      {
        id: expect.any(String),
        file: 'mai.csv',
        format: 'csv',
        state: 'completed',
        actor: 'test-source',
        at: expect.any(String),
        endedAt: expect.any(String),
        facts: 4,
        accepted: 2,
        repeated: 0,
        conflicts: 1,
        refused: 1,
      },
    ]);
    expect((await service.get<Import>(`/imports/${body.items[0]?.id}`)).body).toEqual(body.items[0]);
    const newest = await list('limit=2');
    const next = await list(`limit=2&cursor=${newest.body.next}`);
    const times = [...newest.body.items, ...next.body.items].map(({ at }) => at);
    expect(times).toHaveLength(4);
    expect(times).toEqual(times.toSorted().toReversed());
    expect((await list('actor=nobody')).body.items).toEqual([]);
    expect((await service.get('/imports/nothing')).status).toBe(404);
  });

  it('that failed say why', async () => {
    await service.import({ format: 'csv', text: 'Auftrag;Zeile\n1;2\n', mapping: GERMAN, query: 'file=kaputt.csv' });
    const { body } = await eventually(
      () => service.get<Page<Import>>('/imports?state=failed'),
      (answer) => answer.body.items.length > 0,
    );
    expect(body.items).toMatchObject([{ file: 'kaputt.csv', error: { code: 'ColumnsMissing' }, facts: 0 }]);
  });
});

describe('deals', () => {
  const ids = async (query: string): Promise<readonly string[]> =>
    (await service.get<Page<DealSummary>>(`/deals?limit=200&${query}`)).body.items.map(({ id }) => id);

  beforeAll(async () => {
    const registered: DealFact = {
      source: 'list',
      deal: 'L-3',
      kind: 'registered',
      occurredAt: '2026-07-01T00:00:00Z',
      terms: terms(),
    };
    const facts: DealFact[] = [
      booked({
        source: 'list',
        deal: 'L-1',
        occurredAt: '2026-01-31T23:59:59Z',
        terms: terms({ customer: 'ACME', currency: 'EUR' }),
      }),
      booked({
        source: 'list',
        deal: 'L-2',
        occurredAt: '2026-02-01T00:00:00Z',
        terms: terms({ currency: 'USD', partners: [{ role: 'seller', partner: 'P-9' }] }),
      }),
      registered,
      returned({ source: 'list', deal: 'M-4' }),
      { source: 'list', deal: 'L-1', kind: 'cancelled', occurredAt: '2026-05-01T00:00:00Z' },
    ];
    for (const fact of facts) expect((await service.post<FactReceipt>('/deals/facts', fact)).status).toBe(201);
    await eventually(
      () => ids('source=list&state=cancelled'),
      (found) => found.length === 1,
    );
  });

  it.each([
    ['partner=P-9', ['L-2']],
    ['source=list&period=2026-01', ['L-1']],
    ['source=list&period=2026-Q1', ['L-1', 'L-2']],
    ['source=list&period=2026', ['L-1', 'L-2', 'L-3']],
    ['source=list&from=2026-02-01', ['L-2', 'L-3']],
    ['source=list&until=2026-02-01', ['L-1']],
    ['source=list&currency=USD', ['L-2']],
    ['source=list&state=cancelled', ['L-1']],
    ['source=list&state=registered', ['L-3']],
    ['source=list&state=incomplete', ['M-4']],
    ['source=list&text=l-', ['L-1', 'L-2', 'L-3']],
    ['source=list&text=acm', ['L-1']],
    ['source=list&text=L%25', []],
    ['source=list&sort=-id', ['M-4', 'L-3', 'L-2', 'L-1']],
    ['source=list&sort=-occurredAt', ['L-3', 'L-2', 'L-1', 'M-4']],
    ['source=list&sort=-customer', ['L-1', 'M-4', 'L-3', 'L-2']],
  ])('are listed by %s', async (query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  it('no longer belong to partners that an amendment removed', async () => {
    await service.post('/deals/facts', amended({ source: 'list', deal: 'L-2' }));
    await eventually(
      () => ids('partner=P-9'),
      (found) => found.length === 0,
    );
    expect(await ids('source=list&partner=P-1')).toContain('L-2');
  });

  it('come in pages in every order', async () => {
    const url = '/deals?source=list&limit=1&sort=-occurredAt';
    const first = await service.get<Page<DealSummary>>(url);
    const second = await service.get<Page<DealSummary>>(`${url}&cursor=${first.body.next}`);
    expect([...first.body.items, ...second.body.items].map(({ id }) => id)).toEqual(['L-3', 'L-2']);
  });

  it.each(['period=2026-13', 'from=01.02.2026', 'currency=euro', 'state=sold', 'sort=net'])(
    'are not listed by %s',
    async (query) => {
      expect((await service.get(`/deals?${query}`)).status).toBe(422);
    },
  );
});

describe('the log', () => {
  it('is decided again from its own events without a difference', async () => {
    const store: EventStore = service.application.get(EVENT_STORE);
    expect((await verifyLog({ store, replayables: await replayables(store) })).differences).toEqual([]);
  });
});

describe('refused facts of great size', () => {
  const NOTE = 'ein "langer" Vermerk 😀 '.repeat(40);
  const rowsOf = (net: string): readonly string[] =>
    ['H-1', 'H-2'].flatMap((deal) =>
      Array.from({ length: 1500 }, (_, row) => {
        const cells = [deal, `${row + 1}`, '05.03.2026', '1', row === 700 ? net : '1,00', 'P-1'];
        return `${cells.join(';')};"${row} ${NOTE.replaceAll('"', '""')}"`;
      }),
    );

  it('lose none of their 3,000 rows, which can be corrected and imported again', async () => {
    const { id, result } = await germanFile('file=gross.csv', ...rowsOf('1,005'));
    expect(result).toMatchObject({ facts: 2, refused: 2 });
    const listed = await eventually(
      () => service.refusals(`import=${id}`),
      (found) => found.length === 2,
    );
    expect(listed.map(({ truncated }) => truncated)).toEqual([true, true]);
    const whole = await service.get<Refusal>(`/refusals/${listed[0]?.id ?? ''}`);
    expect(whole.body.truncated).toBeUndefined();
    expect(JSON.parse(whole.body.raw)).toHaveLength(1500);
    const { text } = await service.text(`/imports/${id}/rejected`);
    expect(text.match(/^H-[12];/gm)).toHaveLength(3000);
    const corrected = await service.import({ format: 'csv', text: text.replaceAll('1,005', '1,00'), mapping: GERMAN });
    expect(corrected.result).toMatchObject({ facts: 2, accepted: 2 });
  });

  it('are told apart where a line is too long to be stored', async () => {
    const line = (last: string): string => `{"kind":"booked","note":"${'x'.repeat(1024 * 1024)}${last}"}`;
    const { id, result } = await ndjson(line('a'), line('b'));
    expect(result).toMatchObject({ refused: 2 });
    const found = await eventually(
      () => service.refusals(`import=${id}`),
      (items) => items.length === 2,
    );
    expect(found[0]?.errors[0]?.reason).toMatch(/^has 1048\d+ bytes, more than 1048576; only its beginning is kept$/);
  });
});
