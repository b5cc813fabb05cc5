import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Partner } from '@tantieme/contracts/partner';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { eventually, TestService } from '../service.fixture.js';
import type { PartnerWarning, RegisteredPartner } from './partner.dto.js';

const service = new TestService();
beforeAll(() => service.start());
afterAll(() => service.end());

const csv = (kind: string, text: string, mapping?: object, query = '') =>
  service.file({
    url: `/partners/${kind === 'partners' ? '' : `${kind}/`}batch?${query}`,
    text,
    type: 'text/csv',
    ...(mapping === undefined ? {} : { mapping }),
  });
const partner = async (id: string): Promise<Partner> => (await service.get<Partner>(`/partners/${id}`)).body;
const head = async () => service.application.get<EventStore>(EVENT_STORE).head();

describe('a CSV file of partners', () => {
  it('registers partners by the names in its header', async () => {
    const { result } = await csv(
      'partners',
      'id,name,channel,country\nP-1,Ada Resale,retail,FR\nP-2,Bob & Co,direct,DE\n',
    );
    expect(result).toEqual({ type: 'result', rows: 2, changed: 2, unchanged: 0, refused: 0 });
    expect(await partner('P-1')).toEqual({
      id: 'P-1',
      name: 'Ada Resale',
      channel: 'retail',
      country: 'FR',
      tiers: [],
      uplines: [],
      agreements: [],
    });
  });

  it('leaves tiers, uplines and agreements as they are', async () => {
    await service.put('/partners/P-1/tiers/2026-01-01', { tier: 'gold' });
    const { result } = await csv('partners', 'id,name,channel,country\nP-1,Ada,retail,FR\nP-2,Bob & Co,direct,DE\n');
    expect(result).toMatchObject({ changed: 1, unchanged: 1 });
    expect(await partner('P-1')).toMatchObject({ name: 'Ada', tiers: [{ value: 'gold' }] });
  });

  it('is refused by cell, with file, row and column', async () => {
    const text =
      'Nr;Firma;Kanal;Land\n3;Carl;retail;FR\n\n4;Dora;street;FR\n5;;retail;FR\n6;Emil;retail;France\na|b;Fritz;retail;FR\n';
    const mapping = { id: 'Nr', name: 'Firma', channel: 'Kanal', country: 'Land', delimiter: ';' };
    const { lines } = await csv('partners', text, mapping, 'file=partner.csv');
    expect(lines).toMatchObject([
      {
        type: 'refused',
        file: 'partner.csv',
        row: 4,
        partner: '4',
        code: 'PartnerInvalid',
        errors: [
          {
            field: 'channel',
            row: 4,
            column: 'Kanal',
            cell: 'street',
            reason: expect.stringContaining('must be one of retail'),
          },
        ],
      },
      { row: 5, errors: [{ field: 'name', row: 5, column: 'Firma', cell: '', reason: 'is empty' }] },
      { row: 6, partner: '6', errors: [{ column: 'Land', cell: 'France' }] },
      { row: 7, partner: '', errors: [{ column: 'Nr', cell: 'a|b' }] },
      { type: 'result', rows: 5, changed: 1, refused: 4 },
    ]);
  });

  it('warns of countries that do not exist, and lists them', async () => {
    const { lines } = await csv('partners', 'id,name,channel,country\nP-Z,Zoe,retail,ZZ\n');
    expect(lines).toEqual([
      {
        type: 'warning',
        row: 2,
        partner: 'P-Z',
        errors: [{ field: 'country', reason: 'ZZ is not in ISO 3166-1', row: 2, column: 'country', cell: 'ZZ' }],
      },
      { type: 'result', rows: 1, changed: 1, unchanged: 0, refused: 0 },
    ]);
    const details = { name: 'Zoe', channel: 'retail', country: 'ZZ' };
    expect((await service.put<RegisteredPartner>('/partners/P-Z', details)).body.warnings).toEqual([
      'country: ZZ is not in ISO 3166-1',
    ]);
    expect(
      (await service.put<RegisteredPartner>('/partners/P-Y', { ...details, country: 'FR' })).body,
    ).not.toHaveProperty('warnings');
  });
});

describe('files of what partners have from day to day', () => {
  it('assign tiers, with dates of a locale', async () => {
    const text = 'Partner;Seit;Stufe\nP-1;1.3.2026;platinum\nP-2;01.03.2026;gold\n';
    const mapping = { partner: 'Partner', from: 'Seit', tier: 'Stufe', delimiter: ';' };
    const { result } = await csv('tiers', text, mapping, 'locale=de-DE');
    expect(result).toMatchObject({ changed: 2 });
    expect((await partner('P-1')).tiers).toEqual([
      { from: '2026-01-01', value: 'gold' },
      { from: '2026-03-01', value: 'platinum' },
    ]);
  });

  it('assign uplines in the order of the rows, and refuse circles', async () => {
    const text =
      'partner,from,upline\nP-2,2026-01-01,P-1\nP-1,2026-01-01,P-2\nP-2,2026-06-01,\nP-1,2026-06-01,P-2\nP-1,2026-07-01,nobody\n';
    const { lines } = await csv('uplines', text);
    expect(lines).toMatchObject([
      {
        type: 'refused',
        row: 3,
        partner: 'P-1',
        code: 'UplineCircle',
        errors: [{ field: 'upline', column: 'upline', cell: 'P-2' }],
      },
      { type: 'refused', row: 6, code: 'UplineUnknown', errors: [{ column: 'upline', cell: 'nobody' }] },
      { type: 'result', rows: 5, changed: 3, refused: 2 },
    ]);
    expect((await partner('P-2')).uplines).toEqual([
      { from: '2026-01-01', value: 'P-1' },
      { from: '2026-06-01', value: null },
    ]);
  });

  it('make agreements, and name the cell of one that overlaps', async () => {
    const text = [
      'partner,agreement,plan,from,until',
      'P-1,A-1,emea,2026-01-01,2026-07-01',
      'P-1,A-2,emea,2026-06-01,',
      'P-1,A-3,emea,2026-07-01,2026-07-01',
      'nobody,A-4,emea,2026-01-01,',
      'P-1,A-5,emea,2026-02-30,',
    ].join('\n');
    const { lines } = await csv('agreements', text);
    expect(lines).toMatchObject([
      { row: 3, code: 'AgreementOverlaps', errors: [{ field: 'from', column: 'from', cell: '2026-06-01' }] },
      { row: 4, code: 'PartnerInvalid', errors: [{ field: 'until', column: 'until', cell: '2026-07-01' }] },
      { row: 5, code: 'PartnerUnknown', partner: 'nobody' },
      { row: 6, errors: [{ field: 'from', cell: '2026-02-30' }] },
      { type: 'result', rows: 5, changed: 1, refused: 4 },
    ]);
  });

  it('record certificates as NDJSON', async () => {
    const row = {
      partner: 'P-1',
      certificate: 'C-1',
      certification: 'security-pro',
      from: '2026-01-01',
      until: null,
      count: 2,
    };
    const lines = [row, { ...row, certificate: 'C-2', count: '2' }, { ...row, certificat: 'C-3' }, '{'];
    const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
    const answer = await service.file({ url: '/partners/certifications/batch', text, type: 'application/x-ndjson' });
    expect(answer.lines).toMatchObject([
      { row: 2, partner: 'P-1', errors: [{ field: 'count', reason: 'must be a whole number', row: 2 }] },
      { row: 3, errors: [{ field: 'certificat', reason: expect.stringContaining('did you mean "certificate"?') }] },
      { row: 4, errors: [{ field: 'line' }] },
      { type: 'result', rows: 4, changed: 1, refused: 3 },
    ]);
    expect((await partner('P-1')).certifications).toEqual([
      { id: 'C-1', certification: 'security-pro', from: '2026-01-01', count: 2 },
    ]);
  });

  it.each([
    ['tiers', 'partner,from\nP-1,2026-01-01\n', undefined, 'ColumnsMissing', 'tier'],
    ['uplines', 'partner,from\nP-1,2026-01-01\n', undefined, 'ColumnsMissing', 'upline'],
    ['agreements', 'partner,agreement,plan,from\nP-1,A-1,emea,2026-01-01\n', undefined, 'ColumnsMissing', 'until'],
    ['tiers', 'partner,from,tier,upline\nP-1,2026-01-01,x,y\n', undefined, 'ColumnsMissing', 'upline'],
    ['tiers', 'partner,from,tier\n', { teir: 'tier' }, 'MappingInvalid', 'teir'],
    ['tiers', 'partner,from,tier\n"P-1,2026-01-01,x\n', undefined, 'FileUnreadable', 'file'],
  ])('are refused as a whole: %s %j', async (kind, text, mapping, code, field) => {
    const before = await head();
    const { status, problem } = await csv(kind, text, mapping);
    expect({ status, code: problem.code, field: problem.errors[0]?.field }).toEqual({ status: 422, code, field });
    expect(await head()).toBe(before);
  });

  it('of another kind do not exist', async () => {
    expect((await csv('plans', 'partner\nP-1\n')).status).toBe(422);
  });

  it('need a mapping that is JSON, and a content type', async () => {
    const url = '/partners/tiers/batch';
    const bad = await service.file({ url: `${url}?mapping=%7B`, text: 'partner\n', type: 'text/csv' });
    expect(bad.problem).toMatchObject({ code: 'MappingInvalid', errors: [{ field: 'mapping' }] });
    const json = await service.application.inject({
      method: 'POST',
      url,
      headers: { authorization: `Bearer ${await service.token('operator')}` },
      payload: {},
    });
    expect(JSON.parse(json.body)).toMatchObject({ code: 'BodyNotStreamed' });
  });

  it('may have 64 MiB', async () => {
    const chunk = Buffer.alloc(1024 * 1024, ' ');
    const answer = await service.application.inject({
      method: 'POST',
      url: '/partners/tiers/batch',
      headers: { authorization: `Bearer ${await service.token('operator')}`, 'content-type': 'application/x-ndjson' },
      payload: Readable.from(Array.from({ length: 65 }, () => chunk)),
    });
    expect(answer.statusCode).toBe(413);
  });

  it('are closed to roles that change nothing', async () => {
    const answer = await service.application.inject({
      method: 'POST',
      url: '/partners/tiers/batch',
      headers: { authorization: `Bearer ${await service.token('auditor')}`, 'content-type': 'text/csv' },
      payload: 'partner,from,tier\n',
    });
    expect(answer.statusCode).toBe(403);
  });
});

describe('a dry run', () => {
  it('answers as the import would, and writes nothing', async () => {
    const text = 'partner,from,upline\nP-Y,2026-01-01,P-Z\nP-Z,2026-01-01,P-Y\nP-2,2026-06-01,\n';
    const before = await head();
    const { lines } = await csv('uplines', text, undefined, 'dryRun=true');
    expect(lines).toMatchObject([
      { type: 'refused', row: 3, code: 'UplineCircle' },
      { type: 'result', dryRun: true, rows: 3, changed: 1, unchanged: 1, refused: 1 },
    ]);
    expect(await head()).toBe(before);
    expect((await csv('uplines', text)).result).toEqual({
      type: 'result',
      rows: 3,
      changed: 1,
      unchanged: 1,
      refused: 1,
    });
  });

  it('counts what the file itself registers', async () => {
    const document = (id: string, upline: string | null) => ({
      id,
      name: id,
      channel: 'retail',
      country: 'FR',
      tiers: [],
      uplines: [{ from: '2026-01-01', value: upline }],
      agreements: [],
    });
    const documents = [document('D-1', 'D-2'), document('D-2', null), document('D-2', null), document('D-3', 'D-3')];
    const before = await head();
    expect((await service.batch(documents, 'dryRun=true')).result).toMatchObject({
      changed: 2,
      unchanged: 1,
      refused: 1,
    });
    expect(await head()).toBe(before);
  });
});

describe('partners', () => {
  const ids = async (query: string): Promise<readonly string[]> =>
    (await service.get<Page<Partner>>(`/partners?${query}`)).body.items.map(({ id }) => id);

  beforeAll(async () => {
    await service.put('/partners/L-1', { name: 'Zeta', channel: 'wholesale', country: 'SE' });
    await service.put('/partners/L-2', { name: 'alpha', channel: 'wholesale', country: 'NO' });
    await service.put('/partners/L-2/tiers/2026-01-01', { tier: 'nordic' });
    await service.put('/partners/L-2/tiers/2026-06-01', { tier: 'arctic' });
    await service.put('/partners/L-2/uplines/2026-01-01', { upline: 'L-1' });
    await service.put('/partners/L-1/agreements/N-1', { plan: 'nordics', from: '2026-01-01', until: '2026-04-01' });
    await eventually(
      () => ids('plan=nordics&on=2026-02-01'),
      (found) => found.length === 1,
    );
  });

  it.each([
    ['channel=wholesale', ['L-1', 'L-2']],
    ['country=NO', ['L-2']],
    ['tier=nordic&on=2026-05-31', ['L-2']],
    ['tier=nordic&on=2026-06-01', []],
    ['tier=arctic&on=2026-06-01', ['L-2']],
    ['upline=L-1&on=2026-03-01', ['L-2']],
    ['plan=nordics&on=2026-03-31', ['L-1']],
    ['plan=nordics&on=2026-04-01', []],
    ['agreement=N-1&on=2026-01-01', ['L-1']],
    ['text=l-', ['L-1', 'L-2']],
    ['text=ALPH', ['L-2']],
    ['channel=wholesale&sort=-id', ['L-2', 'L-1']],
    ['channel=wholesale&sort=country', ['L-2', 'L-1']],
    ['channel=wholesale&sort=-country', ['L-1', 'L-2']],
  ])('are listed by %s', async (query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  it('are listed for today if no day is given', async () => {
    expect(await ids('upline=L-1')).toEqual(['L-2']);
  });

  it('come in pages in every order', async () => {
    const url = '/partners?channel=wholesale&sort=-country&limit=1';
    const first = await service.get<Page<Partner>>(url);
    const second = await service.get<Page<Partner>>(`${url}&cursor=${first.body.next}`);
    expect([...first.body.items, ...second.body.items].map(({ id }) => id)).toEqual(['L-1', 'L-2']);
    expect(second.body.next).toBeUndefined();
  });

  it.each(['country=france', 'sort=tier', 'on=today', 'channel=street'])('are not listed by %s', async (query) => {
    expect((await service.get(`/partners?${query}`)).status).toBe(422);
  });
});

describe('warnings', () => {
  it('list what partners refer to and does not exist, in pages', async () => {
    await service.batch([
      {
        id: 'W-1',
        name: 'W',
        channel: 'retail',
        country: 'FR',
        tiers: [],
        uplines: [{ from: '2026-01-01', value: 'W-0' }],
        agreements: [],
      },
    ]);
    const list = (query: string) => service.get<Page<PartnerWarning>>(`/partner-warnings?${query}`);
    const { body } = await eventually(
      () => list(''),
      (answer) => answer.body.items.length === 2,
    );
    expect(body.items).toEqual([
      { partner: 'P-Z', field: 'country', value: 'ZZ', reason: 'ZZ is not in ISO 3166-1' },
      { partner: 'W-1', field: 'upline', value: 'W-0', reason: 'no partner W-0 is registered' },
    ]);
    const first = await list('limit=1');
    expect((await list(`limit=1&cursor=${first.body.next}`)).body.items).toEqual(body.items.slice(1));
    await service.put('/partners/W-0', { name: 'W', channel: 'retail', country: 'FR' });
    await eventually(
      () => list(''),
      (answer) => answer.body.items.length === 1,
    );
  });
});
