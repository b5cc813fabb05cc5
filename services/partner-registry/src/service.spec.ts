import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyLog } from '@tantieme/audit/verify';
import { TOPICS } from '@tantieme/contracts/topics';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { createApplication } from '@tantieme/service-kit/application/application';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { routesWithoutRoles } from '@tantieme/service-kit/access/route-roles';
import { BROKER, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { PartnerRegistryModule } from './partner-registry.module.js';
import { replayables } from './replayables.js';

const directory = mkdtempSync(join(tmpdir(), 'partner-registry-'));
const config = loadConfig({}, { dataDirectory: directory, logLevel: 'silent' });
let application: Awaited<ReturnType<typeof createApplication>>;
let operator: string;

beforeAll(async () => {
  application = await createApplication(PartnerRegistryModule, config);
  operator = await mintToken({ dataDirectory: directory, subject: 'olga', roles: ['operator'] });
});

afterAll(async () => {
  await application.close();
  rmSync(directory, { recursive: true });
});

async function call(method: 'GET' | 'PUT', url: string, body?: object, token = operator) {
  const answer = await application.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { payload: body }),
  });
  const parsed: ReturnType<typeof JSON.parse> = JSON.parse(answer.body);
  return { status: answer.statusCode, body: parsed };
}

async function batch(documents: readonly (object | string)[]) {
  const answer = await application.inject({
    method: 'POST',
    url: '/partners/batch',
    headers: { authorization: `Bearer ${operator}`, 'content-type': 'application/x-ndjson' },
    payload: documents.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n'),
  });
  const lines: readonly ReturnType<typeof JSON.parse>[] = answer.body
    .trimEnd()
    .split('\n')
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

const details = { name: 'Ada', channel: 'retail', country: 'FR' };

describe('the routes', () => {
  it('all name their roles', () => {
    expect(routesWithoutRoles(application)).toEqual([]);
  });

  it('let a partner see its own record only, and change nothing', async () => {
    await call('PUT', '/partners/own', details);
    const partner = await mintToken({ dataDirectory: directory, subject: 'ada', roles: ['partner'], partner: 'own' });
    expect((await call('GET', '/partners/own', undefined, partner)).status).toBe(200);
    expect((await call('GET', '/partners/other', undefined, partner)).status).toBe(403);
    expect((await call('GET', '/partners', undefined, partner)).status).toBe(403);
    expect((await call('PUT', '/partners/own', details, partner)).status).toBe(403);
  });
});

describe('a partner', () => {
  it('is 201 when it is new, 200 afterwards', async () => {
    const partner = { id: 'A', ...details, tiers: [], uplines: [], agreements: [] };
    expect(await call('PUT', '/partners/A', details)).toEqual({ status: 201, body: partner });
    expect(await call('PUT', '/partners/A', details)).toEqual({ status: 200, body: partner });
    expect(await call('GET', '/partners/A')).toEqual({ status: 200, body: partner });
  });

  it('is refused with field and reason', async () => {
    expect(await call('PUT', '/partners/X', { ...details, channel: 'street' })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'channel' }] },
    });
    expect(await call('PUT', '/partners/A/tiers/2026-02-30', { tier: 'gold' })).toMatchObject({
      status: 422,
      body: { code: 'PartnerInvalid', errors: [{ field: 'from' }] },
    });
    expect((await call('PUT', '/partners/a%7Cb', details)).status).toBe(422);
    expect((await call('GET', '/partners/X')).status).toBe(404);
  });

  it('has effective-dated tiers, uplines and agreements', async () => {
    await call('PUT', '/partners/B', details);
    await call('PUT', '/partners/A/tiers/2026-01-01', { tier: 'gold' });
    await call('PUT', '/partners/A/uplines/2026-01-01', { upline: 'B' });
    const { body } = await call('PUT', '/partners/A/agreements/A-1', {
      plan: 'emea',
      from: '2026-01-01',
      until: '2027-01-01',
    });
    expect(body).toMatchObject({
      tiers: [{ from: '2026-01-01', value: 'gold' }],
      uplines: [{ from: '2026-01-01', value: 'B' }],
      agreements: [{ id: 'A-1', plan: 'emea', from: '2026-01-01', until: '2027-01-01' }],
    });
    expect((await call('PUT', '/partners/A/tiers/2026-02-30', { tier: 'gold' })).status).toBe(422);
    expect((await call('PUT', '/partners/nobody/tiers/2026-02-01', { tier: 'gold' })).status).toBe(404);
  });

  it('is 409 with agreements that overlap', async () => {
    expect(await call('PUT', '/partners/A/agreements/A-2', { plan: 'emea', from: '2026-12-31' })).toMatchObject({
      status: 409,
      body: { code: 'AgreementOverlaps' },
    });
  });

  it('is 409 above itself, 422 below somebody unknown', async () => {
    expect(await call('PUT', '/partners/B/uplines/2026-06-01', { upline: 'A' })).toMatchObject({
      status: 409,
      body: { code: 'UplineCircle' },
    });
    expect(await call('PUT', '/partners/B/uplines/2026-06-01', { upline: 'nobody' })).toMatchObject({
      status: 422,
      body: { code: 'UplineUnknown' },
    });
    expect((await call('PUT', '/partners/B/uplines/2026-06-01', { upline: null })).status).toBe(200);
  });

  it('cannot come to be above itself by two changes at once', async () => {
    await Promise.all([call('PUT', '/partners/L', details), call('PUT', '/partners/M', details)]);
    const answers = await Promise.all([
      call('PUT', '/partners/L/uplines/2026-01-01', { upline: 'M' }),
      call('PUT', '/partners/M/uplines/2026-01-01', { upline: 'L' }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it('is published whole after each change', async () => {
    const broker: Broker = application.get(BROKER);
    const ofPartner = async () => {
      const read = [0, 1, 2, 3].map((partition) => broker.read(TOPICS.partners, { partition, from: 0n, limit: 1000 }));
      return (await Promise.all(read))
        .flat()
        .filter(({ key }) => key === 'A')
        .map(({ value }) => JSON.parse(value));
    };
    const messages = await eventually(ofPartner, (found) => found.length === 4);
    expect(messages.at(-1)).toMatchObject({
      type: 'tantieme.partner.v1',
      source: '/partner-registry',
      stream: 'partner-A',
      revision: 3,
      actor: 'olga',
      data: { id: 'A', tiers: [{ value: 'gold' }], uplines: [{ value: 'B' }], agreements: [{ id: 'A-1' }] },
    });
  });
});

describe('a batch', () => {
  const document = (id: string, upline: string | null = null) => ({
    id,
    ...details,
    country: 'KR',
    tiers: [{ from: '2026-01-01', value: 'gold' }],
    uplines: [{ from: '2026-01-01', value: upline }],
    agreements: [{ id: `${id}-1`, plan: 'emea', from: '2026-01-01' }],
  });
  const documents = [document('k1', 'k2'), document('k2', 'k3'), document('k3')];

  it('is taken, whatever the order of those above and below', async () => {
    expect((await batch(documents)).result).toEqual({
      type: 'result',
      partners: 3,
      changed: 3,
      unchanged: 0,
      refused: 0,
    });
  });

  it('changes nothing the second time', async () => {
    expect((await batch(documents)).result).toMatchObject({ changed: 0, unchanged: 3, refused: 0 });
  });

  it('refuses what is not valid, and takes the rest', async () => {
    const { lines } = await batch([document('k4'), { id: 'k5' }, '{', document('k3', 'k1')]);
    expect(lines).toMatchObject([
      { type: 'refused', document: 2, id: 'k5', code: 'PartnerInvalid' },
      { type: 'refused', document: 3, id: '', code: 'PartnerInvalid' },
      { type: 'refused', document: 4, id: 'k3', code: 'UplineCircle' },
      { type: 'result', partners: 4, changed: 1, unchanged: 0, refused: 3 },
    ]);
  });

  it('refuses a circle among its own, both ways round', async () => {
    expect((await batch([document('c1', 'c2'), document('c2', 'c1')])).result).toMatchObject({ refused: 2 });
  });

  it('is listed in pages', async () => {
    await eventually(
      () => call('GET', '/partners?country=KR'),
      ({ body }) => body.items.length === 4,
    );
    const first = await call('GET', '/partners?country=KR&limit=3');
    expect(first.body.items.map(({ id }: { id: string }) => id)).toEqual(['k1', 'k2', 'k3']);
    const second = await call('GET', `/partners?country=KR&limit=3&cursor=${first.body.next}`);
    expect(second.body).toEqual({ items: [document('k4')] });
  });
});

describe('the log', () => {
  it('is decided again from what it journals, without a difference', async () => {
    const store: EventStore = application.get(EVENT_STORE);
    const verified = await verifyLog({ store, replayables: await replayables(store) });
    expect(verified.differences).toEqual([]);
    expect(verified.events).toBeGreaterThan(10);
  });
});

describe('certifications', () => {
  it('are put under the id of a certificate, and are told with the partner', async () => {
    await call('PUT', '/partners/certified', details);
    const certification = { certification: 'security-pro', from: '2026-01-01', count: 2 };
    const { status, body } = await call('PUT', '/partners/certified/certifications/C-1', certification);
    expect(status).toBe(200);
    expect(body.certifications).toEqual([{ id: 'C-1', ...certification }]);
  });

  it.each([
    ['count', { count: 0 }],
    ['count', { count: '2' }],
    ['from', { from: 'today' }],
    ['certification', { certification: '' }],
  ])('are refused for their %s', async (field, over) => {
    const { status, body } = await call('PUT', '/partners/certified/certifications/C-1', {
      certification: 'security-pro',
      from: '2026-01-01',
      ...over,
    });
    expect(status).toBe(422);
    expect(body.errors[0]).toMatchObject({ field });
  });
});
