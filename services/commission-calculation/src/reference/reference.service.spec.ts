import { afterEach, describe, expect, it } from '@jest/globals';
import { encode } from '@tantieme/contracts/envelope';
import type { MessageData } from '@tantieme/contracts/envelope';
import type { ExchangeRate, Quota } from '@tantieme/contracts/reference';
import { TOPICS } from '@tantieme/contracts/topics';
import { parkedIn } from '@tantieme/event-sourcing/testing/parked.fixture';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import type { DependencyTables } from '../credit/deal-dependencies.service.js';
import { CREDITS_TOPIC } from '../credit/credit.events-out.js';
import { decodeInternalMessage } from '../earning/earning.consumer.js';
import type { BatchLine } from './reference.commands.js';
import type { ReferenceKind } from './reference-recorder.service.js';
import { dealOf, partnerOf, PLAN, Service, shuffled } from '../testing/service.fixture.js';
import type { ServiceInput } from '../testing/service.fixture.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.end();
});

async function start(): Promise<Service> {
  const service = await Service.start();
  services.push(service);
  return service;
}

const rate = (date: string, text: string, more: Partial<ExchangeRate> = {}): ExchangeRate => ({
  base: 'EUR',
  quote: 'USD',
  date,
  rate: text,
  source: 'ecb',
  ...more,
});

const quota = (from: string, amount: string, more: Partial<Quota> = {}): Quota => ({
  payee: 'anna',
  plan: 'resellers',
  component: 'hardware',
  from,
  amount,
  revision: 1,
  ...more,
});

async function batch(service: Service, path: string, contentType: string, payload: string) {
  const token = await mintToken({ dataDirectory: service.directory, subject: 'treasury', roles: ['source'] });
  const answer = await service.application.inject({
    method: 'POST',
    url: path,
    headers: { authorization: `Bearer ${token}`, 'content-type': contentType },
    payload,
  });
  const lines = answer.body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as BatchLine);
  return { status: answer.statusCode, lines, result: lines.at(-1) };
}

async function publish<Kind extends ReferenceKind>(
  service: Service,
  kind: Kind,
  facts: readonly MessageData[Kind][],
): Promise<void> {
  await service.broker.publish(
    TOPICS.referencesInbound,
    facts.map((fact, index) => {
      const attributes = {
        id: `${kind}-${index}`,
        time: '2026-03-10T08:00:00Z',
        source: '/treasury',
        subject: kind,
        key: kind,
        correlationId: 'c',
        actor: 'service:treasury',
      };
      return { key: kind, value: encode(kind, attributes, fact) };
    }),
  );
}

const rates = async (service: Service, query = ''): Promise<readonly ExchangeRate[]> => {
  await service.idle();
  return await service.list('finance', `/exchange-rates?limit=200${query}`);
};

describe('an exchange rate over HTTP', () => {
  it('answers 201 for a new rate, 200 for a repeated one, and 409 for another rate of the same identity', async () => {
    const service = await start();
    const fact = rate('2026-03-05', '1.10');
    expect(await service.call('source', 'POST', '/exchange-rates', fact)).toMatchObject({
      status: 201,
      body: { outcome: 'accepted', fact: { ...fact, rate: '1.1' } },
    });
    expect(await service.call('operator', 'POST', '/exchange-rates', { ...fact, rate: '1.1' })).toMatchObject({
      status: 200,
      body: { outcome: 'repeated' },
    });
    expect(await service.call('source', 'POST', '/exchange-rates', { ...fact, rate: '1.2' })).toMatchObject({
      status: 409,
      body: { code: 'FactConflict', errors: [{ field: 'rate', reason: 'is recorded as 1.1, not 1.2' }] },
    });
    expect((await service.call('finance', 'POST', '/exchange-rates', fact)).status).toBe(403);
  });

  it('answers 422 with the invalid field', async () => {
    const service = await start();
    for (const [field, over] of Object.entries({
      base: { base: 'XXY' },
      quote: { quote: 'usd' },
      rate: { rate: 1.1 },
      date: { date: 'today' },
      colour: { colour: 'red' },
    }))
      expect(
        await service.call('source', 'POST', '/exchange-rates', { ...rate('2026-03-05', '1.1'), ...over }),
      ).toMatchObject({ status: 422, body: { code: 'FactInvalid', errors: [{ field }] } });
    expect(await service.call('source', 'POST', '/exchange-rates', { ...rate('2026-03-05', '0') })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'rate', reason: '0 is not greater than zero' }] },
    });
    // What it converts would not fit into a message.
    const huge = rate('2026-03-05', '999999999999999999');
    expect(await service.call('source', 'POST', '/exchange-rates', huge)).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'rate', reason: expect.stringContaining('at most 999,999,999') }] },
    });
  });

  it('may arrive in a batch, as NDJSON or as CSV, and is listed by pair', async () => {
    const service = await start();
    const facts = [rate('2026-03-05', '1.1'), rate('2026-03-06', '1.2'), rate('2026-03-05', '150', { quote: 'JPY' })];
    const ndjson = [...facts.map((fact) => JSON.stringify(fact)), 'no json', '{"base":"EUR"}'].join('\n');
    expect(await batch(service, '/exchange-rates/batch', 'application/x-ndjson', ndjson)).toMatchObject({
      status: 200,
      lines: [
        { type: 'refused', fact: 4 },
        {
          type: 'refused',
          fact: 5,
          code: 'FactInvalid',
          errors: ['rate', 'quote', 'date', 'source'].map((field) => ({ field, reason: 'is missing' })),
        },
        { type: 'result', facts: 5, accepted: 3, repeated: 0, conflicts: 0, refused: 2 },
      ],
    });
    const csv = `base,quote,date,rate,source,revision
EUR,USD,2026-03-05,1.1,ecb,
EUR,USD,2026-03-06,1.25,ecb,
EUR,USD,2026-03-06,1.25,ecb,1
`;
    expect((await batch(service, '/exchange-rates/batch', 'text/csv', `\ufeff${csv}`)).lines).toMatchObject([
      { type: 'conflict', fact: 2, code: 'FactConflict', errors: [{ field: 'rate' }] },
      { type: 'result', facts: 3, accepted: 1, repeated: 1, conflicts: 1, refused: 0 },
    ]);
    expect(await rates(service, '&base=EUR&quote=USD')).toEqual([
      facts[0],
      facts[1],
      rate('2026-03-06', '1.25', { revision: 1 }),
    ]);
    const page = await service.call<Page<ExchangeRate>>('auditor', 'GET', '/exchange-rates?limit=3');
    expect(page.body.items).toHaveLength(3);
    const next = await service.call('auditor', 'GET', `/exchange-rates?limit=3&cursor=${page.body.next}`);
    expect(next.body).toEqual({ items: [rate('2026-03-06', '1.25', { revision: 1 })] });
    expect((await service.call('auditor', 'GET', '/exchange-rates?base=euro')).status).toBe(422);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('is not guessed from a broken file', async () => {
    const service = await start();
    const header = 'base,quote,date,rate,source\n';
    const short = await batch(
      service,
      '/exchange-rates/batch?file=ecb.csv',
      'text/csv',
      `${header}EUR,USD,2026-03-05,1.1,ecb\nEUR,USD\n`,
    );
    expect(short.lines).toMatchObject([
      { type: 'refused', file: 'ecb.csv', fact: 2, row: 3, errors: [{ reason: 'has 2 cells where the header has 5' }] },
      { type: 'result', facts: 2, accepted: 1, refused: 1 },
    ]);
    const open = await batch(service, '/exchange-rates/batch', 'text/csv', `${header}"EUR,USD,2026-03-05,1.1,ecb\n`);
    expect(open.result).toMatchObject({ type: 'error', code: 'FileUnreadable' });
    expect(await service.refusal('source', 'POST', '/exchange-rates/batch', {})).toBe('BodyNotStreamed');
  });

  it('may be written as a locale writes it, and is refused by cell', async () => {
    const service = await start();
    const csv =
      'base;quote;date;rate;source\nEUR;USD;5.3.2026;1,0812;ecb\nEUR;JPY;31.2.2026;1.5;ecb\nEUR;CHF;5.3.2026;-1;ecb\n';
    const mapping = encodeURIComponent(JSON.stringify({ locale: 'de-DE', delimiter: ';' }));
    expect((await batch(service, `/exchange-rates/batch?mapping=${mapping}`, 'text/csv', csv)).lines).toMatchObject([
      {
        type: 'refused',
        row: 3,
        code: 'FactInvalid',
        errors: [
          { row: 3, column: 'date', cell: '31.2.2026' },
          { row: 3, column: 'rate', cell: '1.5' },
        ],
      },
      { type: 'refused', row: 4, errors: [{ field: 'rate', row: 4, column: 'rate', cell: '-1' }] },
      { type: 'result', facts: 3, accepted: 1, refused: 2 },
    ]);
    expect(await rates(service)).toEqual([rate('2026-03-05', '1.0812')]);
  });

  it('may be tried without an effect', async () => {
    const service = await start();
    const csv =
      'base,quote,date,rate,source\nEUR,USD,2026-03-05,1.1,ecb\nEUR,USD,2026-03-05,1.1,ecb\nEUR,USD,2026-03-05,1.2,ecb\n';
    const tried = await batch(service, '/exchange-rates/batch?dryRun=true', 'text/csv', csv);
    expect(tried.lines).toMatchObject([
      { type: 'conflict', fact: 3, row: 4, code: 'FactConflict', errors: [{ field: 'rate', cell: '1.2' }] },
      { type: 'result', dryRun: true, facts: 3, accepted: 1, repeated: 1, conflicts: 1, refused: 0 },
    ]);
    expect(await rates(service)).toEqual([]);
    expect((await batch(service, '/exchange-rates/batch', 'text/csv', csv)).result).toMatchObject({ accepted: 1 });
    expect((await batch(service, '/exchange-rates/batch?dryRun=true', 'text/csv', csv)).result).toMatchObject({
      accepted: 0,
      repeated: 2,
    });
  });
});

describe('exchange rates over the broker', () => {
  it('end in the same facts in any order, with duplicates; a conflict is parked with its reason', async () => {
    const facts = [rate('2026-03-05', '1.1'), rate('2026-03-06', '1.2'), rate('2026-03-06', '1.3', { revision: 2 })];
    const listed = [];
    for (const order of [facts, shuffled(facts, 7, 2)]) {
      const service = await start();
      await publish(service, 'exchange-rate', order);
      listed.push(await rates(service));
      expect((await service.store.readStream('reference-exchange-rate:EUR/USD')).length).toBe(3);
    }
    expect(listed[0]).toEqual(facts);
    expect(listed[1]).toEqual(facts);
    const [service] = services;
    if (service === undefined) throw new Error('no service was started');
    await publish(service, 'exchange-rate', [rate('2026-03-05', '1.9'), rate('2026-03-05', '1.9', { base: 'USD' })]);
    await service.idle();
    const parked = await parkedIn(service.store);
    expect(parked.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('FactConflict'),
      expect.stringContaining('quote is the same as base'),
    ]);
  });
});

describe('deals that need an exchange rate', () => {
  it('earn the same in any order of deals and rates, and are no longer pending in the end', async () => {
    const dollars = (id: string, bookedAt: string): ServiceInput => {
      const deal = dealOf(id, { bookedAt });
      if (deal.terms === undefined) throw new Error('the deal has no terms');
      return { kind: 'deal', deal: { ...deal, terms: { ...deal.terms, currency: 'USD' } }, revision: 0 };
    };
    const base: readonly ServiceInput[] = [
      { kind: 'partner', partner: partnerOf('anna'), revision: 0 },
      { kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' },
    ];
    const deals = [dollars('D-1', '2026-01-10T10:00:00Z'), dollars('D-2', '2026-01-12T10:00:00Z')];
    const published = [
      rate('2026-01-09', '1.25'),
      rate('2026-01-12', '1.6'),
      rate('2026-01-09', '2', { revision: 1 }),
      rate('2026-01-11', '0.8', { base: 'USD', quote: 'EUR' }),
    ];
    const [first, second] = [await start(), await start()];
    await first.send(base);
    await publish(first, 'exchange-rate', published);
    await first.idle();
    await first.send(deals);
    await first.idle();

    await second.send(deals);
    await second.send(base);
    await second.idle();
    expect(await second.list('operator', '/pending-deals')).toMatchObject([
      { deal: 'crm|D-1', code: 'ExchangeRateMissing', subject: 'exchange-rate:USD/EUR' },
      { deal: 'crm|D-2', code: 'ExchangeRateMissing' },
    ]);
    for (const one of shuffled(published, 3)) {
      await second.call('source', 'POST', '/exchange-rates', one);
      await second.idle();
    }
    for (const service of [first, second]) {
      expect(await service.list('operator', '/pending-deals')).toEqual([]);
      expect(await service.verify()).toMatchObject({ differences: [] });
    }
    const ledger = await first.ledger();
    expect(ledger).toEqual([
      'anna 2026-01 2026-01 hardware crm|D-1 booked|1 earning 50.00 → 2.00 EUR',
      'anna 2026-01 2026-01 hardware crm|D-2 booked|1 earning 62.50 → 2.50 EUR',
      'anna 2026-01 2026-01 service crm|D-1 booked|2 earning 25.00 → 0.73 EUR',
      'anna 2026-01 2026-01 service crm|D-2 booked|2 earning 31.25 → 0.91 EUR',
    ]);
    expect(await second.ledger()).toEqual(ledger);
  });

  it('are credited again where they looked up a day from its date to the next date, or an average over it', async () => {
    const service = await start();
    const db = service.application.get<Kysely<DependencyTables>>(DATABASE);
    const days = ['2026-03-04', '2026-03-05', '2026-03-08', '2026-03-09', '2026-04-01'];
    for (const date of ['2026-03-01', '2026-03-09'])
      await service.call('source', 'POST', '/exchange-rates', rate(date, '1.1'));
    await service.idle();
    // Rows as credits that looked up these days leave them.
    await db
      .insertInto('commission_deal_dependencies')
      .values(
        ['USD/EUR', 'EUR/USD', 'EUR/JPY'].flatMap((pair) =>
          [
            ...days.map((day) => `@${day}`),
            '~2025-03-05..2026-03-06',
            '~2026-03-01..2026-04-01',
            '~2026-02-01..2026-03-05',
            '~2026-03-06..2026-04-01',
          ].map((asked) => ({ key: `exchange-rate:${pair}${asked}`, deal: 'crm|D-1', revision: 1 })),
        ),
      )
      .execute();
    await service.call('source', 'POST', '/exchange-rates', rate('2026-03-05', '1.2'));
    await service.idle();
    const seen = await db
      .selectFrom('commission_deal_dependencies')
      .select('key')
      .where('revision', '=', 2)
      .orderBy('key')
      .execute();
    expect(seen.map(({ key }) => key)).toEqual(
      ['EUR/USD', 'USD/EUR'].flatMap((pair) =>
        ['@2026-03-05', '@2026-03-08', '~2025-03-05..2026-03-06', '~2026-03-01..2026-04-01'].map(
          (asked) => `exchange-rate:${pair}${asked}`,
        ),
      ),
    );
  });
});

describe('a withdrawn exchange rate', () => {
  it('is marked in the list, and the deals that it converted are credited again', async () => {
    const service = await start();
    const deal = dealOf('D-1', { bookedAt: '2026-01-10T10:00:00Z' });
    if (deal.terms === undefined) throw new Error('the deal has no terms');
    await service.send([
      { kind: 'partner', partner: partnerOf('anna'), revision: 0 },
      { kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' },
      { kind: 'deal', deal: { ...deal, terms: { ...deal.terms, currency: 'USD' } }, revision: 0 },
    ]);
    const [early, late] = [rate('2026-01-08', '2'), rate('2026-01-09', '1.25')];
    await service.call('source', 'POST', '/exchange-rates', early);
    await service.call('source', 'POST', '/exchange-rates', late);
    await service.idle();
    const before = await service.ledger();
    expect(await service.call('source', 'POST', '/exchange-rates', { ...late, withdrawn: true })).toMatchObject({
      status: 201,
      body: { outcome: 'accepted', fact: { withdrawn: true } },
    });
    expect(await rates(service)).toEqual([early, { ...late, withdrawn: true }]);
    expect(await service.ledger()).not.toEqual(before);
    await service.call('source', 'POST', '/exchange-rates', { ...early, withdrawn: true });
    await service.idle();
    expect(await service.list('operator', '/pending-deals')).toMatchObject([{ code: 'ExchangeRateMissing' }]);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('may come as the whole file again, which leaves what was replaced since', async () => {
    const service = await start();
    const csv =
      'base,quote,date,rate,source\nEUR,USD,2026-03-05,1.10,ecb\nEUR,USD,2026-03-06,1.20,ecb\nEUR,USD,2026-03-07,1.30,ecb\n';
    const send = (query: string) => batch(service, `/exchange-rates/batch?${query}`, 'text/csv', csv);
    expect((await send('')).result).toMatchObject({ accepted: 3 });
    await service.call('source', 'POST', '/exchange-rates', rate('2026-03-06', '1.25', { revision: 1 }));
    expect((await send('withdraw=true&dryRun=true')).result).toMatchObject({ dryRun: true, accepted: 2, refused: 1 });
    expect(await rates(service)).toHaveLength(4);
    expect((await send('withdraw=true')).lines).toMatchObject([
      {
        type: 'refused',
        row: 3,
        code: 'FactReplaced',
        errors: [{ field: 'revision', reason: 'is replaced by revision 1' }],
      },
      { type: 'result', accepted: 2, repeated: 0, refused: 1 },
    ]);
    expect(await rates(service)).toMatchObject([
      { date: '2026-03-05', withdrawn: true },
      rate('2026-03-06', '1.2'),
      { revision: 1, rate: '1.25' },
      { date: '2026-03-07', withdrawn: true },
    ]);
    expect((await send('withdraw=true')).result).toMatchObject({ accepted: 0, repeated: 2, refused: 1 });
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('may come in a file', async () => {
    const service = await start();
    const csv = (withdrawn: string) =>
      `base,quote,date,rate,source,withdrawn\nEUR,USD,2026-03-05,1.10,ecb,${withdrawn}\n`;
    expect((await batch(service, '/exchange-rates/batch', 'text/csv', csv(''))).result).toMatchObject({ accepted: 1 });
    expect((await batch(service, '/exchange-rates/batch', 'text/csv', csv('true'))).result).toMatchObject({
      accepted: 1,
    });
    expect(await rates(service)).toEqual([rate('2026-03-05', '1.1', { withdrawn: true } as object)]);
    expect((await batch(service, '/exchange-rates/batch', 'text/csv', csv('yes'))).lines[0]).toMatchObject({
      type: 'refused',
      errors: [{ field: 'withdrawn', reason: '"yes" is not true, false or empty' }],
    });
  });
});

describe('quotas', () => {
  it('that are withdrawn count no more, are marked in the list, and no longer warn of unknown names', async () => {
    const service = await start();
    const mistyped = quota('2026-01-01', '9000', { plan: 'reseler' });
    for (const fact of [quota('2026-01-01', '1'), quota('2026-01-01', '2', { revision: 2 }), mistyped])
      await service.call('plan-designer', 'POST', '/quotas', fact);
    await service.idle();
    const warnings = () => service.list('finance', '/warnings?plan=reseler');
    expect(await warnings()).not.toEqual([]);
    const { amount: _, ...withdrawal } = mistyped;
    expect(await service.call('plan-designer', 'POST', '/quotas', { ...withdrawal, withdrawn: true })).toMatchObject({
      status: 201,
      body: { warnings: [] },
    });
    await service.call('plan-designer', 'POST', '/quotas', {
      ...quota('2026-01-01', '2', { revision: 2 }),
      withdrawn: 'revision',
    });
    await service.idle();
    expect(await warnings()).toEqual([]);
    expect(await service.list('finance', '/quotas')).toEqual([
      { ...mistyped, withdrawn: true },
      quota('2026-01-01', '1'),
      { ...quota('2026-01-01', '2', { revision: 2 }), withdrawn: true },
    ]);
    const messages = (await readTopic(service.broker, CREDITS_TOPIC)).map(({ value }) => decodeInternalMessage(value));
    expect(messages.at(-1)).toMatchObject({ kind: 'quota', quotas: [{ amount: '1' }] });
    expect(await service.call('plan-designer', 'POST', '/quotas', { ...withdrawal, withdrawn: 'never' })).toMatchObject(
      { status: 422, body: { errors: [{ field: 'withdrawn' }] } },
    );
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('are recorded over HTTP, in batches and over the broker, and listed; partners see only their own', async () => {
    const service = await start();
    expect((await service.call('plan-designer', 'POST', '/quotas', quota('2026-01-01', '9000.00'))).status).toBe(201);
    const csv = 'payee,plan,component,from,until,amount,revision\nbert,resellers,hardware,2026-01-01,2026-04-01,50,2\n';
    expect((await batch(service, '/quotas/batch', 'text/csv', csv)).result).toMatchObject({ accepted: 1 });
    await publish(service, 'quota', [quota('2026-02-01', '12000'), quota('2026-02-01', '12000')]);
    await service.idle();
    expect(await service.list('finance', '/quotas')).toEqual([
      quota('2026-01-01', '9000'),
      quota('2026-02-01', '12000'),
      quota('2026-01-01', '50', { payee: 'bert', until: '2026-04-01', revision: 2 }),
    ]);
    expect(await service.list('partner', '/quotas', 'bert')).toHaveLength(1);
    expect((await service.call('partner', 'GET', '/quotas?payee=anna', undefined, 'bert')).status).toBe(403);
    expect(await service.call('source', 'POST', '/quotas', quota('2026-01-01', '9001'))).toMatchObject({
      status: 409,
      body: { errors: [{ field: 'amount' }] },
    });
    expect(await service.call('source', 'POST', '/quotas', { ...quota('2026-01-01', '1'), until: 'x' })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'until' }] },
    });
    expect(await service.verify()).toMatchObject({ differences: [] });
  });

  it('are sent to the earning stream of their payee and plan, all at once, on the topic of its credits', async () => {
    const service = await start();
    await service.call('source', 'POST', '/quotas', quota('2026-02-01', '12000'));
    await service.call('source', 'POST', '/quotas', quota('2026-01-01', '9000'));
    await service.idle();
    const messages = (await readTopic(service.broker, CREDITS_TOPIC)).map(({ key, value }) => ({
      key,
      ...decodeInternalMessage(value),
    }));
    expect(messages).toMatchObject([
      { key: 'anna|resellers', kind: 'quota', revision: 0, quotas: [{ from: '2026-02-01', amount: '12000' }] },
      {
        key: 'anna|resellers',
        revision: 1,
        quotas: [
          { component: 'hardware', from: '2026-01-01', until: '2026-02-01', amount: '9000' },
          { component: 'hardware', from: '2026-02-01', amount: '12000' },
        ],
      },
    ]);
    expect(await parkedIn(service.store)).toEqual([]);
  });
});
