import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Background } from '../background/background.js';
import { Sample } from '../testing/sample.fixture.js';
import type { ProposalRead } from '../two-people/proposal.dto.js';
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

  it('are discarded by two people, with a reason, and then block nothing', async () => {
    const [item] = await list();
    const discard = async (body: object) =>
      sample.application.inject({
        method: 'POST',
        url: `/parked/${item?.id}/discard`,
        payload: body,
        headers: await sample.authorization('op', ['operator']),
      });
    expect((await discard({ reason: '' })).statusCode).toBe(422);
    const proposed = await discard({ reason: 'a test of the shop' });
    expect(proposed.statusCode).toBe(202);
    const proposal = proposed.json<ProposalRead>();
    expect(proposal).toMatchObject({
      state: 'open',
      request: { reason: 'a test of the shop' },
      read: { process: 'sample-first', topic: 'orders', origin: 'orders/0@7', refused: 'is not JSON' },
    });
    const confirm = async (who: string, role: 'operator' | 'source') =>
      sample.application.inject({
        method: 'POST',
        url: `/parked-proposals/${encodeURIComponent(proposal.id)}/confirm`,
        headers: await sample.authorization(who, [role]),
      });
    expect((await confirm('OP ', 'operator')).json()).toMatchObject({ code: 'SecondPersonNeeded' });
    expect((await confirm('jo', 'source')).statusCode).toBe(403);
    expect((await confirm('jo', 'operator')).json()).toMatchObject({ state: 'done', decidedBy: 'jo' });
    while ((await list()).length > 0) await pause(5);
    expect(await list('?status=discarded')).toMatchObject([
      { id: item?.id, discard: { reason: 'a test of the shop', proposedBy: 'op', confirmedBy: 'jo' } },
    ]);
    for (let count = 1; count > 0; await pause(5))
      count = (await sample.application.inject('/health/ready')).json<{ parked: number }>().parked;
    expect((await discard({ reason: 'again' })).json()).toMatchObject({ code: 'ParkedClosed' });
  });
});
