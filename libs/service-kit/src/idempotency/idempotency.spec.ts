import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Kysely } from 'kysely';

import { DATABASE } from '../runtime/runtime-tokens.js';
import { Sample } from '../testing/sample.fixture.js';

describe('an idempotency key', () => {
  let sample: Sample;
  let source: { authorization: string };

  beforeEach(async () => {
    sample = await Sample.start();
    source = await sample.authorization('crm', ['source']);
  });
  afterEach(() => sample.stop());

  const post = async (
    key: string | undefined,
    body: object,
    headers: Record<string, string> = source,
    url = '/orders',
    method: 'POST' | 'PUT' = 'POST',
  ) => {
    return sample.request({
      method,
      url,
      headers: { ...headers, ...(key === undefined ? {} : { 'idempotency-key': key }) },
      payload: body,
    });
  };
  const order = { id: 'A', lines: [{ net: '1.00' }] };

  it('replays the first answer with status and headers, and does nothing', async () => {
    const first = await post('k', { ...order, id: 'again' });
    const second = await post('k', { ...order, id: 'again' });
    expect(first.status).toBe(200);
    expect(second).toMatchObject({ status: 200, text: first.text });
    expect(second.headers).toMatchObject({
      'idempotency-replayed': 'true',
      location: '/orders/again',
      'content-type': first.headers['content-type'],
    });
    expect(first.headers).not.toHaveProperty('idempotency-replayed');
    expect(sample.bench.calls).toBe(1);
  });

  it('survives a restart', async () => {
    const first = await post('k', order);
    const { createApplication } = await import('../application/application.js');
    const { SampleModule } = await import('../testing/sample.fixture.js');
    await sample.application.close();
    const application = await createApplication(SampleModule, sample.config);
    const answer = await application.inject({
      method: 'POST',
      url: '/orders',
      headers: { ...source, 'idempotency-key': 'k' },
      payload: order,
    });
    expect(answer.body).toBe(first.text);
    await application.close();
  });

  it('is refused with another body, or another address', async () => {
    await post('k', order);
    expect(await post('k', { ...order, id: 'B' })).toMatchObject({
      status: 422,
      body: { code: 'IdempotencyKeyReused' },
    });
    await post('p', {}, source, '/orders/1', 'PUT');
    expect(await post('p', {}, source, '/orders/2', 'PUT')).toMatchObject({
      status: 422,
      body: { code: 'IdempotencyKeyReused' },
    });
    expect(sample.bench.calls).toBe(2);
  });

  it('belongs to one caller and one route', async () => {
    await post('k', order);
    await post('k', order, await sample.authorization('erp', ['source']));
    await post('k', order, source, '/orders/A', 'PUT');
    expect(sample.bench.calls).toBe(3);
  });

  it('is refused while the first request is in flight', async () => {
    let open = (): void => undefined;
    sample.bench.gate = new Promise((resolve) => {
      open = resolve;
    });
    const first = post('k', order);
    while (sample.bench.calls === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await post('k', order)).toMatchObject({ status: 409, body: { code: 'IdempotencyKeyInFlight' } });
    open();
    expect((await first).status).toBe(201);
    expect((await post('k', order)).headers['idempotency-replayed']).toBe('true');
    expect(sample.bench.calls).toBe(1);
  });

  it('can be used again after a refusal, with a corrected request', async () => {
    expect((await post('k', { id: 7 })).status).toBe(422);
    expect((await post('k', { ...order, id: 'taken' })).status).toBe(409);
    expect((await post('k', order)).status).toBe(201);
  });

  it('does not block after its process was killed', async () => {
    const database: Kysely<{ service_kit_idempotency: { owner: string; status: number | null } }> =
      sample.application.get(DATABASE);
    await post('k', order);
    const { hostname } = await import('node:os');
    // Linux numbers processes up to 2^22.
    await database
      .updateTable('service_kit_idempotency')
      .set({ owner: `${hostname()}:4194305:x`, status: null })
      .execute();
    expect((await post('k', order)).status).toBe(201);
    expect(sample.bench.calls).toBe(2);
  });

  it.each(['', 'with blank', 'x'.repeat(256), 'ü'])('is refused where it is invalid: %j', async (key) => {
    expect(await post(key, order)).toMatchObject({ status: 422, body: { errors: [{ field: 'Idempotency-Key' }] } });
  });

  it('is optional', async () => {
    await post(undefined, order);
    await post(undefined, order);
    expect(sample.bench.calls).toBe(2);
  });

  it('is part of the cause of the events, so that a repetition has the same ids', async () => {
    expect((await post('k', order)).body).toMatchObject({ context: { cause: 'http:POST /orders:k' } });
  });
});
