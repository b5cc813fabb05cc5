import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { verifyLog } from '@tantieme/audit/verify';
import type { Partner } from '@tantieme/contracts/partner';
import { TOPICS } from '@tantieme/contracts/topics';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import { routesWithoutRoles } from '@tantieme/service-kit/access/route-roles';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { BROKER, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { replayables } from './replayables.js';
import { eventually, TestService } from './service.fixture.js';
import type { ProblemAnswer } from './service.fixture.js';

const service = new TestService();
beforeAll(() => service.start());
afterAll(() => service.end());

const details = { name: 'Ada', channel: 'retail', country: 'FR' };

describe('the routes', () => {
  it('all name their roles', () => {
    expect(routesWithoutRoles(service.application)).toEqual([]);
  });

  it('let a partner see its own record only, and change nothing', async () => {
    await service.put('/partners/own', details);
    const partner = await service.token('partner', 'own');
    expect((await service.get('/partners/own', partner)).status).toBe(200);
    expect((await service.get('/partners/other', partner)).status).toBe(403);
    expect((await service.get('/partners', partner)).status).toBe(403);
    expect((await service.put('/partners/own', details, partner)).status).toBe(403);
  });
});

describe('a partner', () => {
  it('is 201 when it is new, 200 afterwards', async () => {
    const partner = { id: 'A', ...details, tiers: [], uplines: [], agreements: [] };
    expect(await service.put('/partners/A', details)).toEqual({ status: 201, body: partner });
    expect(await service.put('/partners/A', details)).toEqual({ status: 200, body: partner });
    expect(await service.get('/partners/A')).toEqual({ status: 200, body: partner });
  });

  it('is refused with field and reason', async () => {
    expect(await service.put('/partners/X', { ...details, channel: 'street' })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'channel' }] },
    });
    expect(await service.put('/partners/A/tiers/2026-02-30', { tier: 'gold' })).toMatchObject({
      status: 422,
      body: { code: 'PartnerInvalid', errors: [{ field: 'from' }] },
    });
    expect((await service.put('/partners/a%7Cb', details)).status).toBe(422);
    expect((await service.get('/partners/X')).status).toBe(404);
  });

  it('has effective-dated tiers, uplines and agreements', async () => {
    await service.put('/partners/B', details);
    await service.put('/partners/A/tiers/2026-01-01', { tier: 'gold' });
    await service.put('/partners/A/uplines/2026-01-01', { upline: 'B' });
    const { body } = await service.put('/partners/A/agreements/A-1', {
      plan: 'emea',
      from: '2026-01-01',
      until: '2027-01-01',
    });
    expect(body).toMatchObject({
      tiers: [{ from: '2026-01-01', value: 'gold' }],
      uplines: [{ from: '2026-01-01', value: 'B' }],
      agreements: [{ id: 'A-1', plan: 'emea', from: '2026-01-01', until: '2027-01-01' }],
    });
    expect((await service.put('/partners/A/tiers/2026-02-30', { tier: 'gold' })).status).toBe(422);
    expect((await service.put('/partners/nobody/tiers/2026-02-01', { tier: 'gold' })).status).toBe(404);
  });

  it('is 409 with agreements that overlap', async () => {
    expect(await service.put('/partners/A/agreements/A-2', { plan: 'emea', from: '2026-12-31' })).toMatchObject({
      status: 409,
      body: { code: 'AgreementOverlaps' },
    });
  });

  it('is 409 above itself, 422 below an unknown partner', async () => {
    expect(await service.put('/partners/B/uplines/2026-06-01', { upline: 'A' })).toMatchObject({
      status: 409,
      body: { code: 'UplineCircle' },
    });
    expect(await service.put('/partners/B/uplines/2026-06-01', { upline: 'nobody' })).toMatchObject({
      status: 422,
      body: { code: 'UplineUnknown' },
    });
    expect((await service.put('/partners/B/uplines/2026-06-01', { upline: null })).status).toBe(200);
  });

  it('cannot end up above itself by two changes at once', async () => {
    await Promise.all([service.put('/partners/L', details), service.put('/partners/M', details)]);
    const answers = await Promise.all([
      service.put('/partners/L/uplines/2026-01-01', { upline: 'M' }),
      service.put('/partners/M/uplines/2026-01-01', { upline: 'L' }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it('is published whole after each change', async () => {
    const broker: Broker = service.application.get(BROKER);
    const ofPartner = async () =>
      (await readTopic(broker, TOPICS.partners))
        .filter(({ key }) => key === 'A')
        .map(({ value }) => JSON.parse(value) as object);
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

  it('is recorded, whatever the order of partners and their uplines', async () => {
    expect((await service.batch(documents)).result).toEqual({
      type: 'result',
      rows: 3,
      changed: 3,
      unchanged: 0,
      refused: 0,
    });
  });

  it('changes nothing the second time', async () => {
    expect((await service.batch(documents)).result).toMatchObject({ changed: 0, unchanged: 3, refused: 0 });
  });

  it('refuses what is not valid, and records the rest', async () => {
    const { lines } = await service.batch([document('k4'), { id: 'k5' }, '{', document('k3', 'k1')]);
    expect(lines).toMatchObject([
      { type: 'refused', row: 2, partner: 'k5', code: 'PartnerInvalid' },
      { type: 'refused', row: 3, partner: '', code: 'PartnerInvalid' },
      { type: 'refused', row: 4, partner: 'k3', code: 'UplineCircle' },
      { type: 'result', rows: 4, changed: 1, unchanged: 0, refused: 3 },
    ]);
  });

  it('refuses both partners of a circle within the batch', async () => {
    expect((await service.batch([document('c1', 'c2'), document('c2', 'c1')])).result).toMatchObject({ refused: 2 });
  });

  it('is listed in pages', async () => {
    await eventually(
      () => service.get<Page<Partner>>('/partners?country=KR'),
      ({ body }) => body.items.length === 4,
    );
    const first = await service.get<Page<Partner>>('/partners?country=KR&limit=3');
    expect(first.body.items.map(({ id }) => id)).toEqual(['k1', 'k2', 'k3']);
    const second = await service.get(`/partners?country=KR&limit=3&cursor=${first.body.next}`);
    expect(second.body).toEqual({ items: [document('k4')] });
  });
});

describe('the log', () => {
  it('is decided again from its own events without a difference', async () => {
    const store: EventStore = service.application.get(EVENT_STORE);
    const verified = await verifyLog({ store, replayables: await replayables(store) });
    expect(verified.differences).toEqual([]);
    expect(verified.events).toBeGreaterThan(10);
  });
});

describe('certifications', () => {
  it('are recorded by the id of the certificate, and belong to the partner', async () => {
    await service.put('/partners/certified', details);
    const certification = { certification: 'security-pro', from: '2026-01-01', count: 2 };
    const { status, body } = await service.put<Partner>('/partners/certified/certifications/C-1', certification);
    expect(status).toBe(200);
    expect(body.certifications).toEqual([{ id: 'C-1', ...certification }]);
  });

  it.each([
    ['count', { count: 0 }],
    ['count', { count: '2' }],
    ['from', { from: 'today' }],
    ['certification', { certification: '' }],
  ])('are refused for their %s', async (field, over) => {
    const { status, body } = await service.put<ProblemAnswer>('/partners/certified/certifications/C-1', {
      certification: 'security-pro',
      from: '2026-01-01',
      ...over,
    });
    expect(status).toBe(422);
    expect(body.errors[0]).toMatchObject({ field });
  });
});
