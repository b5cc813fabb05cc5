import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CALENDAR, dealOf, partnerOf, PLAN, Service } from '../testing/service.fixture.js';
import type { ServiceInput } from '../testing/service.fixture.js';
import type { PeriodRead, ReopeningPreview } from './period.dto.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.end();
});

const deal = (id: string, shape: Parameters<typeof dealOf>[1] = {}, revision = 0): ServiceInput => ({
  kind: 'deal',
  deal: dealOf(id, shape),
  revision,
});
const path = (period: string, calendar = CALENDAR) => `/periods/${encodeURIComponent(calendar)}/${period}`;
const read = async (service: Service, period: string): Promise<PeriodRead> =>
  (await service.call<PeriodRead>('auditor', 'GET', path(period))).body;
/** Waits until the period shows this. */
async function shows(service: Service, period: string, shown: object): Promise<void> {
  for (const untilMs = Date.now() + 10_000; ; await pause(10)) {
    const now = await read(service, period);
    if (Date.now() > untilMs) return expect(now).toMatchObject(shown);
    try {
      return expect(now).toMatchObject(shown);
    } catch {
      // Not yet.
    }
  }
}

const stepsOf = ({ steps }: PeriodRead): readonly string[] => steps.map(({ step }) => step);

async function started(document: string, ...inputs: readonly ServiceInput[]): Promise<Service> {
  const service = await Service.start();
  services.push(service);
  const partners = ['top', 'anna'].map((id): ServiceInput => {
    const partner = partnerOf(id, id === 'top' ? {} : { upline: 'top' });
    return { kind: 'partner', partner, revision: 0 };
  });
  await service.send([{ kind: 'plan', document, effectiveFrom: '2026-01-01' }, ...partners, ...inputs]);
  await service.idle();
  return service;
}

/** What a closing records: guarantees, the tier that was reached, grants of a budget. */
const RECORDED = `${PLAN.replace(
  'components:',
  'guarantee: { amount: 50, over: period, of: [service] }\ncomponents:',
).replace('percent: 2.9 % }', 'percent: 40 % }\n    budget: 30')}  - id: frozen
    stacks: [hardware]
    credit: { trigger: booked, to: seller, basis: net, where: { line.category: hardware } }
    measure: { over: period }
    rate: { lagged: [{ below: 150, pay: 1 % }, { pay: 2 % }] }
`;

async function manifestOf(service: Service, period: string, closing: number): Promise<readonly unknown[]> {
  const { manifests } = await service.published();
  return manifests.filter((one) => one.period === period && one.closing === closing).flatMap(({ entries }) => entries);
}

describe('reopening the last closing', () => {
  it('withdraws it step by step; closing again without a change gives the same amounts', async () => {
    const service = await started(PLAN, deal('D-1'), deal('D-2', { bookedAt: '2026-02-10T10:00:00Z' }));
    await service.close('2026-01');
    await service.close('2026-02');
    await service.idle();
    const before = await service.ledger();
    expect(stepsOf(await read(service, '2026-02'))).toEqual([
      'announced',
      'sealed',
      'inputs-drained',
      'earnings-closed',
      'rewards-closed',
      'manifest-published',
      'statements-issued',
      'closed',
    ]);
    const proposed = await service.call<{ id: string }>('finance', 'POST', `${path('2026-02')}/reopen`, {
      reason: 'x',
    });
    expect(proposed).toMatchObject({
      status: 202,
      body: { state: 'open', read: { closing: 1, streams: 2, lines: 4 } },
    });
    const confirm = `/commission-proposals/${encodeURIComponent(proposed.body.id)}/confirm`;
    expect(await service.refusal('finance', 'POST', confirm)).toBe('SecondPersonNeeded');
    expect(await service.call('approver', 'POST', confirm)).toMatchObject({ body: { state: 'done' } });
    expect(await service.call('approver', 'POST', confirm)).toMatchObject({ body: { state: 'done' } });
    expect(await read(service, '2026-02')).toMatchObject({ state: 'reopening', reopened: { reason: 'x' } });
    expect(await service.beginClosing('2026-02')).toMatchObject({ body: { code: 'ReopeningInProgress' } });
    await service.reopened('2026-02');
    expect(await read(service, '2026-02')).toMatchObject({ state: 'reopened', closing: 1 });
    expect(stepsOf(await read(service, '2026-02')).slice(8)).toEqual([
      'reopening',
      'statements-withdrawn',
      'unsealed',
      'earnings-reopened',
      'rewards-reopened',
      'reopened',
    ]);
    await service.close('2026-02');
    await service.idle();
    expect(await service.ledger()).toEqual(before);
    expect(await manifestOf(service, '2026-02', 2)).toEqual(await manifestOf(service, '2026-02', 1));
    expect(await read(service, '2026-02')).toMatchObject({ state: 'closed', closing: 2 });
    expect((await service.verify()).differences).toEqual([]);
  });

  it('puts a deal that came late into the period itself, as if it had never been closed', async () => {
    const inputs = [deal('D-1'), deal('D-2', { net: ['900.00', '10.00'] })];
    const late = [deal('D-3', { net: ['200.00', '60.00'], bookedAt: '2026-01-05T10:00:00Z' })];
    const reference = await started(RECORDED, ...inputs, ...late);
    await reference.close('2026-01');
    await reference.idle();
    const service = await started(RECORDED, ...inputs);
    await service.close('2026-01');
    await service.send(late);
    await service.idle();
    expect((await service.ledger()).some((line) => line.includes('2026-02 2026-01'))).toBe(true);
    await service.reopen('2026-01');
    await service.idle();
    await service.close('2026-01');
    await service.idle();
    expect(await service.ledger()).toEqual(await reference.ledger());
    expect(await manifestOf(service, '2026-01', 2)).toEqual(await manifestOf(reference, '2026-01', 1));
    expect((await service.verify()).differences).toEqual([]);
  });

  it('voids guarantees, tiers and grants that it recorded, also in a period after others', async () => {
    const january = [deal('D-1', { net: ['160.00', '50.00'] })];
    const february = [deal('D-2', { net: ['100.00', '100.00'], bookedAt: '2026-02-10T10:00:00Z' })];
    const march = [deal('D-3', { net: ['100.00', '10.00'], bookedAt: '2026-03-10T10:00:00Z' })];
    const cancelled = [deal('D-2', { bookedAt: '2026-02-10T10:00:00Z', cancelledAt: '2026-02-20T10:00:00Z' }, 1)];
    const closed = async (...more: readonly ServiceInput[]): Promise<Service> => {
      const service = await started(RECORDED, ...january);
      await service.close('2026-01');
      await service.send([...february, ...march, ...more]);
      await service.idle();
      await service.close('2026-02');
      return service;
    };
    const reference = await closed(...cancelled);
    const service = await closed();
    await service.send(cancelled);
    await service.idle();
    await service.reopen('2026-02');
    await service.idle();
    await service.close('2026-02');
    for (const one of [reference, service]) {
      await one.close('2026-03');
      await one.idle();
    }
    expect(await service.ledger()).toEqual(await reference.ledger());
    expect((await service.verify()).differences).toEqual([]);
  });

  it('is refused unless it is the last closing, and nothing of it is approved', async () => {
    const service = await started(PLAN, deal('D-1'), deal('D-2', { bookedAt: '2026-02-10T10:00:00Z' }));
    const codeOf = async (period: string, calendar = CALENDAR) =>
      service.refusal('finance', 'POST', `${path(period, calendar)}/reopen`, { reason: 'a deal is late' });
    expect(await codeOf('2026-01')).toBe('PeriodNotClosed');
    await service.close('2026-01');
    await service.close('2026-02');
    expect(await codeOf('2026-01')).toBe('LaterPeriodClosed');
    expect(await codeOf('2026-02', 'monthly@Europe/London')).toBe('PeriodNotClosed');
    expect(await service.refusal('finance', 'POST', `${path('2026-02')}/reopen`, { reason: '' })).toBe(
      'RequestInvalid',
    );
    expect((await service.call('operator', 'POST', `${path('2026-02')}/reopen`, { reason: 'x' })).status).toBe(403);
    const preview = async () =>
      (await service.call<ReopeningPreview>('auditor', 'GET', `${path('2026-02')}/reopening-preview`)).body;
    expect(await preview()).toMatchObject({ closing: 1, streams: 2, lines: 4 });
    expect(await preview()).not.toHaveProperty('refusal');
    await service.announce({ calendar: CALENDAR, period: '2026-02', closing: 1, step: 'approval-begun' });
    await service.idle();
    expect(await codeOf('2026-02')).toBe('StatementsApproved');
    expect(await preview()).toMatchObject({ refusal: { code: 'StatementsApproved' } });
  });

  it('keeps the period closed where payouts began to approve in the meantime', async () => {
    const service = await started(PLAN, deal('D-1'));
    await service.close('2026-01');
    expect(await service.beginReopening('2026-01')).toMatchObject({ body: { state: 'done' } });
    await service.announce({ calendar: CALENDAR, period: '2026-01', closing: 1, step: 'approval-begun' });
    await service.closed('2026-01');
    expect(await service.beginReopening('2026-01')).toMatchObject({ body: { code: 'StatementsApproved' } });
    expect((await service.verify()).differences).toEqual([]);
  });

  it('of a period before needs the reopened one to be closed again', async () => {
    const service = await started(PLAN, deal('D-1'), deal('D-2', { bookedAt: '2026-02-10T10:00:00Z' }));
    await service.close('2026-01');
    await service.close('2026-02');
    await service.reopen('2026-02');
    expect(await service.beginReopening('2026-01')).toMatchObject({ body: { code: 'LaterPeriodReopened' } });
    await service.close('2026-02');
    expect(await service.beginReopening('2026-01')).toMatchObject({ body: { code: 'LaterPeriodClosed' } });
  });
});

describe('a closing whose steps are still running', () => {
  it('is not reopened past its seal, and shows what it waits for', async () => {
    const service = await started(PLAN, deal('D-1'));
    await service.beginClosing('2026-01');
    await shows(service, '2026-01', { state: 'closing', waitsFor: 'rewards to close the period' });
    expect(await service.beginReopening('2026-01')).toMatchObject({ body: { code: 'ClosingInProgress' } });
    expect(await service.beginClosing('2026-02')).toMatchObject({ body: { code: 'EarlierPeriodOpen' } });
    await service.announce({ calendar: CALENDAR, period: '2026-01', closing: 1, step: 'rewards-closed' });
    await shows(service, '2026-01', { waitsFor: 'payouts to receive both manifests' });
    await service.closed('2026-01');
    expect(await read(service, '2026-01')).not.toHaveProperty('waitsFor');
  });
});
