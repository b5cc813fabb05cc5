import { join } from 'node:path';

import { afterEach, describe, expect, it } from '@jest/globals';
import { verifyLog } from '@tantieme/audit/verify';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import type { Statement } from '@tantieme/contracts/payout';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { routesWithoutRoles } from '@tantieme/service-kit/access/route-roles';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { Problem } from '@tantieme/service-kit/http/problem';

import { CALENDAR, earning, entryOf, lineOf, manifest, payment, PayoutsApplication } from './http.fixture.js';
import type { TopicMessage } from './http.fixture.js';
import type { Balance } from '../balance/balance.dto.js';
import type { Payment } from '../payment/payment.dto.js';
import type { Payout } from '../payout/payout.dto.js';
import type { ListedStatement, StatementPage } from '../statement/statement.dto.js';
import { replayables } from '../replayables.js';

const running: PayoutsApplication[] = [];
afterEach(async () => {
  for (const service of running.splice(0)) await service.end();
});

async function start(): Promise<PayoutsApplication> {
  const service = await PayoutsApplication.start();
  running.push(service);
  return service;
}

async function restart(service: PayoutsApplication): Promise<PayoutsApplication> {
  running.splice(running.indexOf(service), 1);
  const again = await service.restart();
  running.push(again);
  return again;
}

const idOf = (payee: string, period: string, currency = 'EUR'): string =>
  encodeURIComponent(`${payee}|${currency}|${CALENDAR}|${period}`);

/** A month of several payees; each deal is published twice, the second time with other lines. */
function month(period: string): readonly TopicMessage[] {
  const messages: TopicMessage[] = [];
  const entries = [];
  for (let payee = 0; payee < 7; payee += 1) {
    const lines: LedgerLine[] = [];
    for (let deal = 0; deal < 5; deal += 1) {
      const id = `crm|${period}-${payee}-${deal}`;
      const parts = [
        { period, amount: `${payee + deal}.50` },
        { period, line: 'booked|2', amount: `-${payee}.25` },
      ];
      messages.push(earning(`P${payee}`, id, deal * 2, [{ period, amount: '999.00' }]));
      messages.push(earning(`P${payee}`, id, deal * 2 + 1, parts));
      lines.push(...parts.map((one) => lineOf(id, one)));
    }
    entries.push(entryOf(`P${payee}`, lines));
  }
  return [
    ...messages,
    manifest('/commission-calculation', period, entries.slice(0, 4), [1, 2]),
    manifest('/commission-calculation', period, entries.slice(4), [2, 2]),
    manifest('/rewards', period, []),
  ];
}

function shuffled<Item>(items: readonly Item[], seed: number): readonly Item[] {
  let state = seed;
  const next = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648);
  return items
    .map((item) => ({ item, at: next() }))
    .sort((left, right) => left.at - right.at)
    .map(({ item }) => item);
}

async function payouts(service: PayoutsApplication): Promise<readonly Payout[]> {
  return (await service.json<Page<Payout>>('GET', '/payouts')).items;
}

async function exported(service: PayoutsApplication, period: string): Promise<string> {
  const query = `calendar=${encodeURIComponent(CALENDAR)}&period=${period}`;
  return (await service.call('GET', `/statements/export?${query}`)).text;
}

describe('the routes', () => {
  it('accept the periods of any calendar', async () => {
    const service = await start();
    const statusOf = async (calendar: string, period: string): Promise<number> =>
      (await service.call('GET', `/statements?calendar=${encodeURIComponent(calendar)}&period=${period}`)).status;
    expect(await statusOf('weekly.2026-01-11@America/New_York', '2026-W53')).toBe(200);
    expect(await statusOf('semi-annual.FY04-06@Europe/London', 'FY2026-H1')).toBe(200);
    expect(await statusOf('monthly.FY02-01.4-4-5@Europe/Paris', 'FY2026-P03')).toBe(200);
    expect(await statusOf('monthly', '2026-03')).toBe(422);
    expect(await statusOf(CALENDAR, '2026-X3')).toBe(422);
  });

  it('all name their roles', async () => {
    expect(routesWithoutRoles((await start()).application)).toEqual([]);
  });
});

describe('a closed period', () => {
  it('has statements with the same bytes for every order of arrival, with duplicates', async () => {
    const documents: string[] = [];
    for (const seed of [0, 1, 2]) {
      const service = await start();
      const inOrder = month('2026-01');
      await service.publish(seed === 0 ? inOrder : shuffled([...inOrder, ...inOrder.slice(0, 30)], seed));
      await service.issued('2026-01');
      documents.push(await exported(service, '2026-01'));
    }
    expect(documents[0]?.trim().split('\n').length).toBe(7);
    expect(new Set(documents).size).toBe(1);
  });

  it('can be read whole, page by page, and as canonical bytes', async () => {
    const service = await start();
    await service.publish(month('2026-01'));
    await service.issued('2026-01');
    const list = await service.json<Page<ListedStatement>>('GET', '/statements?period=2026-01&limit=3');
    expect(list.items.map(({ payee }) => payee)).toEqual(['P0', 'P1', 'P2']);
    const rest = await service.json<Page<ListedStatement>>('GET', `/statements?period=2026-01&cursor=${list.next}`);
    expect(rest.items.length).toBe(4);
    const document = await service.call('GET', `/statements/${idOf('P3', '2026-01')}/document`);
    expect(document.headers['content-type']).toContain('application/json');
    const statement = JSON.parse(document.text) as Statement;
    const paged = await service.json<StatementPage>('GET', `/statements/${idOf('P3', '2026-01')}?limit=6`);
    const after = await service.json<StatementPage>(
      'GET',
      `/statements/${idOf('P3', '2026-01')}?limit=6&cursor=${paged.next}`,
    );
    expect([...paged.lines, ...after.lines]).toEqual(statement.lines);
    expect(after.next).toBeUndefined();
    expect(paged).toMatchObject({ total: statement.total, lineCount: 10, hash: statement.hash });
    expect((await exported(service, '2026-01')).split('\n')[3]).toBe(document.text);
  });

  it('answers 404 for an unknown statement', async () => {
    const service = await start();
    expect((await service.call('GET', `/statements/${idOf('P3', '2026-01')}`)).status).toBe(404);
    expect((await service.call('POST', `/statements/${idOf('P3', '2026-01')}/approve`, 'approver')).status).toBe(404);
    expect((await service.call('GET', '/statements/nothing')).status).toBe(404);
  });

  it('is issued after a restart at any point', async () => {
    const inOrder = month('2026-01');
    let service = await start();
    for (let from = 0; from < inOrder.length; from += 20) {
      await service.publish(inOrder.slice(from, from + 20));
      service = await restart(service);
    }
    await service.issued('2026-01');
    const whole = await exported(service, '2026-01');
    const other = await start();
    await other.publish(inOrder);
    await other.issued('2026-01');
    expect(whole).toBe(await exported(other, '2026-01'));
  });

  it('waits for the period before', async () => {
    const service = await start();
    await service.publish(month('2026-02'));
    const january = month('2026-01');
    await service.publish(january.slice(0, -1));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await service.statementRun('2026-02')).state).toBe('issuing');
    await service.publish(january.slice(-1));
    await service.issued('2026-02');
    expect((await service.json<Page<ListedStatement>>('GET', '/statements?limit=200')).items.length).toBe(14);
  });

  it('replays without a difference', async () => {
    const service = await start();
    await service.publish(month('2026-01'));
    await service.issued('2026-01');
    await service.call('POST', '/statements/approve', 'approver', { body: { calendar: CALENDAR, period: '2026-01' } });
    await service.application.close();
    const store = openSqliteEventStore(join(service.directory, 'events.sqlite'));
    const { differences, decisions } = await verifyLog({ store, replayables: await replayables(store) });
    await store.close();
    expect(differences).toEqual([]);
    expect(decisions).toBeGreaterThan(80);
  });
});

describe('the balance', () => {
  it('carries a negative amount: KRW −1,323,000, then 1,890,000, pays 567,000 (semantics: ga)', async () => {
    const service = await start();
    for (const [period, amount] of [
      ['2026-01', '-1323000'],
      ['2026-02', '1890000'],
    ] as const) {
      const parts = { period, basis: '0', amount };
      await service.publish([
        earning('P1', `crm|${period}`, Number(period.slice(-1)), [parts], 'KRW'),
        manifest('/commission-calculation', period, [
          entryOf('P1', [lineOf(`crm|${period}`, parts)], { currency: 'KRW' }),
        ]),
        manifest('/rewards', period, []),
      ]);
      await service.issued(period);
    }
    const { items } = await service.json<Page<ListedStatement>>('GET', '/statements?payee=P1');
    expect(items).toMatchObject([
      { opening: '0', total: '-1323000', payable: '0', carried: '-1323000' },
      { opening: '-1323000', total: '1890000', payable: '567000', carried: '0' },
    ]);
    await service.call('POST', '/statements/approve', 'approver', { body: { calendar: CALENDAR, period: '2026-01' } });
    await service.call('POST', '/statements/approve', 'approver', { body: { calendar: CALENDAR, period: '2026-02' } });
    const due = (await service.published(3)).filter(({ type }) => type === 'tantieme.payout-due.v1');
    expect(due.map(({ data }) => data)).toEqual([
      {
        id: `payout|P1|KRW|${CALENDAR}|2026-02`,
        statement: `P1|KRW|${CALENDAR}|2026-02`,
        payee: 'P1',
        currency: 'KRW',
        period: '2026-02',
        amount: '567000',
        approvedBy: 'approver-1',
      },
    ]);
  });

  it('and all payouts sum to the lines of all statements', async () => {
    const service = await start();
    await service.publish([...month('2026-01'), ...month('2026-02')]);
    await service.issued('2026-02');
    for (const period of ['2026-01', '2026-02'])
      await service.call('POST', '/statements/approve', 'approver', { body: { calendar: CALENDAR, period } });
    const cents = (texts: readonly string[]): bigint =>
      texts.reduce((sum, text) => sum + BigInt(text.replace('.', '')), 0n);
    await service.published(14);
    let payouts: Payout[] = [];
    for (let waitedMs = 0; waitedMs < 5000; waitedMs += 20) {
      const feed = await service.call('GET', '/payouts', 'finance', { accept: 'application/x-ndjson' });
      payouts = feed.text
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => JSON.parse(text) as Payout);
      if (payouts.length >= 14) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const lines = `${await exported(service, '2026-01')}${await exported(service, '2026-02')}`
      .trim()
      .split('\n')
      .flatMap((text) => (JSON.parse(text) as Statement).lines.map(({ amount }) => amount));
    const balances = (await service.json<Page<Balance>>('GET', '/balances?limit=200')).items;
    expect(cents(lines)).toBe(
      cents(payouts.map(({ amount }) => amount)) + cents(balances.map(({ carried }) => carried)),
    );
    const first = await service.json<Page<Payout>>('GET', '/payouts?limit=5');
    const second = await service.json<Page<Payout>>('GET', `/payouts?limit=200&cursor=${first.next}`);
    expect([...first.items, ...second.items]).toEqual(payouts);
  });
});

describe('approval', () => {
  it('of a period counts every statement once, and is refused before all are issued', async () => {
    const service = await start();
    const body = { calendar: CALENDAR, period: '2026-01' };
    expect((await service.call('POST', '/statements/approve', 'approver', { body })).status).toBe(409);
    await service.publish(month('2026-01'));
    await service.issued('2026-01');
    expect(await service.json('POST', `/statements/${idOf('P3', '2026-01')}/approve`, 'approver')).toMatchObject({
      approvedBy: 'approver-1',
      isNew: true,
    });
    expect(await service.json('POST', '/statements/approve', 'approver', { body })).toMatchObject({
      statements: 7,
      approved: 6,
    });
    expect(await service.json('POST', '/statements/approve', 'approver', { body })).toMatchObject({ approved: 0 });
  });

  it('is for approvers', async () => {
    const service = await start();
    expect((await service.call('POST', `/statements/${idOf('P3', '2026-01')}/approve`, 'finance')).status).toBe(403);
  });
});

describe('a payment', () => {
  const exchanged = [{ amount: '100.00', currency: 'EUR', of: '110.00' }];
  const body = {
    payout: `payout|P1|USD|${CALENDAR}|2026-01`,
    state: 'settled',
    on: '2026-02-10',
    amount: '110.00',
    currency: 'USD',
    exchange: { base: 'EUR', quote: 'USD', rate: '1.05', source: 'bank' },
  };
  const difference = { currency: 'EUR', accrued: '100.00', paid: '104.76', difference: '4.76', of: '110.00' };

  /** A payout of USD 110.00, earned as 10 % of a deal of EUR 1,000 at 1.10 USD per EUR. */
  async function due(): Promise<PayoutsApplication> {
    const service = await start();
    const parts = { amount: '110.00', basis: '1100.00', exchanged };
    await service.publish([
      earning('P1', 'crm|D-1', 0, [parts], 'USD'),
      manifest('/commission-calculation', '2026-01', [entryOf('P1', [lineOf('crm|D-1', parts)], { currency: 'USD' })]),
      manifest('/rewards', '2026-01', []),
    ]);
    await service.issued('2026-01');
    await service.call('POST', '/statements/approve', 'approver', { body: { calendar: CALENDAR, period: '2026-01' } });
    return service;
  }

  it('gives the exchange difference, over HTTP and in the published message', async () => {
    const service = await due();
    const first = await service.call('POST', '/payments', 'finance', { body });
    expect([first.status, JSON.parse(first.text) as unknown]).toEqual([
      201,
      {
        outcome: 'accepted',
        payment: { ...body, statement: `P1|USD|${CALENDAR}|2026-01`, payee: 'P1', period: '2026-01', difference },
      },
    ]);
    const again = await service.call('POST', '/payments', 'finance', { body });
    expect([again.status, (JSON.parse(again.text) as { outcome: string }).outcome]).toEqual([200, 'repeated']);
    const [, released, recorded] = await service.published(3);
    expect(released).toMatchObject({ type: 'tantieme.payout-due.v1', data: { amount: '110.00', exchanged } });
    expect(recorded).toMatchObject({ type: 'tantieme.payment-recorded.v1', data: { ...body, difference } });
    await service.until(async () => (await payouts(service))[0]?.payment !== undefined);
    expect(await payouts(service)).toMatchObject([
      { id: body.payout, exchanged, payment: { state: 'settled', difference } },
    ]);
    expect(await service.json('GET', `/statements/${idOf('P1', '2026-01', 'USD')}`)).toMatchObject({
      exchanged,
      lines: [{ exchanged }],
    });
    await service.application.close();
    const store = openSqliteEventStore(join(service.directory, 'events.sqlite'));
    const { differences } = await verifyLog({ store, replayables: await replayables(store) });
    await store.close();
    expect(differences).toEqual([]);
  });

  it('arrives from the broker as well; a refused one is parked', async () => {
    const service = await due();
    await service.publish([
      payment({ payout: body.payout, state: 'failed', on: '2026-02-09', reason: 'account closed' }),
      payment({ payout: 'payout|P9|USD|x|2026-01', state: 'failed', on: '2026-02-09', reason: 'account closed' }),
      payment({ payout: 'cheque 12', state: 'failed', on: '2026-02-09', reason: 'account closed' }),
      payment({ ...body, state: 'settled', revision: 1 }),
    ]);
    await service.until(async () => (await payouts(service))[0]?.payment?.state === 'settled');
    expect((await payouts(service))[0]?.payment).toMatchObject({ revision: 1, difference });
    expect((await service.parked(2)).toSorted()).toEqual([
      'PayoutUnknown: there is no payout cheque 12; GET /payouts lists the ids of all payouts',
      'PayoutUnknown: there is no payout payout|P9|USD|x|2026-01; GET /payouts lists the ids of all payouts',
    ]);
  });

  it('is refused with the wrong field, and from anybody but finance', async () => {
    const service = await due();
    const refused = async (over: object) => {
      const { status, text } = await service.call('POST', '/payments', 'finance', { body: { ...body, ...over } });
      const { code, errors } = JSON.parse(text) as Problem;
      return [status, code, errors?.[0]?.field];
    };
    expect(await refused({ amount: '109.00' })).toEqual([422, 'PaymentInvalid', 'amount']);
    expect(await refused({ exchange: { ...body.exchange, rate: 1.05 } })).toEqual([
      422,
      'PaymentInvalid',
      'exchange.rate',
    ]);
    expect(await refused({ on: 'today' })).toEqual([422, 'PaymentInvalid', 'on']);
    expect(await refused({ payout: 'cheque 12' })).toEqual([404, 'PayoutUnknown', undefined]);
    expect((await service.call('POST', '/payments', 'approver', { body })).status).toBe(403);
    expect((await service.call('POST', '/payments', 'finance', { body })).status).toBe(201);
    expect(await refused({ on: '2026-02-11' })).toEqual([409, 'PaymentConflict', undefined]);
  });
});

describe('the lists', () => {
  it('filter and sort statements', async () => {
    const service = await start();
    await service.publish([...month('2026-01'), ...month('2026-02')]);
    await service.issued('2026-02');
    await service.call('POST', `/statements/${idOf('P3', '2026-01')}/approve`, 'approver');
    const payees = async (query: string): Promise<readonly string[]> => {
      const { items } = await service.json<Page<ListedStatement>>('GET', `/statements?${query}`);
      return items.map(({ payee, period }) => `${payee} ${period}`);
    };
    await service.until(async () => (await payees('state=approved')).length === 1);
    expect(await payees('state=approved')).toEqual(['P3 2026-01']);
    expect((await payees('state=issued')).length).toBe(13);
    expect(await payees(`text=${encodeURIComponent('p5 2026-02')}`)).toEqual(['P5 2026-02']);
    expect(await payees(`text=${encodeURIComponent('p_ %')}`)).toEqual([]);
    expect((await payees('sort=payee')).slice(0, 3)).toEqual(['P0 2026-01', 'P0 2026-02', 'P1 2026-01']);
    const amounts: number[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const url = `/statements?sort=-payable&limit=4${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page: Page<ListedStatement> = await service.json('GET', url);
      amounts.push(...page.items.map(({ payable }) => Number(payable)));
      cursor = page.next;
    }
    expect(amounts.length).toBe(14);
    expect(amounts).toEqual(amounts.toSorted((left, right) => right - left));
    const { next } = await service.json<Page<ListedStatement>>('GET', '/statements?limit=4');
    const mixed = await service.call('GET', `/statements?limit=4&sort=payee&cursor=${next}`);
    expect([mixed.status, (JSON.parse(mixed.text) as Problem).code]).toEqual([422, 'CursorInvalid']);
    expect((await service.call('GET', '/statements?sort=amount')).status).toBe(422);
  });

  it('filter payouts and payments by state, period and payee', async () => {
    const service = await start();
    await service.publish(month('2026-01'));
    await service.issued('2026-01');
    await service.call('POST', '/statements/approve', 'approver', { body: { calendar: CALENDAR, period: '2026-01' } });
    const ids = async (query: string): Promise<readonly string[]> =>
      (await service.json<Page<Payout>>('GET', `/payouts?${query}`)).items.map(({ payee }) => payee);
    await service.until(async () => (await ids('state=due')).length === 7);
    const { id, amount } = (await service.json<Page<Payout>>('GET', '/payouts?payee=P3')).items[0] ?? {};
    const failed = { payout: id, state: 'failed', on: '2026-02-09', reason: 'account closed' };
    const settled = { payout: id, state: 'settled', on: '2026-02-10', amount, currency: 'EUR', revision: 1 };
    await service.call('POST', '/payments', 'finance', { body: failed });
    await service.until(async () => (await ids('state=failed')).length === 1);
    await service.call('POST', '/payments', 'finance', { body: settled });
    await service.until(async () => (await ids('state=settled')).length === 1);
    expect(await ids('state=settled&period=2026-01&currency=EUR')).toEqual(['P3']);
    expect((await ids('state=due')).length).toBe(6);
    expect(await ids('period=2026-02')).toEqual([]);
    const payments = async (query: string): Promise<readonly string[]> =>
      (await service.json<Page<Payment>>('GET', `/payments?${query}`)).items.map(({ state }) => state);
    expect(await payments('payee=P3')).toEqual(['failed', 'settled']);
    expect(await payments('state=failed')).toEqual(['failed']);
    expect(await payments('payee=P4')).toEqual([]);
    expect((await service.json<Page<unknown>>('GET', '/statement-runs?state=issued')).items.length).toBe(1);
    expect((await service.json<Page<unknown>>('GET', '/statement-runs?state=issuing')).items.length).toBe(0);
    expect((await service.json<Page<unknown>>('GET', '/balances?payee=P3&currency=EUR')).items.length).toBe(1);
  });
});

describe('a partner', () => {
  it('sees its own statements and balances only', async () => {
    const service = await start();
    await service.publish(month('2026-01'));
    await service.issued('2026-01');
    const own = { partner: 'P3' };
    const { items } = await service.json<Page<ListedStatement>>('GET', '/statements', 'partner', own);
    expect(items.map(({ payee }) => payee)).toEqual(['P3']);
    expect((await service.call('GET', `/statements/${idOf('P3', '2026-01')}`, 'partner', own)).status).toBe(200);
    expect((await service.call('GET', `/statements/${idOf('P4', '2026-01')}`, 'partner', own)).status).toBe(403);
    expect((await service.call('GET', `/statements/${idOf('P4', '2026-01')}/document`, 'partner', own)).status).toBe(
      403,
    );
    expect((await service.call('GET', '/statements?payee=P4', 'partner', own)).status).toBe(403);
    expect((await service.json<Page<Balance>>('GET', '/balances', 'partner', own)).items.length).toBe(1);
    expect((await service.call('GET', '/payouts', 'partner', own)).status).toBe(403);
    const query = `calendar=${encodeURIComponent(CALENDAR)}&period=2026-01`;
    const exportOfOwn = await service.call('GET', `/statements/export?${query}`, 'partner', own);
    expect(exportOfOwn.text.trim().split('\n').length).toBe(1);
  });
});
