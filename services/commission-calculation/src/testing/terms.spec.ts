/** Terms that need more than a deal's own lines: quotas, earnings of payees below, period-end terms, reserves. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { compareText } from '@tantieme/contracts/compare-text';
import type { PendingDeal } from '../pending-deal/pending-deal.dto.js';
import { CALENDAR, dealOf, partnerOf, Service, shuffled } from './service.fixture.js';
import type { ServiceInput } from './service.fixture.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.end();
});

const WIDE = `
plan: resellers
title: Resellers
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
guarantee: { amount: 50, over: period, of: [hardware] }
components:
  - id: hardware
    credit: { trigger: booked, where: { line.category: hardware } }
    measure: { over: period, quota: fact }
    rate: { accelerator: { base: 10 %, bands: [{ upTo: 100 %, times: 1 }, { times: 2 }] } }
    returns: { policy: re-rate }
  - id: service
    credit: { trigger: booked, where: { line.category: service } }
    rate: { percent: 10 % }
    limit: { perDeal: 5, excess: forfeited }
    hold: { until: paid }
  - id: team
    credit: { override: [hardware, service], of: earning, levels: [10 %] }
`;

const seller = (id: string, upline: string | null = 'top'): ServiceInput => ({
  kind: 'partner',
  partner: partnerOf(id, { upline }),
  revision: 0,
});
const deal = (
  id: string,
  of: string,
  net: readonly [string, string],
  more: Parameters<typeof dealOf>[1] = {},
): ServiceInput => ({
  kind: 'deal',
  deal: dealOf(id, { seller: of, net, ...more }),
  revision: 0,
});

const INPUTS: readonly ServiceInput[] = [
  { kind: 'plan', document: WIDE, effectiveFrom: '2026-01-01' },
  seller('top', null),
  seller('anna'),
  seller('bert'),
  deal('A1', 'anna', ['800.00', '40.00']),
  deal('A2', 'anna', ['400.00', '80.00'], {
    bookedAt: '2026-01-12T10:00:00Z',
    payments: [{ id: 'p1', at: '2026-02-03T10:00:00Z', amount: '240.00' }],
  }),
  deal('A3', 'anna', ['300.00', '0.00'], {
    bookedAt: '2026-01-11T10:00:00Z',
    returns: [{ id: 'R1', at: '2026-01-20T10:00:00Z' }],
  }),
  deal('B1', 'bert', ['100.00', '10.00']),
];

const QUOTAS = ['anna', 'bert'].map((payee) => ({
  payee,
  plan: 'resellers',
  component: 'hardware',
  from: '2026-01-01',
  amount: '1000.00',
  revision: 1,
}));

async function send(service: Service, inputs: readonly ServiceInput[], quotasAfter: number): Promise<void> {
  await service.send(inputs.slice(0, quotasAfter));
  for (const quota of QUOTAS) {
    const { status, body } = await service.call('operator', 'POST', '/quotas', quota);
    if (status >= 300) throw new Error(JSON.stringify(body));
  }
  await service.send(inputs.slice(quotasAfter));
  await service.idle();
}

async function started(): Promise<Service> {
  const service = await Service.start();
  services.push(service);
  return service;
}

describe('a plan of many terms', () => {
  it('posts earnings, reserves, and overrides of payees above', async () => {
    const service = await started();
    await send(service, INPUTS, INPUTS.length);
    expect(await service.ledger()).toEqual([
      // 800 of the quota of 1,000 at 10 %; then 200 at 10 % and 200 at 20 %. A3 was returned.
      'anna 2026-01 2026-01 hardware crm|A1 booked|1 earning 800.00 → 80.00 EUR',
      'anna 2026-01 2026-01 hardware crm|A2 booked|1 earning 400.00 → 60.00 EUR',
      'anna 2026-01 2026-01 hardware crm|A3 booked|1 earning 300.00 → 0.00 EUR',
      'anna 2026-01 2026-01 hardware crm|A3 return:R1|1 clawback -300.00 → 0.00 EUR',
      'anna 2026-01 2026-01 service crm|A1 booked|2 earning 40.00 → 4.00 EUR',
      'anna 2026-01 2026-01 service crm|A1 booked|2 reserve 0.00 → -4.00 EUR',
      'anna 2026-01 2026-01 service crm|A2 booked|2 earning 80.00 → 5.00 EUR',
      'anna 2026-01 2026-01 service crm|A2 booked|2 reserve 0.00 → -5.00 EUR',
      'anna 2026-02 2026-02 service crm|A2 payment:p1|2 reserve-release 0.00 → 2.50 EUR',
      'bert 2026-01 2026-01 hardware crm|B1 booked|1 earning 100.00 → 10.00 EUR',
      'bert 2026-01 2026-01 service crm|B1 booked|2 earning 10.00 → 1.00 EUR',
      'bert 2026-01 2026-01 service crm|B1 booked|2 reserve 0.00 → -1.00 EUR',
      'top 2026-01 2026-01 team crm|A1 booked|1 earning 0.00 → 8.00 EUR',
      'top 2026-01 2026-01 team crm|A1 booked|2 earning 0.00 → 0.40 EUR',
      'top 2026-01 2026-01 team crm|A2 booked|1 earning 0.00 → 6.00 EUR',
      'top 2026-01 2026-01 team crm|A2 booked|2 earning 0.00 → 0.50 EUR',
      'top 2026-01 2026-01 team crm|B1 booked|1 earning 0.00 → 1.00 EUR',
      'top 2026-01 2026-01 team crm|B1 booked|2 earning 0.00 → 0.10 EUR',
    ]);
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);

  it('posts the guarantee when the period closes, and adjusts it when earnings of the period change later', async () => {
    const service = await started();
    await send(service, INPUTS, INPUTS.length);
    await service.close('2026-01');
    const guarantees = async () => (await service.ledger()).filter((line) => line.includes(' guarantee '));
    expect(await guarantees()).toEqual([
      'bert 2026-01 2026-01 guarantee |* guarantee| earning 0.00 → 40.00 EUR',
      'top 2026-01 2026-01 guarantee |* guarantee| earning 0.00 → 50.00 EUR',
    ]);
    await service.send([deal('B2', 'bert', ['150.00', '0.00'], { bookedAt: '2026-01-30T10:00:00Z' })]);
    await service.idle();
    expect((await guarantees()).filter((line) => line.startsWith('bert'))).toEqual([
      'bert 2026-01 2026-01 guarantee |* guarantee| earning 0.00 → 40.00 EUR',
      'bert 2026-02 2026-01 guarantee |* guarantee| adjustment 0.00 → -15.00 EUR',
    ]);
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);

  it('does not close while a deal is pending, except for a reason', async () => {
    const service = await started();
    await send(service, [...INPUTS, deal('C1', 'nobody', ['10.00', '0.00'])], INPUTS.length);
    expect(await service.beginClosing('2026-01')).toMatchObject({ status: 409, body: { code: 'DealsPending' } });
    await service.close('2026-01', CALENDAR, 'the partner will never register');
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);

  it('lists deals without a quota, and does not close before it is recorded', async () => {
    const service = await started();
    await service.send(INPUTS);
    await service.idle();
    const pending = async () => {
      const items = await service.list<PendingDeal>('operator', '/pending-deals?code=QuotaMissing');
      return items.map(({ deal: of, subject, message }) => `${of} ${subject}: ${message}`);
    };
    const [A1, A2, A3] = ['A1', 'A2', 'A3'].map(
      (id) => `crm|${id} quota:anna|resellers|hardware|2026-01: anna has no quota for hardware of resellers in 2026-01`,
    );
    const B1 = 'crm|B1 quota:bert|resellers|hardware|2026-01: bert has no quota for hardware of resellers in 2026-01';
    expect(await pending()).toEqual([A1, A2, A3, B1]);
    expect(await service.beginClosing('2026-01')).toMatchObject({ status: 409, body: { code: 'QuotasMissing' } });
    await service.call('operator', 'POST', '/quotas', QUOTAS[0]);
    await service.idle();
    expect(await pending()).toEqual([B1]);
    await service.call('operator', 'POST', '/quotas', QUOTAS[1]);
    await service.idle();
    expect(await pending()).toEqual([]);
    await service.close('2026-01');
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);

  it('ends in the same ledger in any order of arrival, with repetitions', async () => {
    const inOrder = await started();
    await send(inOrder, INPUTS, INPUTS.length);
    for (const seed of [1, 2]) {
      const service = await started();
      await send(service, shuffled(INPUTS, seed, 3), seed * 2);
      expect(await service.ledger()).toEqual(await inOrder.ledger());
      expect((await service.verify()).differences).toEqual([]);
    }
  }, 60_000);
});

describe('payout terms of a plan', () => {
  const LEAVERS = `
plan: resellers
title: Resellers
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
settle: { as: self-billed, tax: by-partner }
ends: { negative: forgive }
components:
  - id: hardware
    credit: { trigger: booked, where: { line.category: hardware } }
    rate: { percent: 10 % }
`;

  it('are in the manifest, and a negative balance is forgiven once the payee has left: at the end, and in later periods with lines', async () => {
    const service = await started();
    await service.send([
      { kind: 'plan', document: LEAVERS, effectiveFrom: '2026-01-01' },
      { kind: 'partner', partner: partnerOf('anna'), revision: 0 },
      { kind: 'partner', partner: partnerOf('carl', { until: '2026-03-01' }), revision: 0 },
      deal('A1', 'anna', ['100.00', '0.00']),
      deal('C1', 'carl', ['200.00', '0.00'], { returns: [{ id: 'R', at: '2026-04-10T10:00:00Z' }] }),
    ]);
    await service.idle();
    for (const period of ['2026-01', '2026-02', '2026-03', '2026-04']) await service.close(period);
    const { manifests } = await service.published();
    const entries = manifests
      .toSorted((left, right) => compareText(left.period, right.period))
      .flatMap(({ period, entries: of }) =>
        of.map(({ payee, lines, as, tax, negative = '' }) => `${period} ${payee} ${lines} ${as} ${tax} ${negative}`),
      );
    expect(entries).toEqual([
      '2026-01 anna 1 self-billed by-partner ',
      '2026-01 carl 1 self-billed by-partner ',
      '2026-02 carl 0 self-billed by-partner forgive',
      '2026-04 carl 1 self-billed by-partner forgive',
    ]);
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);
});

describe('a lagged rate that is frozen', () => {
  const LAGGED = `
plan: resellers
title: Resellers
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
components:
  - id: hardware
    credit: { trigger: booked, where: { line.category: hardware } }
    rate: { lagged: [{ below: 10000, pay: 5 % }, { pay: 8 % }] }
`;

  it('uses the tier that its window had reached at the closing, also where nothing was sold by then', async () => {
    const service = await started();
    await service.send([
      { kind: 'plan', document: LAGGED, effectiveFrom: '2026-01-01' },
      { kind: 'partner', partner: partnerOf('anna'), revision: 0 },
    ]);
    await service.idle();
    await service.close('2026-01');
    await service.send([
      deal('A1', 'anna', ['12000.00', '0.00']),
      deal('A2', 'anna', ['1000.00', '0.00'], { bookedAt: '2026-02-10T10:00:00Z' }),
      deal('A3', 'anna', ['1000.00', '0.00'], { bookedAt: '2026-03-10T10:00:00Z' }),
    ]);
    await service.idle();
    expect(await service.ledger()).toEqual([
      'anna 2026-02 2026-01 hardware crm|A1 booked|1 adjustment 12000.00 → 600.00 EUR',
      'anna 2026-02 2026-02 hardware crm|A2 booked|1 earning 1000.00 → 50.00 EUR',
      'anna 2026-03 2026-03 hardware crm|A3 booked|1 earning 1000.00 → 50.00 EUR',
    ]);
    expect((await service.verify()).differences).toEqual([]);
  }, 30_000);
});
