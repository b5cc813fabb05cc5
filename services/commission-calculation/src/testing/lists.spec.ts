/** Filters and orders of the lists, and warnings for names that do not exist. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExchangeRate } from '@tantieme/contracts/reference';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { EarningListed } from '../earning/earning.dto.js';
import type { PendingDeal } from '../pending-deal/pending-deal.dto.js';
import type { PeriodListed } from '../period/period.dto.js';
import type { PlanSummary } from '../plan/plan.dto.js';
import type { QuotaRecordedAnswer } from '../reference/reference.dto.js';
import type { WarningListed } from '../reference/warning/warnings.dto.js';
import { dealOf, partnerOf, PLAN, Service } from './service.fixture.js';
import type { ServiceInput } from './service.fixture.js';

const deal = (id: string, seller: string, bookedAt = '2026-01-10T10:00:00Z'): ServiceInput => ({
  kind: 'deal',
  deal: dealOf(id, { seller, bookedAt }),
  revision: 0,
});

const quota = (more: object) => ({
  payee: 'anna',
  plan: 'resellers',
  component: 'hardware',
  from: '2026-01-01',
  amount: '9000',
  revision: 1,
  ...more,
});

let service: Service;
beforeAll(async () => {
  service = await Service.start();
  await service.send([
    { kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' },
    { kind: 'partner', partner: partnerOf('anna'), revision: 0 },
    { kind: 'partner', partner: partnerOf('bert', { plans: ['resellers', 'reseler'] }), revision: 0 },
    { kind: 'partner', partner: partnerOf('carl', { plans: ['nowhere'] }), revision: 0 },
    deal('D-1', 'bert'),
    deal('D-2', 'anna'),
    deal('D-3', 'anna', '2026-02-10T10:00:00Z'),
    deal('P-1', 'dora'),
    deal('P-2', 'carl'),
  ]);
  await service.call('plan-designer', 'POST', '/plans', PLAN.replace('resellers', 'draft').replace('Resellers', 'X'));
  for (const [date, quote] of [
    ['2026-01-05', 'USD'],
    ['2026-01-06', 'USD'],
    ['2026-01-06', 'JPY'],
  ])
    await service.call('source', 'POST', '/exchange-rates', { base: 'EUR', quote, date, rate: '2', source: 'ecb' });
  await service.idle();
  for (const period of ['2026-01', '2026-02']) await service.close(period, undefined, 'deals are pending on purpose');
  await service.idle();
}, 60_000);
afterAll(() => service.end());

/** All items of a list, read in pages of two. */
async function all<Item>(url: string): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let cursor = ''; ;) {
    const page = (await service.call<Page<Item>>('auditor', 'GET', `${url}limit=2${cursor}`)).body;
    items.push(...page.items);
    if (page.next === undefined) return items;
    cursor = `&cursor=${page.next}`;
  }
}

describe('the list of earnings', () => {
  const earnings = async (query: string) =>
    (await all<EarningListed>(`/earnings?${query}`)).map(
      ({ payee, deal: of, period, line }) => `${payee} ${of} ${period} ${line}`,
    );

  it('is ordered by payee, or by deal', async () => {
    const byPayee = [
      'anna crm|D-2 2026-01 booked|1',
      'anna crm|D-2 2026-01 booked|2',
      'anna crm|D-3 2026-02 booked|1',
      'anna crm|D-3 2026-02 booked|2',
      'bert crm|D-1 2026-01 booked|1',
      'bert crm|D-1 2026-01 booked|2',
    ];
    expect(await earnings('')).toEqual(byPayee);
    expect(await earnings('sort=deal&')).toEqual([...byPayee.slice(4), ...byPayee.slice(0, 4)]);
  });

  it('can be filtered by payee, plan, period and deal', async () => {
    expect(await earnings('payee=anna&plan=resellers&period=2026-02&deal=crm%7CD-3&')).toHaveLength(2);
    expect(await earnings('plan=other&')).toEqual([]);
  });

  it('refuses an unknown order, and names the known ones', async () => {
    expect(await service.call('auditor', 'GET', '/earnings?sort=amount')).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'sort', reason: 'must be one of payee, deal' }] },
    });
  });
});

describe('the list of pending deals', () => {
  const pending = async (query: string) =>
    (await all<PendingDeal>(`/pending-deals?${query}`)).map(({ deal: of, code }) => `${of} ${code}`);

  it('can be filtered by code, deal, partner and plan', async () => {
    expect(await pending('')).toEqual(['crm|D-1 PlanMissing', 'crm|P-1 PartnerMissing', 'crm|P-2 PlanMissing']);
    expect(await pending('sort=oldest&')).toHaveLength(3);
    expect(await pending('code=PlanMissing&')).toEqual(['crm|D-1 PlanMissing', 'crm|P-2 PlanMissing']);
    expect(await pending('deal=crm%7CP-1&')).toEqual(['crm|P-1 PartnerMissing']);
    expect(await pending('partner=dora&')).toEqual(['crm|P-1 PartnerMissing']);
    expect(await pending('plan=nowhere&')).toEqual(['crm|P-2 PlanMissing']);
    expect(await pending('plan=resellers&')).toEqual([]);
  });
});

describe('the list of plans', () => {
  const plans = async (query: string) => (await all<PlanSummary>(`/plans?${query}`)).map(({ plan }) => plan);

  it('can be filtered by state, and by text in id or title', async () => {
    expect(await plans('')).toEqual(['draft', 'resellers']);
    expect(await plans('state=published&')).toEqual(['resellers']);
    expect(await plans('state=draft&')).toEqual(['draft']);
    expect(await plans('text=RESELL&')).toEqual(['resellers']);
    expect(await plans('text=none&')).toEqual([]);
  });

  it('suggests the nearest id for an unknown plan', async () => {
    expect(await service.call('auditor', 'GET', '/plans/reseller')).toMatchObject({
      status: 404,
      body: { code: 'PlanUnknown', detail: 'there is no plan reseller; did you mean "resellers"?' },
    });
  });
});

describe('the list of exchange rates', () => {
  const rates = async (query: string) =>
    (await all<ExchangeRate>(`/exchange-rates?${query}`)).map(({ date, quote }) => `${date} ${quote}`);

  it('is ordered by pair, or newest first, and can be filtered by pair, day and source', async () => {
    expect(await rates('')).toEqual(['2026-01-06 JPY', '2026-01-05 USD', '2026-01-06 USD']);
    expect(await rates('sort=newest&')).toEqual(['2026-01-06 USD', '2026-01-06 JPY', '2026-01-05 USD']);
    expect(await rates('quote=USD&date=2026-01-06&source=ecb&')).toEqual(['2026-01-06 USD']);
    expect(await service.call('auditor', 'GET', '/exchange-rates?date=tomorrow&base=euro')).toMatchObject({
      status: 422,
      body: {
        errors: [
          { field: 'base', reason: expect.stringContaining('ISO 4217') },
          { field: 'date', reason: expect.stringContaining('calendar date (YYYY-MM-DD)') },
        ],
      },
    });
  });
});

describe('the list of periods', () => {
  const periods = async (query: string) =>
    (await all<PeriodListed>(`/periods?${query}`)).map(({ period, state }) => `${period} ${state}`);

  it('can be filtered by calendar and state, and read newest first', async () => {
    expect(await periods('')).toEqual(['2026-01 closed', '2026-02 closed']);
    expect(await periods('sort=newest&calendar=monthly%40Europe%2FParis&')).toEqual([
      '2026-02 closed',
      '2026-01 closed',
    ]);
    expect(await periods('state=closing&')).toEqual([]);
  });
});

describe('a name that does not exist', () => {
  const warnings = async (query = '') =>
    (await all<WarningListed>(`/warnings?${query}`)).map(
      ({ kind, payee, code, message }) => `${kind} of ${payee}: ${code}: ${message}`,
    );

  it('is answered with a warning, listed, and gone from the list once it exists', async () => {
    const agreements = [
      'agreement of bert: PlanUnknown: there is no plan "reseler"; did you mean "resellers"?',
      'agreement of carl: PlanUnknown: there is no plan "nowhere"',
    ];
    expect(await warnings()).toEqual(agreements);
    expect((await service.call('operator', 'POST', '/quotas', quota({}))).body).toMatchObject({ warnings: [] });
    const record = async (more: object) =>
      (await service.call<QuotaRecordedAnswer>('operator', 'POST', '/quotas', quota(more))).body.warnings;
    const componentUnknown = {
      code: 'ComponentUnknown',
      field: 'component',
      message: 'no version of the plan resellers has a component "hardwear"; did you mean "hardware"?',
    };
    expect(await record({ component: 'hardwear' })).toEqual([componentUnknown]);
    expect(await record({ payee: 'emil', plan: 'later' })).toMatchObject([
      { code: 'PlanUnknown', field: 'plan' },
      { code: 'PayeeUnknown', field: 'payee', message: 'there is no partner "emil"' },
    ]);
    await service.idle();
    expect(await warnings()).toEqual([
      ...agreements,
      `quota of anna: ComponentUnknown: ${componentUnknown.message}`,
      'quota of emil: PayeeUnknown: there is no partner "emil"',
      'quota of emil: PlanUnknown: there is no plan "later"',
    ]);
    expect(await warnings('kind=quota&code=PayeeUnknown&payee=emil&plan=later&')).toHaveLength(1);
    await service.call('plan-designer', 'POST', '/plans', PLAN.replace('plan: resellers', 'plan: later'));
    await service.send([{ kind: 'partner', partner: partnerOf('emil', { plans: [] }), revision: 0 }]);
    await service.idle();
    expect(await warnings('payee=emil&')).toEqual([]);
  });
});
