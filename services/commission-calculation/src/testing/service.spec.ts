import { afterEach, describe, expect, it } from '@jest/globals';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { routesWithoutRoles } from '@tantieme/service-kit/access/route-roles';
import { documentOf } from './world.fixture.js';
import { CALENDAR, dealOf, partnerOf, PLAN, Service } from './service.fixture.js';
import type { Arrival } from './service.fixture.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.end();
});

async function start(): Promise<Service> {
  const service = await Service.start();
  services.push(service);
  return service;
}

const TEAM: readonly Arrival[] = [
  { kind: 'partner', partner: partnerOf('top'), revision: 0 },
  { kind: 'partner', partner: partnerOf('middle', { upline: 'top' }), revision: 0 },
  { kind: 'partner', partner: partnerOf('anna', { upline: 'middle' }), revision: 0 },
  { kind: 'partner', partner: partnerOf('bert', { upline: 'middle' }), revision: 0 },
];
const PUBLISHED: Arrival = { kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' };
const arrival = (deal: ReturnType<typeof dealOf>, revision = 0): Arrival => ({ kind: 'deal', deal, revision });

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
  it('is one credit and three earned, and every payee is told its lines', async () => {
    const service = await start();
    await service.arrive([...TEAM, PUBLISHED]);
    await service.settled();
    const before = await service.store.head();
    await service.arrive([arrival(dealOf('D-1'))]);
    await service.settled();
    expect(await service.ledger()).toEqual(FIRST_DEAL);
    expect(await service.store.head()).toBe(before + 4n);
    expect(await service.verify()).toMatchObject({ differences: [], differenceCount: 0 });
  });

  it('changes nothing when it comes again', async () => {
    const service = await start();
    await service.arrive([...TEAM, PUBLISHED, arrival(dealOf('D-1'))]);
    await service.settled();
    const before = await service.store.head();
    await service.arrive([arrival(dealOf('D-1')), ...TEAM, PUBLISHED, arrival(dealOf('D-1'))]);
    await service.settled();
    expect(await service.store.head()).toBe(before);
  });
});

describe('the order of arrival', () => {
  it('does not matter between partners, plan and deal', async () => {
    for (const order of [
      [arrival(dealOf('D-1')), ...TEAM, PUBLISHED],
      [PUBLISHED, arrival(dealOf('D-1')), ...TEAM.toReversed()],
      [...TEAM, arrival(dealOf('D-1')), PUBLISHED],
    ]) {
      const service = await start();
      for (const one of order) {
        await service.arrive([one]);
        await service.settled();
      }
      expect(await service.ledger()).toEqual(FIRST_DEAL);
    }
  });

  it('does not matter between a return and its deal', async () => {
    const service = await start();
    const { terms: _, bookedAt: __, ...bare } = dealOf('D-1');
    const returns = [{ id: 'R1', at: '2026-02-03T10:00:00Z' }];
    await service.arrive([...TEAM, PUBLISHED, arrival({ ...bare, returns })]);
    await service.settled();
    expect(await service.ledger()).toEqual([]);
    expect((await service.call('source', 'GET', '/credits/waiting')).body.items).toEqual([
      expect.objectContaining({ deal: 'crm|D-1', code: 'TermsMissing' }),
    ]);
    await service.arrive([arrival(dealOf('D-1', { returns }), 1)]);
    await service.settled();
    expect(await service.ledger()).toContain(
      'anna 2026-02 2026-02 hardware crm|D-1 return:R1|1 clawback -100.00 → -4.00 EUR',
    );
    expect((await service.call('source', 'GET', '/credits/waiting')).body.items).toEqual([]);
  });

  it('does not matter between revisions of a partner: the newest counts', async () => {
    const service = await start();
    const left = partnerOf('anna', { upline: null });
    await service.arrive([
      ...TEAM.slice(0, 2),
      PUBLISHED,
      { kind: 'partner', partner: left, revision: 5 },
      ...TEAM.slice(2),
      arrival(dealOf('D-1')),
    ]);
    await service.settled();
    expect(await service.ledger()).toEqual(FIRST_DEAL.slice(0, 2));
  });
});

describe('a fact corrected backwards', () => {
  it('takes an upline its lines and gives them to another', async () => {
    const service = await start();
    await service.arrive([...TEAM, PUBLISHED, arrival(dealOf('D-1'))]);
    await service.settled();
    await service.arrive([{ kind: 'partner', partner: partnerOf('anna', { upline: 'top' }), revision: 1 }]);
    await service.settled();
    expect(await service.ledger()).toEqual([
      ...FIRST_DEAL.slice(0, 2),
      'top 2026-01 2026-01 team crm|D-1 booked|1 earning 100.00 → 2.00 EUR',
      'top 2026-01 2026-01 team crm|D-1 booked|2 earning 50.00 → 1.00 EUR',
    ]);
  });

  it('of no consequence for a deal adds no event to it', async () => {
    const service = await start();
    await service.arrive([...TEAM, PUBLISHED, arrival(dealOf('D-1'))]);
    await service.settled();
    const before = await service.store.head();
    await service.arrive([
      { kind: 'partner', partner: { ...partnerOf('anna', { upline: 'middle' }), name: 'Anna' }, revision: 1 },
    ]);
    await service.settled();
    expect(await service.store.head()).toBe(before + 1n);
  });

  it('in a closed period is posted in the open one, and belongs to the closed one', async () => {
    const service = await start();
    await service.arrive([...TEAM, PUBLISHED, arrival(dealOf('D-1'))]);
    await service.settled();
    await service.close('2026-01');
    await service.arrive([{ kind: 'partner', partner: partnerOf('anna', { upline: null }), revision: 1 }]);
    await service.settled();
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
  it('names every stream with its lines, count and hash', async () => {
    const service = await start();
    await service.arrive([...TEAM, PUBLISHED, arrival(dealOf('D-1')), arrival(dealOf('D-2', { seller: 'bert' }))]);
    // Not settled: what came before the closing is in it.
    await service.close('2026-01');
    await service.settled();
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

  it('of a period without lines is one empty page', async () => {
    const service = await start();
    await service.arrive([...TEAM, PUBLISHED]);
    await service.close('2026-01');
    await service.settled();
    expect((await service.published()).manifests).toEqual([
      { calendar: CALENDAR, period: '2026-01', page: 1, pages: 1, entries: [] },
    ]);
  });

  it('goes in order, and knows what is no period', async () => {
    const service = await start();
    await service.arrive([...TEAM, PUBLISHED, arrival(dealOf('D-1'))]);
    await service.settled();
    const close = (calendar: string, period: string) =>
      service.call('operator', 'POST', `/periods/${encodeURIComponent(calendar)}/${period}/close`, {});
    expect(await close(CALENDAR, '2026-02')).toMatchObject({ status: 409, body: { code: 'EarlierPeriodOpen' } });
    expect(await close(CALENDAR, '2026-13')).toMatchObject({ status: 422, body: { code: 'PeriodInvalid' } });
    expect(await close('weekly@Mars', '2026-01')).toMatchObject({ status: 422, body: { code: 'PeriodInvalid' } });
    await service.close('2026-01');
    expect(await close(CALENDAR, '2026-03')).toMatchObject({ status: 409, body: { code: 'EarlierPeriodOpen' } });
    expect(await close(CALENDAR, '2026-01')).toMatchObject({ status: 202, body: { state: 'closed' } });
    await service.settled();
    expect((await service.call('finance', 'GET', '/periods')).body.items).toMatchObject([
      { calendar: CALENDAR, period: '2026-01', state: 'closed', closedBy: 'test-operator' },
    ]);
  });
});

describe('a plan', () => {
  const draft = (service: Service, text: string | object) => service.call('plan-designer', 'POST', '/plans', text);
  const january = async (): Promise<Service> => {
    const service = await start();
    await service.arrive([...TEAM, PUBLISHED, arrival(dealOf('D-1'))]);
    await service.settled();
    await service.close('2026-01');
    return service;
  };

  it('is drafted, approved, published and superseded, and every version can be read', async () => {
    const service = await start();
    expect(await draft(service, PLAN)).toMatchObject({
      status: 201,
      body: { plan: 'resellers', version: 1, isNew: true, state: 'draft', findings: [] },
    });
    expect(await draft(service, PLAN)).toMatchObject({ status: 201, body: { version: 1, isNew: false } });
    await service.arrive([PUBLISHED]);
    await service.publish(PLAN.replace('4 %', '400 %'), '2026-04-01');
    await draft(service, PLAN.replace('4 %', '5 %'));
    const { body } = await service.call('finance', 'GET', '/plans');
    expect(body.items).toMatchObject([
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
    expect((await service.call('finance', 'GET', '/plans/resellers')).body).toEqual(body.items[0]);
    expect((await service.call('finance', 'GET', '/plans/resellers/versions/3')).body).toMatchObject({
      ...body.items[0].versions[2],
      plan: 'resellers',
      document: { plan: 'resellers' },
    });
    for (const path of ['/plans/none', '/plans/none/versions/1', '/plans/resellers/versions/4'])
      expect((await service.call('finance', 'GET', path)).status).toBe(404);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('takes two people, each with the role for it', async () => {
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
      return { status: answer.statusCode, code: JSON.parse(answer.body).code };
    };
    expect(await both(`${path}/approve`)).toEqual({ status: 403, code: 'SecondPersonNeeded' });
    expect((await service.call('plan-designer', 'POST', `${path}/approve`)).body.code).toBe('RoleMissing');
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

  it('is taken as YAML, as JSON, or as JSON that holds its text: the same version', async () => {
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

  it('that is none is refused with path, line and column, in YAML and in JSON', async () => {
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
    expect((await service.call('plan-designer', 'POST', '/plans/lint', broken)).body.findings).toHaveLength(1);
    await service.arrive([PUBLISHED]);
    expect(await draft(service, PLAN.replace('EUR', 'USD'))).toMatchObject({
      status: 409,
      body: { code: 'PlanVersionRefused' },
    });
  });

  it('does not change what a closed period was paid by', async () => {
    const service = await january();
    const before = await service.published();
    const other = PLAN.replace('2.9 %', '3.9 %');
    expect(await service.publish(other, '2026-01-01')).toMatchObject({
      status: 409,
      body: { code: 'PlanPeriodClosed', errors: [{ field: 'effectiveFrom' }] },
    });
    await service.publish(other, '2026-02-01');
    const late = dealOf('D-2', { bookedAt: '2026-01-20T10:00:00Z' });
    await service.arrive([arrival(late), arrival(dealOf('D-3', { bookedAt: '2026-02-20T10:00:00Z' }))]);
    await service.settled();
    const ledger = await service.ledger();
    expect(ledger).toEqual(expect.arrayContaining(FIRST_DEAL));
    // Each by what was in force on its day: the late one by the version of January.
    expect(ledger.filter((line) => line.startsWith('anna 2026-02') && line.includes(' service '))).toEqual([
      'anna 2026-02 2026-01 service crm|D-2 booked|2 adjustment 50.00 → 1.45 EUR',
      'anna 2026-02 2026-02 service crm|D-3 booked|2 earning 50.00 → 1.95 EUR',
    ]);
    expect((await service.published()).manifests).toEqual(before.manifests);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('that comes when the period is closed in which its deals were waiting for it is posted in the open one', async () => {
    const service = await start();
    await service.arrive([...TEAM, arrival(dealOf('D-1'))]);
    await service.settled();
    await service.close('2026-01', CALENDAR, 'the plan is late');
    await service.arrive([PUBLISHED]);
    await service.settled();
    expect(await service.ledger()).toContain(
      'anna 2026-02 2026-01 hardware crm|D-1 booked|1 adjustment 100.00 → 4.00 EUR',
    );
  });

  it('ends with its last day: what comes after it waits and says so', async () => {
    const service = await january();
    const end = (lastDay: string) => service.call('plan-designer', 'POST', '/plans/resellers/end', { lastDay });
    expect(await end('2026-01-30')).toMatchObject({ status: 409, body: { code: 'PlanPeriodClosed' } });
    expect(await end('2026-02-15')).toMatchObject({ status: 200, body: { ended: { lastDay: '2026-02-15' } } });
    await service.arrive([
      arrival(dealOf('D-2', { bookedAt: '2026-02-15T22:59:59Z' })),
      arrival(dealOf('D-3', { bookedAt: '2026-02-15T23:00:00Z' })),
    ]);
    await service.settled();
    expect((await service.ledger()).filter((line) => line.includes(' 2026-02 '))).toHaveLength(6);
    expect((await service.call('operator', 'GET', '/credits/waiting')).body.items).toMatchObject([
      { deal: 'crm|D-3', code: 'PlanNotInForce', message: 'the plan resellers ended on 2026-02-15' },
    ]);
    // Ended earlier, it takes back what it paid for the days that it no longer has.
    await end('2026-01-31');
    await service.settled();
    expect(await service.ledger()).toEqual(FIRST_DEAL);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });
});

describe('the API', () => {
  it('names roles on every route', async () => {
    expect(routesWithoutRoles((await start()).application)).toEqual([]);
  });

  it('lists earnings, a partner only its own, and explains a line down to its source', async () => {
    const service = await start();
    await service.arrive([
      ...TEAM,
      PUBLISHED,
      arrival(dealOf('D-1')),
      arrival(dealOf('D-2', { net: ['950.00', '1.00'], registrations: [registered('anna'), registered('rival')] })),
    ]);
    await service.settled();
    expect((await service.call('finance', 'GET', '/earnings?limit=200')).body.items).toHaveLength(12);
    const page = await service.call('finance', 'GET', '/earnings?payee=anna&plan=resellers&period=2026-01&limit=3');
    expect(page.body.items).toHaveLength(3);
    expect(
      (await service.call('finance', 'GET', `/earnings?payee=anna&limit=3&cursor=${page.body.next}`)).body.items,
    ).toHaveLength(1);
    expect((await service.call('partner', 'GET', '/earnings', undefined, 'middle')).body.items).toHaveLength(4);
    expect((await service.call('partner', 'GET', '/earnings?payee=anna', undefined, 'middle')).status).toBe(403);

    const query = new URLSearchParams({
      payee: 'anna',
      plan: 'resellers',
      component: 'hardware',
      deal: 'crm|D-2',
      line: 'booked|1',
    });
    const { body } = await service.call('auditor', 'GET', `/earnings/explain?${query}`);
    expect(body.posted).toMatchObject([{ amount: '39.00' }]);
    expect(body.text.join('\n')).toContain('in version 1 from 2026-01-01');
    expect(body.text.join('\n')).toContain('tier 2: 50.00 × 0.06 = 3');
    expect(body.text.join('\n')).toContain('Source: deal D-2 of crm, line 1: hardware net 950.00 EUR');
    const own = await service.call('partner', 'GET', `/earnings/explain?${query}`, undefined, 'anna');
    expect(own.body.posted).toEqual(body.posted);
    expect(JSON.stringify(body)).toContain('partner:top');
    expect(JSON.stringify(own.body)).not.toContain('partner:top');
    expect(JSON.stringify(body)).toContain('rival');
    expect(JSON.stringify(own.body)).not.toContain('rival');
    expect(own.body.source.deal.registrations).toEqual([registered('anna')]);
    expect((await service.call('partner', 'GET', `/earnings/explain?${query}`, undefined, 'bert')).status).toBe(403);
    query.set('line', 'booked|9');
    expect((await service.call('auditor', 'GET', `/earnings/explain?${query}`)).status).toBe(404);
  });

  it('explains by which rate a deal was converted, and what its earning is worth in its currency', async () => {
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
    await service.arrive([...TEAM, PUBLISHED, arrival({ ...inEuros, terms })]);
    await service.settled();
    const query = new URLSearchParams({
      payee: 'anna',
      plan: 'resellers',
      component: 'hardware',
      deal: 'crm|D-1',
      line: 'booked|1',
    });
    const { body } = await service.call('auditor', 'GET', `/earnings/explain?${query}`);
    expect(body.posted).toMatchObject([
      { amount: '32.00', exchanged: [{ amount: '40.00', currency: 'USD', of: '32.00' }] },
    ]);
    expect(body.text[0]).toContain('; 32.00 EUR of it are worth 40.00 USD at the rate of the deal');
    expect(body.text.join('\n')).toContain(
      "converted from 1000.00 USD at 0.8 EUR for one USD: rate of ecb of 2026-01-09, for the trigger's day",
    );
  });

  it('tells what deals wait for', async () => {
    const service = await start();
    await service.arrive([
      { kind: 'partner', partner: partnerOf('anna', { plans: [] }), revision: 0 },
      { kind: 'partner', partner: partnerOf('bert', { plans: ['nowhere'] }), revision: 0 },
      arrival(dealOf('D-1')),
      arrival(dealOf('D-2', { seller: 'bert' })),
      arrival(dealOf('D-3', { seller: 'carl' })),
    ]);
    await service.settled();
    expect(
      (await service.call('operator', 'GET', '/credits/waiting')).body.items.map(
        (one: { deal: string; code: string; subject: string }) => [one.deal, one.code, one.subject],
      ),
    ).toEqual([
      ['crm|D-1', 'AgreementMissing', 'partner:anna'],
      ['crm|D-2', 'PlanMissing', 'plan:nowhere'],
      ['crm|D-3', 'PartnerMissing', 'partner:carl'],
    ]);
  });
});
