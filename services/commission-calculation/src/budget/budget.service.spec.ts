/** A budget that several payees draw on, over the whole service, in any order of arrival. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { dealOf, partnerOf, Service, shuffled } from '../testing/service.fixture.js';
import type { ServiceInput } from '../testing/service.fixture.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.end();
});

const SPIFF = `
plan: resellers
title: Resellers
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
components:
  - id: spiff
    credit: { trigger: booked, where: { line.category: hardware } }
    rate: { flat: 400, per: deal }
    budget: 1000
  - id: team
    credit: { override: [spiff], of: earning, levels: [10 %] }
`;

const seller = (id: string, upline: string | null = 'top'): ServiceInput => ({
  kind: 'partner',
  partner: partnerOf(id, { upline }),
  revision: 0,
});

const deal = (
  id: string,
  of: string,
  at: string,
  more: Parameters<typeof dealOf>[1] = {},
  revision = 0,
): ServiceInput => ({
  kind: 'deal',
  deal: dealOf(id, { seller: of, bookedAt: `2026-${at}T10:00:00Z`, ...more }),
  revision,
});

const BEFORE: readonly ServiceInput[] = [
  { kind: 'plan', document: SPIFF, effectiveFrom: '2026-01-01' },
  seller('top', null),
  seller('anna'),
  seller('bert'),
  seller('carl'),
];
const DEALS = [deal('D3', 'anna', '03-03'), deal('D5', 'bert', '03-05'), deal('D6', 'anna', '03-06')];
const LATE = deal('D4', 'carl', '03-04');

async function started(inputs: readonly ServiceInput[]): Promise<Service> {
  const service = await Service.start();
  services.push(service);
  await service.send(inputs);
  await service.idle();
  return service;
}

/** Payments of the budget: `deal payee period of origin: amount`. */
async function spiffs(service: Service, component = 'spiff'): Promise<readonly string[]> {
  const { earnings } = await service.published();
  return [...earnings.values()]
    .flatMap(({ payee, lines }) =>
      lines
        .filter((line) => line.component === component && Number(line.amount) !== 0)
        .map(({ deal: of, period, origin, amount }) => `${of.slice(4)} ${payee} ${period} of ${origin}: ${amount}`),
    )
    .sort();
}

describe('a budget of 1,000, 400 a deal', () => {
  it('is granted in order of date: 400, 400, 200; payees above earn on the granted amounts', async () => {
    const service = await started([...BEFORE, ...DEALS]);
    expect(await spiffs(service)).toEqual([
      'D3 anna 2026-03 of 2026-03: 400.00',
      'D5 bert 2026-03 of 2026-03: 400.00',
      'D6 anna 2026-03 of 2026-03: 200.00',
    ]);
    expect(await spiffs(service, 'team')).toEqual([
      'D3 top 2026-03 of 2026-03: 40.00',
      'D5 top 2026-03 of 2026-03: 40.00',
      'D6 top 2026-03 of 2026-03: 20.00',
    ]);
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);

  it('grants a late deal of the 4th in order of date: 400, 400, 200, 0 (own example)', async () => {
    const service = await started([...BEFORE, ...DEALS]);
    await service.send([LATE]);
    await service.idle();
    expect(await spiffs(service)).toEqual([
      'D3 anna 2026-03 of 2026-03: 400.00',
      'D4 carl 2026-03 of 2026-03: 400.00',
      'D5 bert 2026-03 of 2026-03: 200.00',
    ]);
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);

  it('grants nothing to a deal that arrives after the closing of its period (own example)', async () => {
    const service = await started([...BEFORE, ...DEALS]);
    await service.close('2026-03');
    const closed = await spiffs(service);
    await service.send([LATE, deal('D7', 'carl', '04-01')]);
    await service.idle();
    expect(await spiffs(service)).toEqual(closed);
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);

  it('closes with the final grants, also of claims in transit', async () => {
    const service = await started(BEFORE);
    await service.send(DEALS);
    await service.close('2026-03');
    const { manifests } = await service.published();
    const march = manifests.filter(({ period }) => period === '2026-03').flatMap(({ entries }) => entries);
    expect(march.map(({ payee, lines }) => `${payee} ${lines}`)).toEqual(['anna 2', 'bert 1', 'top 3']);
    expect(await spiffs(service)).toEqual([
      'D3 anna 2026-03 of 2026-03: 400.00',
      'D5 bert 2026-03 of 2026-03: 400.00',
      'D6 anna 2026-03 of 2026-03: 200.00',
    ]);
  }, 30_000);

  it('has money again when a closed deal is withdrawn, and posts the new grants in the open period', async () => {
    const service = await started([...BEFORE, ...DEALS]);
    await service.close('2026-03');
    const lines = [{ id: '1', category: 'service', net: '5.00' }];
    await service.send([deal('D3', 'anna', '03-03', { lines }, 1), deal('D8', 'carl', '04-08')]);
    await service.idle();
    expect(await spiffs(service)).toEqual([
      'D3 anna 2026-03 of 2026-03: 400.00',
      'D3 anna 2026-04 of 2026-03: -400.00',
      'D5 bert 2026-03 of 2026-03: 400.00',
      'D6 anna 2026-03 of 2026-03: 200.00',
      'D8 carl 2026-04 of 2026-04: 400.00',
    ]);
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);

  it('frees the money of a return for later deals', async () => {
    const returned = deal('D3', 'anna', '03-03', { returns: [{ id: 'R', at: '2026-03-20T10:00:00Z' }] }, 1);
    const service = await started([...BEFORE, ...DEALS, deal('D9', 'carl', '03-25')]);
    await service.send([returned]);
    await service.idle();
    // 1,200 claimed, 400 returned: 800; of the next 400, 200 are left.
    expect(await spiffs(service)).toEqual([
      'D3 anna 2026-03 of 2026-03: -200.00',
      'D3 anna 2026-03 of 2026-03: 400.00',
      'D5 bert 2026-03 of 2026-03: 400.00',
      'D6 anna 2026-03 of 2026-03: 200.00',
      'D9 carl 2026-03 of 2026-03: 200.00',
    ]);
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);

  it('changes very many grants', async () => {
    const document = SPIFF.replace('{ flat: 400, per: deal }', '{ percent: 40 % }');
    const small = Array.from({ length: 1100 }, (_, index) =>
      deal(`S${index}`, 'anna', '03-05', { net: ['2.00', '1.00'] }),
    );
    const service = await started([
      { kind: 'plan', document, effectiveFrom: '2026-01-01' },
      ...BEFORE.slice(1),
      ...small,
    ]);
    expect(await spiffs(service)).toHaveLength(1100);
    await service.send([deal('D1', 'carl', '03-01', { net: ['2500.00', '1.00'] })]);
    await service.idle();
    expect(await spiffs(service)).toEqual(['D1 carl 2026-03 of 2026-03: 1000.00']);
    expect((await service.verify()).differences).toEqual([]);
  }, 60_000);

  it('ends in the same ledger in any order of arrival, with repetitions, also between closings', async () => {
    const march = [...BEFORE, ...DEALS, LATE];
    const april = [
      deal('D3', 'anna', '03-03', { returns: [{ id: 'R', at: '2026-04-02T10:00:00Z' }] }, 1),
      deal('D10', 'bert', '04-10'),
      deal('D11', 'carl', '03-11'),
      deal('D12', 'anna', '04-01'),
    ];
    const run = async (seed: number): Promise<readonly string[]> => {
      const order = (some: readonly ServiceInput[]) => (seed === 0 ? some : shuffled(some, seed, 3));
      const service = await started(order(march));
      await service.close('2026-03');
      await service.send(order(april));
      await service.idle();
      await service.close('2026-04');
      expect((await service.verify()).differences).toEqual([]);
      return service.ledger();
    };
    const inOrder = await run(0);
    for (const seed of [1, 2]) expect(await run(seed)).toEqual(inOrder);
  }, 60_000);
});
