import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Partner } from '@tantieme/contracts/partner';
import { TestService } from '../service.fixture.js';
import { partnerDecider } from './partner.js';
import type { PartnerChange } from './partner.js';

const service = new TestService();
beforeAll(() => service.start());
afterAll(() => service.end());

const partner = async (id: string): Promise<Partner> => (await service.get<Partner>(`/partners/${id}`)).body;
const register = (id: string) => service.put(`/partners/${id}`, { name: id, channel: 'retail', country: 'FR' });
const withdraw = (path: string) => service.delete<Partner>(`/partners/${path}`);

describe('withdrawing what a partner has', () => {
  it('leaves the partner as if it had never been recorded', async () => {
    await register('W-0');
    await register('W-1');
    await service.put('/partners/W-1/tiers/2026-01-01', { tier: 'silver' });
    await service.put('/partners/W-1/agreements/A-1', { plan: 'emea', from: '2026-01-01' });
    const before = await partner('W-1');
    await service.put('/partners/W-1/tiers/2026-02-01', { tier: 'gold' });
    await service.put('/partners/W-1/uplines/2026-01-01', { upline: 'W-0' });
    await service.put('/partners/W-1/agreements/A-2', { plan: 'apac', from: '2026-01-01' });
    await service.put('/partners/W-1/certifications/C-1', { certification: 'cloud', from: '2026-01-01' });
    for (const path of ['tiers/2026-02-01', 'uplines/2026-01-01', 'agreements/A-2'])
      expect((await withdraw(`W-1/${path}`)).status).toBe(200);
    expect(await withdraw('W-1/certifications/C-1')).toEqual({ status: 200, body: before });
    expect(await partner('W-1')).toEqual(before);
  });

  it('changes nothing for what is not there, and is refused for an unknown partner and to other roles', async () => {
    await register('W-2');
    const before = await partner('W-2');
    expect(await withdraw('W-2/agreements/A-9')).toEqual({ status: 200, body: before });
    expect(await withdraw('W-9/agreements/A-9')).toMatchObject({ status: 404, body: { code: 'PartnerUnknown' } });
    expect((await service.delete('/partners/W-2/agreements/A-9', await service.token('finance'))).status).toBe(403);
  });

  it('is refused where the upline before would put a partner above itself', () => {
    const upline = (from: string, value: string | null) => ({ from, value });
    const state: Partner = {
      id: 'P',
      name: 'P',
      channel: 'retail',
      country: 'FR',
      tiers: [],
      uplines: [upline('2026-01-01', 'A'), upline('2026-02-01', null)],
      agreements: [],
    };
    const change: PartnerChange = {
      kind: 'withdrawal',
      of: 'upline',
      key: '2026-02-01',
      above: { A: [upline('2026-03-01', 'P')] },
    };
    expect(() => partnerDecider.decide({ id: 'P', change, at: '2026-03-01T00:00:00.000Z' }, state)).toThrow(
      /nobody can be above themselves: on 2026-03-01/,
    );
  });
});

describe('a file with withdraw=true', () => {
  const AGREEMENTS =
    'partner,agreement,plan,from,until\nF-1,A-1,emea,2026-01-01,\nF-1,A-2,apac,2026-01-01,2026-07-01\nF-2,A-1,emea,2026-01-01,\n';
  const agreements = (query: string) =>
    service.file({ url: `/partners/agreements/batch?${query}`, text: AGREEMENTS, type: 'text/csv' });

  it('withdraws what the file brought, and lists what was replaced since, which stays', async () => {
    await register('F-1');
    await register('F-2');
    expect((await agreements('')).result).toMatchObject({ changed: 3 });
    const replaced = { plan: 'emea', from: '2026-01-01', until: '2026-04-01' };
    await service.put('/partners/F-2/agreements/A-1', replaced);
    const dry = await agreements('withdraw=true&dryRun=true');
    expect(dry.result).toMatchObject({ dryRun: true, changed: 2, refused: 1 });
    expect((await partner('F-1')).agreements).toHaveLength(2);
    expect((await agreements('withdraw=true')).lines).toMatchObject([
      { type: 'refused', row: 4, partner: 'F-2', code: 'EntryReplaced', errors: [{ field: 'agreement' }] },
      { type: 'result', rows: 3, changed: 2, unchanged: 0, refused: 1 },
    ]);
    expect((await partner('F-1')).agreements).toEqual([]);
    expect((await partner('F-2')).agreements).toEqual([{ id: 'A-1', ...replaced }]);
    expect((await agreements('withdraw=true')).result).toMatchObject({ changed: 0, unchanged: 2, refused: 1 });
  });

  it.each([
    ['tiers', 'partner,from,tier\nF-3,2026-01-01,gold\n'],
    ['uplines', 'partner,from,upline\nF-3,2026-01-01,F-1\nF-3,2026-02-01,\n'],
    ['certifications', 'partner,certificate,certification,from,until,count\nF-3,C-1,cloud,2026-01-01,,1\n'],
  ])('withdraws %s', async (kind, text) => {
    await register('F-3');
    const before = await partner('F-3');
    const send = (query: string) => service.file({ url: `/partners/${kind}/batch?${query}`, text, type: 'text/csv' });
    expect((await send('')).result).toMatchObject({ refused: 0 });
    expect(await partner('F-3')).not.toEqual(before);
    expect((await send('withdraw=true')).result).toMatchObject({ refused: 0 });
    // Nobody holds a certificate any more, and the list stays away.
    expect(await partner('F-3')).toEqual(before);
  });
});
