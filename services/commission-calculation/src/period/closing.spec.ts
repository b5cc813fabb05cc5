import { afterEach, describe, expect, it } from '@jest/globals';
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { Background } from '@tantieme/service-kit/background/background';
import { calendarOf } from '@tantieme/time/calendar/key';
import { periodAt } from '@tantieme/time/calendar/periods';
import type { Proposal } from '@tantieme/service-kit/two-people/proposal';
import type { PendingDeal } from '../pending-deal/pending-deal.dto.js';
import { CALENDAR, dealOf, partnerOf, PLAN, Service } from '../testing/service.fixture.js';
import type { ServiceInput } from '../testing/service.fixture.js';
import type { ClosingPreview, PeriodRead } from './period.dto.js';
import type { UncreditedDeal } from '../uncredited-deal/uncredited-deal.dto.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.end();
});

const AT = '2026-02-03T16:00:00Z';

const PUBLISHED: ServiceInput = { kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' };
const QUARTERLY: ServiceInput = {
  kind: 'plan',
  document: PLAN.replace('plan: resellers', 'plan: wholesale').replace('periods: monthly', 'periods: quarterly'),
  effectiveFrom: '2026-01-01',
};
const deal = (id: string, shape: Parameters<typeof dealOf>[1] = {}, revision = 0): ServiceInput => ({
  kind: 'deal',
  deal: dealOf(id, shape),
  revision,
});
const partner = (id: string, shape: Parameters<typeof partnerOf>[1] = {}, revision = 0): ServiceInput => ({
  kind: 'partner',
  partner: partnerOf(id, shape),
  revision,
});

async function started(...inputs: readonly ServiceInput[]): Promise<Service> {
  const service = await Service.start();
  services.push(service);
  await service.send([PUBLISHED, partner('anna'), ...inputs]);
  await service.idle();
  return service;
}

const path = (period: string, calendar = CALENDAR) => `/periods/${encodeURIComponent(calendar)}/${period}`;
const preview = async (service: Service, period: string): Promise<ClosingPreview> =>
  (await service.call<ClosingPreview>('finance', 'GET', `${path(period)}/closing-preview`)).body;

describe('a closing', () => {
  it('is refused for a calendar that no plan uses, and for periods far ahead', async () => {
    const service = await started();
    const codeOf = async (period: string, calendar: string, force?: string) =>
      ((await service.beginClosing(period, calendar, force)).body as unknown as { readonly code: string }).code;
    expect(await codeOf('2062-01', 'monthly@Europe/London')).toBe('CalendarUnused');
    expect(await codeOf('2026-01', 'monthly@Europe/London', 'I want to')).toBe('CalendarUnused');
    expect(await codeOf('2962-01', CALENDAR)).toBe('EarlierPeriodOpen');
    expect(await codeOf('2962-01', CALENDAR, 'I want to')).toBe('EarlierPeriodOpen');
  });

  it('of a period that has not ended needs a reason', async () => {
    const current = periodAt(calendarOf(CALENDAR), Date.now());
    const service = await started();
    expect(await service.beginClosing(current)).toMatchObject({ status: 409, body: { code: 'PeriodNotEnded' } });
    await service.close(current, CALENDAR, 'the company ends today');
    expect((await service.call<PeriodRead>('auditor', 'GET', path(current))).body).toMatchObject({
      state: 'closed',
      force: 'the company ends today',
      outstanding: [{ code: 'PeriodNotEnded' }],
    });
  });

  it('needs two people, and starts only what the second one saw', async () => {
    const service = await started(deal('D-1'));
    const propose = () => service.call<Proposal>('finance', 'POST', `${path('2026-01')}/close`, {});
    expect((await service.call('operator', 'POST', `${path('2026-01')}/close`, {})).status).toBe(403);
    const first = await propose();
    expect(first).toMatchObject({
      status: 202,
      body: { state: 'open', read: { statements: 1, lines: 2, totals: { EUR: '5.45' }, outstanding: [] } },
    });
    const confirm = `/commission-proposals/${encodeURIComponent(first.body.id)}/confirm`;
    expect(await service.refusal('finance', 'POST', confirm)).toBe('SecondPersonNeeded');
    await service.send([deal('D-2')]);
    await service.idle();
    expect(await service.confirm(first.body)).toMatchObject({ status: 409, body: { code: 'ProposalChanged' } });
    expect((await service.call('auditor', 'GET', path('2026-01'))).body).toMatchObject({ state: 'open' });
    await service.send([deal('D-2', { cancelledAt: '2026-01-10T10:00:00Z' }, 1)]);
    await service.idle();
    const second = await propose();
    expect(await service.confirm(second.body)).toMatchObject({ status: 200, body: { state: 'done' } });
    await service.closed('2026-01');
    expect((await service.call('auditor', 'GET', path('2026-01'))).body).toMatchObject({
      closedBy: 'test-finance',
      confirmedBy: 'test-approver',
      outstanding: [],
    });
    expect((await service.verify()).differences).toEqual([]);
  });

  it('sums up the lines of any number of deals and payees beforehand', async () => {
    const deals = Array.from({ length: 450 }, (_, n) => deal(`D-${n}`, { seller: n % 3 === 0 ? 'anna' : 'bert' }));
    const service = await started(partner('bert'), ...deals);
    expect(await preview(service, '2026-01')).toMatchObject({
      statements: 2,
      lines: 900,
      totals: { EUR: '4092.50' },
    });
  });

  it('shows beforehand what it would do and what is in its way', async () => {
    const service = await started(deal('D-1'), deal('D-2', { seller: 'nobody' }));
    expect(await preview(service, '2026-01')).toMatchObject({
      statements: 1,
      totals: { EUR: '5.45' },
      outstanding: [{ code: 'DealsPending', count: 1 }],
      notices: [],
    });
    expect(await preview(service, '2026-02')).toMatchObject({ refusal: { code: 'EarlierPeriodOpen' } });
    await service.close('2026-01', CALENDAR, 'nobody will never register');
    expect(await preview(service, '2026-01')).toMatchObject({ refusal: { code: 'PeriodClosed' } });
    expect((await service.call('auditor', 'GET', path('2026-01'))).body).toMatchObject({
      force: 'nobody will never register',
      outstanding: [{ code: 'DealsPending', count: 1 }],
    });
  });

  it('does not wait for deals of later dates or other calendars', async () => {
    const service = await started(
      QUARTERLY,
      partner('bert', { plans: ['wholesale'] }),
      deal('D-1'),
      deal('D-2', { seller: 'nobody', bookedAt: '2026-02-10T10:00:00Z' }),
      deal('D-3', { seller: 'bert', terms: undefined } as never),
    );
    // The only plan of bert is quarterly; the currency has no rate.
    const foreign = dealOf('D-3', { seller: 'bert' });
    const terms = foreign.terms && { ...foreign.terms, currency: 'USD' };
    await service.send([{ kind: 'deal', deal: { ...foreign, ...(terms && { terms }) }, revision: 1 }]);
    await service.idle();
    const pending = async (query: string) =>
      (await service.list<PendingDeal>('finance', `/pending-deals${query}`)).map((one) => one.deal);
    expect(await pending('')).toEqual(['crm|D-2', 'crm|D-3']);
    const query = (period: string) => `?calendar=${encodeURIComponent(CALENDAR)}&period=${period}`;
    expect(await pending(query('2026-01'))).toEqual([]);
    expect(await pending(query('2026-02'))).toEqual(['crm|D-2']);
    await service.close('2026-01');
    expect(await service.beginClosing('2026-02')).toMatchObject({ status: 409, body: { code: 'DealsPending' } });
  });

  it('waits for what is parked and may concern any period, until two people discard it or give a reason', async () => {
    const service = await started(deal('D-1'));
    await service.broker.publish(TOPICS.deals, [{ key: 'x', value: 'not a message' }]);
    await service.idle();
    expect(await service.beginClosing('2026-01')).toMatchObject({ status: 409, body: { code: 'ItemsParked' } });
    await service.discardParked('the message was a test');
    expect((await preview(service, '2026-01')).outstanding).toEqual([]);
    await service.broker.publish(TOPICS.deals, [{ key: 'x', value: 'not a message either' }]);
    await service.idle();
    await service.close('2026-01', CALENDAR, 'the message was another test');
  });

  it('does not wait for a parked item that cannot concern the period', async () => {
    const service = await started(deal('D-1'));
    const rate = { base: 'EUR', quote: 'USD', date: '2026-02-03', source: 'ecb' };
    const said = (id: string) => ({ id, time: AT, source: '/ecb', subject: 'EUR/USD', key: 'EUR/USD', actor: 'ecb' });
    await service.broker.publish(
      TOPICS.referencesInbound,
      ['1.1', '1.2'].map((price) => ({
        key: 'EUR/USD',
        value: encode('exchange-rate', { ...said(price), correlationId: price }, { ...rate, rate: price }),
      })),
    );
    await service.application
      .get(Background)
      .parking.park('payouts-inbound', TOPICS.paymentsInbound, [
        { origin: { topic: TOPICS.paymentsInbound, partition: 0, offset: '1' }, reason: 'is not JSON' },
      ]);
    await service.idle();
    const codes = async (period: string) => (await preview(service, period)).outstanding.map(({ code }) => code);
    expect(await codes('2026-01')).toEqual([]);
    // The rate that contradicts another counts from its day on.
    expect(await codes('2026-02')).toEqual(['ItemsParked']);
  });

  it('names plans that start inside a measurement window and pay nothing until the next one', async () => {
    const service = await Service.start();
    services.push(service);
    const { body } = await service.publish(PLAN, '2026-02-01');
    const notice =
      'hardware of resellers takes effect on 2026-02-01, inside 2026-Q1, so it pays nothing before 2026-04-01';
    expect(body).toMatchObject({ notices: [notice] });
    await service.send([partner('anna'), deal('D-1', { bookedAt: '2026-02-10T10:00:00Z', net: ['9.00', '0.00'] })]);
    await service.idle();
    expect((await preview(service, '2026-02')).notices).toEqual([notice]);
    expect((await preview(service, '2026-04')).notices).toEqual([]);
  });
});

describe('a pending deal', () => {
  it('can be waived by two people, and is credited all the same if the fact arrives', async () => {
    const service = await started(deal('D-2', { seller: 'nobody' }));
    const waive = (reason: string) =>
      service.call<Proposal>('finance', 'POST', `/pending-deals/${encodeURIComponent('crm|D-2')}/waive`, { reason });
    expect(await waive('')).toMatchObject({ status: 422 });
    const proposal = await waive('never registers');
    expect(proposal.body).toMatchObject({ read: { waived: [{ code: 'PartnerMissing', subject: 'partner:nobody' }] } });
    expect(await service.beginClosing('2026-01')).toMatchObject({ status: 409, body: { code: 'DealsPending' } });
    expect(await service.confirm(proposal.body)).toMatchObject({ body: { state: 'done' } });
    await service.idle();
    expect(await service.list('finance', '/pending-deals')).toEqual([]);
    expect((await waive('again')).status).toBe(404);
    await service.close('2026-01');
    await service.send([partner('nobody')]);
    await service.idle();
    expect((await service.ledger()).filter((line) => line.startsWith('nobody 2026-02 2026-01'))).toHaveLength(2);
    expect((await service.verify()).differences).toEqual([]);
  });

  it('stops waiting when it is cancelled; a deal after the end of an agreement does not wait at all', async () => {
    const service = await started(
      partner('bert', { until: '2026-01-05' }),
      deal('D-2', { seller: 'nobody', cancelledAt: '2026-01-20T10:00:00Z' }),
      deal('D-3', { seller: 'bert' }),
      deal('D-4', { lines: [{ id: '1', category: 'books', net: '1.00' }] }),
    );
    expect(await service.list('finance', '/pending-deals')).toEqual([]);
    const reasons = await service.list<UncreditedDeal>('finance', '/uncredited-deals');
    expect(reasons.map((one) => [one.deal, one.code])).toEqual([
      ['crm|D-2', 'Cancelled'],
      ['crm|D-3', 'NotCovered'],
      ['crm|D-4', 'ConditionsNotMet'],
    ]);
    await service.close('2026-01');
  });
});
