import { afterEach, describe, expect, it } from '@jest/globals';
import type { Deal, DealPartner } from '@tantieme/contracts/deal';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { routesWithoutRoles } from '@tantieme/service-kit/access/route-roles';
import type { EarningListed } from '../earning/earning.dto.js';
import type { ExplanationAnswer } from '../explanation/explanation.dto.js';
import type { PendingDeal } from '../pending-deal/pending-deal.dto.js';
import type { PlanLint, PlanSummary } from '../plan/plan.dto.js';
import { documentOf } from './world.fixture.js';
import { CALENDAR, dealOf, partnerOf, PLAN, Service } from './service.fixture.js';
import type { ServiceInput } from './service.fixture.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.end();
});

async function start(): Promise<Service> {
  const service = await Service.start();
  services.push(service);
  return service;
}

const TEAM: readonly ServiceInput[] = [
  { kind: 'partner', partner: partnerOf('top'), revision: 0 },
  { kind: 'partner', partner: partnerOf('middle', { upline: 'top' }), revision: 0 },
  { kind: 'partner', partner: partnerOf('anna', { upline: 'middle' }), revision: 0 },
  { kind: 'partner', partner: partnerOf('bert', { upline: 'middle' }), revision: 0 },
];
const PUBLISHED: ServiceInput = { kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' };
const dealInput = (deal: ReturnType<typeof dealOf>, revision = 0): ServiceInput => ({ kind: 'deal', deal, revision });

const registered = (holder: string) =>
  ({ id: `REG-${holder}`, status: 'approved', holder, from: '2026-01-05' }) as const;

const FIRST_DEAL = [
  'anna 2026-01 2026-01 hardware crm|D-1 booked|1 earning 100.00 → 4.00 EUR',
  'anna 2026-01 2026-01 service crm|D-1 booked|2 earning 50.00 → 1.45 EUR',
  'middle 2026-01 2026-01 team crm|D-1 booked|1 earning 100.00 → 2.00 EUR',
  'middle 2026-01 2026-01 team crm|D-1 booked|2 earning 50.00 → 1.00 EUR',
  'top 2026-01 2026-01 team crm|D-1 booked|1 earning 100.00 → 1.00 EUR',
  'top 2026-01 2026-01 team crm|D-1 booked|2 earning 50.00 → 0.50 EUR',
];

describe('a deal of two lines with two upline levels', () => {
  it('makes one credit and three earnings, and publishes the lines of each payee', async () => {
    const service = await start();
    await service.send([...TEAM, PUBLISHED]);
    await service.idle();
    const before = await service.store.head();
    await service.send([dealInput(dealOf('D-1'))]);
    await service.idle();
    expect(await service.ledger()).toEqual(FIRST_DEAL);
    expect(await service.store.head()).toBe(before + 4n);
    expect(await service.verify()).toMatchObject({ differences: [], differenceCount: 0 });
  });

  it('changes nothing when it arrives again', async () => {
    const service = await start();
    await service.send([...TEAM, PUBLISHED, dealInput(dealOf('D-1'))]);
    await service.idle();
    const before = await service.store.head();
    await service.send([dealInput(dealOf('D-1')), ...TEAM, PUBLISHED, dealInput(dealOf('D-1'))]);
    await service.idle();
    expect(await service.store.head()).toBe(before);
  });
});

describe('the order of arrival', () => {
  it('makes no difference between partners, plan and deal', async () => {
    for (const order of [
      [dealInput(dealOf('D-1')), ...TEAM, PUBLISHED],
      [PUBLISHED, dealInput(dealOf('D-1')), ...TEAM.toReversed()],
      [...TEAM, dealInput(dealOf('D-1')), PUBLISHED],
    ]) {
      const service = await start();
      for (const one of order) {
        await service.send([one]);
        await service.idle();
      }
      expect(await service.ledger()).toEqual(FIRST_DEAL);
    }
  });

  it('makes no difference between a return and its deal', async () => {
    const service = await start();
    const { terms: _, bookedAt: __, ...bare } = dealOf('D-1');
    const returns = [{ id: 'R1', at: '2026-02-03T10:00:00Z' }];
    await service.send([...TEAM, PUBLISHED, dealInput({ ...bare, returns })]);
    await service.idle();
    expect(await service.ledger()).toEqual([]);
    expect(await service.list('source', '/pending-deals')).toEqual([
      expect.objectContaining({ deal: 'crm|D-1', code: 'TermsMissing' }),
    ]);
    await service.send([dealInput(dealOf('D-1', { returns }), 1)]);
    await service.idle();
    expect(await service.ledger()).toContain(
      'anna 2026-02 2026-02 hardware crm|D-1 return:R1|1 clawback -100.00 → -4.00 EUR',
    );
    expect(await service.list('source', '/pending-deals')).toEqual([]);
  });

  it('makes no difference between revisions of a partner: the newest counts', async () => {
    const service = await start();
    const left = partnerOf('anna', { upline: null });
    await service.send([
      ...TEAM.slice(0, 2),
      PUBLISHED,
      { kind: 'partner', partner: left, revision: 5 },
      ...TEAM.slice(2),
      dealInput(dealOf('D-1')),
    ]);
    await service.idle();
    expect(await service.ledger()).toEqual(FIRST_DEAL.slice(0, 2));
  });
});

describe('a fact corrected for the past', () => {
  it('moves the lines of one upline to another', async () => {
    const service = await start();
    await service.send([...TEAM, PUBLISHED, dealInput(dealOf('D-1'))]);
    await service.idle();
    await service.send([{ kind: 'partner', partner: partnerOf('anna', { upline: 'top' }), revision: 1 }]);
    await service.idle();
    expect(await service.ledger()).toEqual([
      ...FIRST_DEAL.slice(0, 2),
      'top 2026-01 2026-01 team crm|D-1 booked|1 earning 100.00 → 2.00 EUR',
      'top 2026-01 2026-01 team crm|D-1 booked|2 earning 50.00 → 1.00 EUR',
    ]);
  });

  it('that withdraws an agreement, a tier or an upline takes back what was earned by it', async () => {
    const service = await start();
    await service.send([...TEAM, PUBLISHED, dealInput(dealOf('D-1'))]);
    await service.idle();
    await service.close('2026-01');
    const anna = partnerOf('anna', { upline: null });
    await service.send([
      { kind: 'partner', partner: { ...anna, agreements: [], tiers: [], uplines: [] }, revision: 1 },
    ]);
    await service.idle();
    const after = await service.ledger();
    const minor = (line: string): number => Math.round(Number(/→ (-?[0-9.]+) EUR/.exec(line)?.[1]) * 100);
    expect(after.filter((line) => line.includes('2026-02 2026-01')).length).toBeGreaterThan(0);
    expect(after.reduce((sum, line) => sum + minor(line), 0)).toBe(0);
    expect(await service.list('operator', '/pending-deals')).toMatchObject([{ code: 'AgreementMissing' }]);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('without consequence for a deal adds no event to it', async () => {
    const service = await start();
    await service.send([...TEAM, PUBLISHED, dealInput(dealOf('D-1'))]);
    await service.idle();
    const before = await service.store.head();
    await service.send([
      { kind: 'partner', partner: { ...partnerOf('anna', { upline: 'middle' }), name: 'Anna' }, revision: 1 },
    ]);
    await service.idle();
    expect(await service.store.head()).toBe(before + 1n);
  });

  it('by the withdrawal of a deal leaves the ledger as if the deal had never been sent', async () => {
    const { terms: _, bookedAt: __, ...withdrawn } = dealOf('D-2');
    const service = await start();
    await service.send([...TEAM, PUBLISHED, dealInput(dealOf('D-1')), dealInput(dealOf('D-2'))]);
    await service.idle();
    await service.send([dealInput(withdrawn, 1)]);
    await service.idle();
    expect(await service.ledger()).toEqual(FIRST_DEAL);
  });

  it('by the withdrawal of a deal of a closed period is taken back in the open one', async () => {
    const { terms: _, bookedAt: __, ...withdrawn } = dealOf('D-2');
    const service = await start();
    await service.send([...TEAM, PUBLISHED, dealInput(dealOf('D-1')), dealInput(dealOf('D-2'))]);
    await service.idle();
    const before = await service.ledger();
    await service.close('2026-01');
    await service.send([dealInput(withdrawn, 1)]);
    await service.idle();
    const after = await service.ledger();
    const reversed = before
      .filter((line) => line.includes('crm|D-2'))
      .map((line) => line.replace(' 2026-01 ', ' 2026-02 ').replace(/earning (.+) → (.+)$/, 'adjustment -$1 → -$2'));
    expect(after).toEqual([...before, ...reversed].sort());
    await service.close('2026-02');
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('in a closed period is posted in the open one, with the closed one as its origin', async () => {
    const service = await start();
    await service.send([...TEAM, PUBLISHED, dealInput(dealOf('D-1'))]);
    await service.idle();
    await service.close('2026-01');
    await service.send([{ kind: 'partner', partner: partnerOf('anna', { upline: null }), revision: 1 }]);
    await service.idle();
    expect(await service.ledger()).toEqual(
      [
        ...FIRST_DEAL,
        'middle 2026-02 2026-01 team crm|D-1 booked|1 adjustment -100.00 → -2.00 EUR',
        'middle 2026-02 2026-01 team crm|D-1 booked|2 adjustment -50.00 → -1.00 EUR',
        'top 2026-02 2026-01 team crm|D-1 booked|1 adjustment -100.00 → -1.00 EUR',
        'top 2026-02 2026-01 team crm|D-1 booked|2 adjustment -50.00 → -0.50 EUR',
      ].sort(),
    );
    expect(await service.verify()).toMatchObject({ differences: [] });
  });
});

describe('a closing', () => {
  it('lists every stream with count and hash of its lines', async () => {
    const service = await start();
    await service.send([...TEAM, PUBLISHED, dealInput(dealOf('D-1')), dealInput(dealOf('D-2', { seller: 'bert' }))]);
    // Not idle yet: the closing includes everything sent before it.
    await service.close('2026-01');
    await service.idle();
    const { manifests, earnings } = await service.published();
    expect(manifests).toHaveLength(1);
    expect(manifests[0]).toMatchObject({ calendar: CALENDAR, period: '2026-01', page: 1, pages: 1 });
    expect(manifests[0]?.entries.map(({ stream, lines, minimum }) => [stream, lines, minimum])).toEqual([
      ['earning-anna|resellers', 2, '10.00'],
      ['earning-bert|resellers', 2, '10.00'],
      ['earning-middle|resellers', 4, '10.00'],
      ['earning-top|resellers', 4, '10.00'],
    ]);
    for (const { payee, hash } of manifests[0]?.entries ?? [])
      expect(ledgerLinesHash([...earnings.values()].flatMap((one) => (one.payee === payee ? one.lines : [])))).toBe(
        hash,
      );
  });

  it('of a period without lines has a manifest of one empty page', async () => {
    const service = await start();
    await service.send([...TEAM, PUBLISHED]);
    await service.close('2026-01');
    await service.idle();
    expect((await service.published()).manifests).toEqual([
      { calendar: CALENDAR, period: '2026-01', closing: 1, page: 1, pages: 1, entries: [] },
    ]);
  });

  it('runs in order, and refuses what is not a period', async () => {
    const service = await start();
    await service.send([...TEAM, PUBLISHED, dealInput(dealOf('D-1'))]);
    await service.idle();
    const close = (calendar: string, period: string) => service.beginClosing(period, calendar);
    expect(await close(CALENDAR, '2026-02')).toMatchObject({ status: 409, body: { code: 'EarlierPeriodOpen' } });
    expect(await close(CALENDAR, '2026-13')).toMatchObject({ status: 422, body: { code: 'PeriodInvalid' } });
    expect(await close('weekly@Mars', '2026-01')).toMatchObject({ status: 422, body: { code: 'PeriodInvalid' } });
    await service.close('2026-01');
    expect(await close(CALENDAR, '2026-03')).toMatchObject({ status: 409, body: { code: 'EarlierPeriodOpen' } });
    expect(await close(CALENDAR, '2026-01')).toMatchObject({ status: 409, body: { code: 'PeriodClosed' } });
    await service.idle();
    expect(await service.list('finance', '/periods')).toMatchObject([
      {
        calendar: CALENDAR,
        period: '2026-01',
        state: 'closed',
        closedBy: 'test-finance',
        confirmedBy: 'test-approver',
      },
    ]);
  });
});

describe('a plan', () => {
  const draft = (service: Service, text: string | object) => service.call('plan-designer', 'POST', '/plans', text);
  const january = async (): Promise<Service> => {
    const service = await start();
    await service.send([...TEAM, PUBLISHED, dealInput(dealOf('D-1'))]);
    await service.idle();
    await service.close('2026-01');
    return service;
  };

  it('is drafted, approved, published and superseded; every version can be read', async () => {
    const service = await start();
    expect(await draft(service, PLAN)).toMatchObject({
      status: 201,
      body: { plan: 'resellers', version: 1, isNew: true, state: 'draft', findings: [] },
    });
    expect(await draft(service, PLAN)).toMatchObject({ status: 201, body: { version: 1, isNew: false } });
    await service.send([PUBLISHED]);
    await service.publish(PLAN.replace('4 %', '400 %'), '2026-04-01');
    await draft(service, PLAN.replace('4 %', '5 %'));
    const plans = await service.list<PlanSummary>('finance', '/plans');
    expect(plans).toMatchObject([
      {
        plan: 'resellers',
        calendar: CALENDAR,
        versions: [
          {
            version: 1,
            state: 'superseded',
            drafted: { by: 'test-plan-designer' },
            approved: { by: 'test-approver' },
            published: { by: 'test-approver', effectiveFrom: '2026-01-01' },
          },
          { version: 2, state: 'published', findings: [{ code: 'RateAboveWhole' }, { code: 'RateFallsWithSales' }] },
          { version: 3, state: 'draft' },
        ],
      },
    ]);
    expect((await service.call('finance', 'GET', '/plans/resellers')).body).toEqual(plans[0]);
    expect((await service.call('finance', 'GET', '/plans/resellers/versions/3')).body).toMatchObject({
      ...plans[0]?.versions[2],
      plan: 'resellers',
      document: { plan: 'resellers' },
    });
    for (const path of ['/plans/none', '/plans/none/versions/1', '/plans/resellers/versions/4'])
      expect((await service.call('finance', 'GET', path)).status).toBe(404);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('takes two people, each with the right role', async () => {
    const service = await start();
    await draft(service, PLAN);
    const path = '/plans/resellers/versions/1';
    const both = async (url: string, body?: object) => {
      const answer = await service.application.inject({
        method: 'POST',
        url,
        headers: {
          authorization: `Bearer ${await mintToken({
            dataDirectory: service.directory,
            subject: 'test-plan-designer',
            roles: ['plan-designer', 'approver'],
          })}`,
        },
        ...(body === undefined ? {} : { payload: body }),
      });
      return { status: answer.statusCode, code: (JSON.parse(answer.body) as { readonly code: string }).code };
    };
    expect(await both(`${path}/approve`)).toEqual({ status: 403, code: 'SecondPersonNeeded' });
    expect(await service.refusal('plan-designer', 'POST', `${path}/approve`)).toBe('RoleMissing');
    expect(await service.call('approver', 'POST', `${path}/publish`, { effectiveFrom: '2026-01-01' })).toMatchObject({
      status: 409,
      body: { code: 'PlanVersionNotApproved' },
    });
    expect((await service.call('approver', 'POST', `${path}/approve`)).status).toBe(200);
    expect(await both(`${path}/publish`, { effectiveFrom: '2026-01-01' })).toEqual({
      status: 403,
      code: 'SecondPersonNeeded',
    });
  });

  it('is accepted as YAML, as JSON, or as JSON with its text: the same version', async () => {
    const service = await start();
    const json = documentOf(PLAN);
    for (const body of [PLAN, json, { document: PLAN }, { document: JSON.stringify(json) }])
      expect(await draft(service, body)).toMatchObject({ status: 201, body: { version: 1 } });
    expect(await draft(service, { document: PLAN, effectiveFrom: '2026-01-01' })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'effectiveFrom' }] },
    });
    expect((await draft(service, '')).status).toBe(422);
  });

  it('with errors is refused with path, line and column, in YAML and in JSON', async () => {
    const service = await start();
    const broken = PLAN.replace('4 %', '4 $');
    expect(await draft(service, broken)).toMatchObject({
      status: 422,
      body: {
        code: 'PlanInvalid',
        errors: [{ field: 'document/components/0/rate/marginal/0/pay', line: 13, column: 33 }],
      },
    });
    expect(await draft(service, { ...documentOf(PLAN), currency: 'XXY' })).toMatchObject({
      status: 422,
      body: { code: 'PlanInvalid', errors: [{ field: 'document/currency', line: 1 }] },
    });
    expect((await service.call<PlanLint>('plan-designer', 'POST', '/plans/lint', broken)).body.findings).toHaveLength(
      1,
    );
    await service.send([PUBLISHED]);
    expect(await draft(service, PLAN.replace('EUR', 'USD'))).toMatchObject({
      status: 409,
      body: { code: 'PlanVersionRefused' },
    });
  });

  it('does not change the terms of a closed period', async () => {
    const service = await january();
    const before = await service.published();
    const other = PLAN.replace('2.9 %', '3.9 %');
    expect(await service.publish(other, '2026-01-01')).toMatchObject({
      status: 409,
      body: { code: 'PlanPeriodClosed', errors: [{ field: 'effectiveFrom' }] },
    });
    await service.publish(other, '2026-02-01');
    const late = dealOf('D-2', { bookedAt: '2026-01-20T10:00:00Z' });
    await service.send([dealInput(late), dealInput(dealOf('D-3', { bookedAt: '2026-02-20T10:00:00Z' }))]);
    await service.idle();
    const ledger = await service.ledger();
    expect(ledger).toEqual(expect.arrayContaining(FIRST_DEAL));
    // Each deal by the version in force on its day: the late one by that of January.
    expect(ledger.filter((line) => line.startsWith('anna 2026-02') && line.includes(' service '))).toEqual([
      'anna 2026-02 2026-01 service crm|D-2 booked|2 adjustment 50.00 → 1.45 EUR',
      'anna 2026-02 2026-02 service crm|D-3 booked|2 earning 50.00 → 1.95 EUR',
    ]);
    expect((await service.published()).manifests).toEqual(before.manifests);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('that arrives after the closing of a period with its pending deals is posted in the open period', async () => {
    const service = await start();
    const other = PLAN.replace('plan: resellers', 'plan: other');
    await service.send([
      ...TEAM,
      { kind: 'plan', document: other, effectiveFrom: '2026-01-01' },
      dealInput(dealOf('D-1')),
    ]);
    await service.idle();
    await service.close('2026-01', CALENDAR, 'the plan is late');
    await service.send([PUBLISHED]);
    await service.idle();
    expect(await service.ledger()).toContain(
      'anna 2026-02 2026-01 hardware crm|D-1 booked|1 adjustment 100.00 → 4.00 EUR',
    );
  });

  it('ends with its last day: later deals earn nothing, with the reason', async () => {
    const service = await january();
    const end = (lastDay: string) => service.call('plan-designer', 'POST', '/plans/resellers/end', { lastDay });
    expect(await end('2026-01-30')).toMatchObject({ status: 409, body: { code: 'PlanPeriodClosed' } });
    expect(await end('2026-02-15')).toMatchObject({ status: 200, body: { ended: { lastDay: '2026-02-15' } } });
    await service.send([
      dealInput(dealOf('D-2', { bookedAt: '2026-02-15T22:59:59Z' })),
      dealInput(dealOf('D-3', { bookedAt: '2026-02-15T23:00:00Z' })),
    ]);
    await service.idle();
    expect((await service.ledger()).filter((line) => line.includes(' 2026-02 '))).toHaveLength(6);
    expect(await service.list('operator', '/pending-deals')).toEqual([]);
    expect(await service.list('operator', '/uncredited-deals')).toMatchObject([
      { deal: 'crm|D-3', code: 'PlanEnded', message: 'the plan resellers ended on 2026-02-15' },
    ]);
    // Ended earlier, it reverses what it paid after the new last day.
    await end('2026-01-31');
    await service.idle();
    expect(await service.ledger()).toEqual(FIRST_DEAL);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });
});

describe('deals that earn nothing', () => {
  it('are listed each with its reason', async () => {
    const service = await start();
    const quarterly = PLAN.replace(/ {2}- id: service[^]*$/, '').replace('plan: resellers', 'plan: quarterly');
    const withPartners = (id: string, partners: readonly DealPartner[]): Deal => {
      const deal = dealOf(id);
      return { ...deal, ...(deal.terms === undefined ? {} : { terms: { ...deal.terms, partners } }) };
    };
    const { terms: _, bookedAt: __, ...withdrawn } = dealOf('D-withdrawn');
    const { bookedAt: ___, ...invoiced } = dealOf('D-invoiced', {
      invoices: [{ id: 'I', at: '2026-01-12T10:00:00Z' }],
    });
    await service.send([
      { kind: 'partner', partner: partnerOf('anna'), revision: 0 },
      { kind: 'partner', partner: partnerOf('bert', { until: '2026-01-05' }), revision: 0 },
      { kind: 'partner', partner: partnerOf('carl', { plans: [] }), revision: 0 },
      { kind: 'partner', partner: partnerOf('dora', { plans: ['quarterly'] }), revision: 0 },
      { kind: 'partner', partner: partnerOf('emil', { plans: ['unpublished'] }), revision: 0 },
      PUBLISHED,
      { kind: 'plan', document: quarterly, effectiveFrom: '2026-01-05' },
      dealInput(dealOf('D-agreement-ended', { seller: 'bert' })),
      dealInput(dealOf('D-agreement-missing', { seller: 'carl' })),
      dealInput(dealOf('D-cancelled', { cancelledAt: '2026-01-11T10:00:00Z', seller: 'nobody' })),
      dealInput(dealOf('D-conditions', { lines: [{ id: '1', category: 'books', net: '1.00' }] })),
      dealInput(invoiced),
      dealInput(withPartners('D-nobody', [])),
      dealInput(dealOf('D-plan-missing', { seller: 'emil' })),
      dealInput(dealOf('D-window', { seller: 'dora' })),
      dealInput(withdrawn),
    ]);
    await service.idle();
    const listed = (await service.list('finance', '/uncredited-deals')) as {
      readonly deal: string;
      readonly code: string;
    }[];
    expect(listed.map(({ deal, code }) => [deal, code])).toEqual([
      ['crm|D-agreement-ended', 'NotCovered'],
      ['crm|D-agreement-missing', 'Pending'],
      ['crm|D-cancelled', 'Cancelled'],
      ['crm|D-conditions', 'ConditionsNotMet'],
      ['crm|D-invoiced', 'NotTriggered'],
      ['crm|D-nobody', 'NoPartners'],
      ['crm|D-plan-missing', 'Pending'],
      ['crm|D-window', 'WindowNotBegun'],
      ['crm|D-withdrawn', 'Withdrawn'],
    ]);
    const pending = (await service.list('operator', '/pending-deals')) as {
      readonly deal: string;
      readonly code: string;
    }[];
    expect(pending.map(({ deal, code }) => [deal, code])).toEqual([
      ['crm|D-agreement-missing', 'AgreementMissing'],
      ['crm|D-plan-missing', 'PlanMissing'],
    ]);
  });
});

describe('the API', () => {
  it('has roles on every route', async () => {
    expect(routesWithoutRoles((await start()).application)).toEqual([]);
  });

  it('lists earnings, to partners only their own, and explains a line down to its source', async () => {
    const service = await start();
    await service.send([
      ...TEAM,
      PUBLISHED,
      dealInput(dealOf('D-1')),
      dealInput(dealOf('D-2', { net: ['950.00', '1.00'], registrations: [registered('anna'), registered('rival')] })),
    ]);
    await service.idle();
    expect(await service.list('finance', '/earnings?limit=200')).toHaveLength(12);
    const page = await service.call<Page<EarningListed>>(
      'finance',
      'GET',
      '/earnings?payee=anna&plan=resellers&period=2026-01&limit=3',
    );
    expect(page.body.items).toHaveLength(3);
    expect(await service.list('finance', `/earnings?payee=anna&limit=3&cursor=${page.body.next}`)).toHaveLength(1);
    expect(await service.list('partner', '/earnings', 'middle')).toHaveLength(4);
    expect((await service.call('partner', 'GET', '/earnings?payee=anna', undefined, 'middle')).status).toBe(403);

    const query = new URLSearchParams({
      payee: 'anna',
      plan: 'resellers',
      component: 'hardware',
      deal: 'crm|D-2',
      line: 'booked|1',
    });
    const { body } = await service.call<ExplanationAnswer>('auditor', 'GET', `/earnings/explain?${query.toString()}`);
    expect(body.posted).toMatchObject([{ amount: '39.00' }]);
    expect(body.text.join('\n')).toContain('in version 1 from 2026-01-01');
    expect(body.text.join('\n')).toContain('tier 2: 50.00 × 0.06 = 3');
    expect(body.text.join('\n')).toContain('Source: deal D-2 of crm, line 1: hardware net 950.00 EUR');
    const own = await service.call<ExplanationAnswer>(
      'partner',
      'GET',
      `/earnings/explain?${query.toString()}`,
      undefined,
      'anna',
    );
    expect(own.body.posted).toEqual(body.posted);
    expect(JSON.stringify(body)).toContain('partner:top');
    expect(JSON.stringify(own.body)).not.toContain('partner:top');
    expect(JSON.stringify(body)).toContain('rival');
    expect(JSON.stringify(own.body)).not.toContain('rival');
    expect(own.body.source?.deal.registrations).toEqual([registered('anna')]);
    expect(
      (await service.call('partner', 'GET', `/earnings/explain?${query.toString()}`, undefined, 'bert')).status,
    ).toBe(403);
    query.set('line', 'booked|9');
    expect((await service.call('auditor', 'GET', `/earnings/explain?${query.toString()}`)).status).toBe(404);
  });

  it('explains the rate that converted a deal, and its earnings in the deal’s currency', async () => {
    const service = await start();
    const inEuros = dealOf('D-1', { net: ['1000.00', '1.00'] });
    const terms = {
      ...inEuros.terms,
      currency: 'USD',
      lines: inEuros.terms?.lines ?? [],
      partners: inEuros.terms?.partners ?? [],
    };
    const rate = { base: 'EUR', quote: 'USD', date: '2026-01-09', rate: '1.25', source: 'ecb' };
    expect((await service.call('source', 'POST', '/exchange-rates', rate)).status).toBe(201);
    await service.send([...TEAM, PUBLISHED, dealInput({ ...inEuros, terms })]);
    await service.idle();
    const query = new URLSearchParams({
      payee: 'anna',
      plan: 'resellers',
      component: 'hardware',
      deal: 'crm|D-1',
      line: 'booked|1',
    });
    const { body } = await service.call<ExplanationAnswer>('auditor', 'GET', `/earnings/explain?${query.toString()}`);
    expect(body.posted).toMatchObject([
      { amount: '32.00', exchanged: [{ amount: '40.00', currency: 'USD', of: '32.00' }] },
    ]);
    expect(body.text[0]).toContain('; 32.00 EUR of it are worth 40.00 USD at the rate of the deal');
    expect(body.text.join('\n')).toContain(
      "converted from 1000.00 USD at 0.8 EUR for one USD: rate of ecb of 2026-01-09, for the trigger's day",
    );
  });

  it('lists pending deals with the reason', async () => {
    const service = await start();
    await service.send([
      { kind: 'partner', partner: partnerOf('anna', { plans: [] }), revision: 0 },
      { kind: 'partner', partner: partnerOf('bert', { plans: ['nowhere'] }), revision: 0 },
      dealInput(dealOf('D-1')),
      dealInput(dealOf('D-2', { seller: 'bert' })),
      dealInput(dealOf('D-3', { seller: 'carl' })),
    ]);
    await service.idle();
    expect(
      (await service.list<PendingDeal>('operator', '/pending-deals')).map((one) => [one.deal, one.code, one.subject]),
    ).toEqual([
      ['crm|D-1', 'AgreementMissing', 'partner:anna'],
      ['crm|D-2', 'PlanMissing', 'plan:nowhere'],
      ['crm|D-3', 'PartnerMissing', 'partner:carl'],
    ]);
  });
});
