import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Background } from '../background/background.js';
import { Sample } from '../testing/sample.fixture.js';
import type { ParkedRead } from './parked.dto.js';

describe('parked items', () => {
  let sample: Sample;
  beforeAll(async () => {
    sample = await Sample.start();
    const message = { key: 'k', value: 'no envelope', isCut: false, headers: {} };
    const origin = { topic: 'orders', partition: 0, offset: '7' };
    await sample.application
      .get(Background)
      .parking.park('sample-first', 'orders', [{ origin, reason: 'is not JSON', message }]);
  });
  afterAll(() => sample.application.close());

  const ask = async (method: 'GET' | 'POST', url: string, role: 'operator' | 'source') =>
    sample.application.inject({ method, url, headers: await sample.authorization('op', [role]) });
  const list = async (query = ''): Promise<readonly ParkedRead[]> =>
    (await ask('GET', `/parked${query}`, 'operator')).json<{ items: readonly ParkedRead[] }>().items;

  it('are listed with reason and origin, to operators, and counted in readiness', async () => {
    while ((await list()).length === 0) await pause(5);
    expect(await list('?process=sample-first')).toMatchObject([
      { process: 'sample-first', topic: 'orders', origin: 'orders/0@7', reason: 'is not JSON', status: 'parked' },
    ]);
    expect((await ask('GET', '/parked', 'source')).statusCode).toBe(403);
    let ready = await sample.application.inject('/health/ready');
    for (; ready.json<{ parked: number }>().parked === 0; await pause(5))
      ready = await sample.application.inject('/health/ready');
    expect(ready.statusCode).toBe(200);
  });

  it('are retried once: a second request while it runs changes nothing', async () => {
    const [item] = await list();
    expect((await ask('POST', `/parked/${item?.id}/retry`, 'operator')).statusCode).toBe(202);
    expect((await ask('POST', `/parked/${item?.id}/retry`, 'operator')).statusCode).toBe(202);
    expect((await ask('POST', '/parked/nothing/retry', 'operator')).json()).toMatchObject({ code: 'ParkedUnknown' });
    while ((await list())[0]?.status !== 'retrying') await pause(5);
  });
});
