import { join } from 'node:path';

import { afterEach, describe, expect, it } from '@jest/globals';
import { verifyLog } from '@tantieme/audit/verify';
import { compareText } from '@tantieme/contracts/compare-text';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { routesWithoutRoles } from '@tantieme/service-kit/access/route-roles';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { Problem } from '@tantieme/service-kit/http/problem';

import { CALENDAR, document } from '../bonus/bonus.fixture.js';
import { closingStep, earning, manifest, partner, pauseMs, RewardsApplication } from './http.fixture.js';
import type { TopicMessage } from './http.fixture.js';
import type { Bonus } from '../bonus/bonus.dto.js';
import type { PublishedProgramme } from '../programme/programme.dto.js';
import { replayables } from '../replayables.js';

const running: RewardsApplication[] = [];
afterEach(async () => {
  for (const service of running.splice(0)) await service.end();
});

async function start(): Promise<RewardsApplication> {
  const service = await RewardsApplication.start();
  running.push(service);
  return service;
}

async function restart(service: RewardsApplication): Promise<RewardsApplication> {
  running.splice(running.indexOf(service), 1);
  const again = await service.restart();
  running.push(again);
  return again;
}

async function publishProgramme(service: RewardsApplication, parts = {}): Promise<void> {
  const { status } = await service.call('POST', '/programmes', 'plan-designer', { body: document(parts) });
  if (status !== 201) throw new Error(`publishing the programme was answered with ${status}`);
}

function fieldsOf({ errors = [] }: Problem): readonly string[] {
  return errors.map(({ field }) => field).sort();
}

function shuffled<Item>(items: readonly Item[], seed: number): readonly Item[] {
  let state = seed;
  const next = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648);
  return items
    .map((item) => ({ item, at: next() }))
    .sort((left, right) => left.at - right.at)
    .map(({ item }) => item);
}

/** A quarter of several payees with later corrections, closed month by month. */
function quarter(): readonly TopicMessage[][] {
  const messages: TopicMessage[][] = [[], [], [], []];
  for (let payee = 0; payee < 6; payee += 1)
    for (let deal = 0; deal < 8; deal += 1) {
      const month = deal % 3;
      const period = `2026-0${month + 1}`;
      const id = `crm|${payee}-${deal}`;
      messages[month]?.push(
        earning(`P${payee}`, id, deal * 3, ['1.00', '2.00'], { period, origin: period }),
        earning(`P${payee}`, id, deal * 3 + 1, [`${(payee + 1) * 3000}.00`, `${deal}.50`], { period, origin: period }),
      );
    }
  // A deal that was cancelled, and one that is late for its quarter.
  messages[2]?.push(earning('P5', 'crm|5-0', 90, []));
  messages[3]?.push(
    earning('P2', 'crm|late', 91, ['40000.00'], { period: '2026-04', origin: '2026-03', kind: 'adjustment' }),
  );
  return messages.map((ofMonth, index) => [...ofMonth, manifest(`2026-0${index + 1}`)]);
}

describe('the routes', () => {
  it('all name their roles', async () => {
    expect(routesWithoutRoles((await start()).application)).toEqual([]);
  });
});

describe('a programme', () => {
  it('is published by plan designers, once, and can be read and found', async () => {
    const service = await start();
    const post = (body: object, role: 'plan-designer' | 'finance' = 'plan-designer') =>
      service.call('POST', '/programmes', role, { body });
    expect((await post(document(), 'finance')).status).toBe(403);
    expect((await post(document())).status).toBe(201);
    expect((await post(document())).status).toBe(200);
    expect((await post(document({ title: 'Other' }))).status).toBe(409);
    await service.until('ProgrammePublished', 1);
    await pauseMs(50);
    expect((await service.call<Page<PublishedProgramme>>('GET', '/programmes')).body.items).toMatchObject([
      { programme: 'volume', document: document(), publishedBy: 'plan-designer-1' },
    ]);
    const found = async (text: string): Promise<readonly string[]> => {
      const url = `/programmes?text=${encodeURIComponent(text)}`;
      return (await service.call<Page<PublishedProgramme>>('GET', url)).body.items.map(({ programme }) => programme);
    };
    expect([await found('BONUS vol'), await found('contest'), await found('v_l')]).toEqual([['volume'], [], []]);
    expect((await service.call('GET', '/programmes/volume')).status).toBe(200);
    expect((await service.call('GET', '/programmes/other')).status).toBe(404);
  });

  it('accepts any calendar', async () => {
    const service = await start();
    const body = document({
      calendar: { periods: 'weekly', timeZone: 'Europe/Paris', fiscal: { yearStarts: '02-01', weeks: '4-4-5' } },
    });
    expect((await service.call('POST', '/programmes', 'plan-designer', { body })).status).toBe(201);
    const calendar = { ...body.calendar, starts: 'monday', fiscal: { yearStarts: '2-1', weeks: '4-4-6' } };
    const wrong = await service.call<Problem>('POST', '/programmes', 'plan-designer', { body: { ...body, calendar } });
    expect(fieldsOf(wrong.body)).toEqual(['calendar.fiscal.weeks', 'calendar.fiscal.yearStarts', 'calendar.starts']);
  });

  it('is refused with every wrong field', async () => {
    const service = await start();
    const shape = await service.call<Problem>('POST', '/programmes', 'plan-designer', {
      body: { ...document(), tiers: [{ from: 5, pay: '1.00' }], odd: true },
    });
    expect(shape.status).toBe(422);
    expect(fieldsOf(shape.body)).toEqual(['odd', 'tiers.0.from', 'tiers.0.from']);
    const meaning = await service.call<Problem>('POST', '/programmes', 'plan-designer', {
      body: document({ currency: 'XXQ', from: '2026-02-30' }),
    });
    expect(meaning.status).toBe(422);
    expect(fieldsOf(meaning.body)).toEqual(['currency', 'from']);
  });

  it('measures earlier earnings when it is published late', async () => {
    const service = await start();
    await service.publish([
      earning('P1', 'crm|D-1', 0, ['30000.00']),
      earning('P1', 'crm|D-2', 1, ['25000.00']),
      earning('P1', 'crm|D-1', 2, ['40000.00']),
      earning('P2', 'crm|D-3', 0, ['10.00']),
    ]);
    await service.until('EarningsReceived', 1);
    await pauseMs(100);
    await publishProgramme(service);
    const expected = ['P1 2026-Q1 65000.00 500.00', 'P2 2026-Q1 10.00 0.00'];
    expect(await service.bonuses(expected)).toEqual(expected);
    expect((await service.until('CatchUpCompleted', 1)).length).toBe(1);
    await service.publish([earning('P1', 'crm|D-4', 3, ['35000.00'])]);
    const after = ['P1 2026-Q1 100000.00 1500.00', 'P2 2026-Q1 10.00 0.00'];
    expect(await service.bonuses(after)).toEqual(after);
  });

  it('appends no event for a deal that it does not measure', async () => {
    const service = await start();
    await publishProgramme(service, { eligible: { channel: ['retail'] } });
    await service.publish([partner('P1', 0, 'retail'), partner('P2', 0, 'direct')]);
    await service.until('ParticipantSnapshotReceived', 2);
    const messages: TopicMessage[] = [];
    for (let deal = 0; deal < 50; deal += 1) {
      messages.push(earning('P1', `crm|A-${deal}`, deal, ['900.00'], { component: 'services' }));
      messages.push(earning('P2', `crm|B-${deal}`, deal, ['900.00']));
    }
    for (const { topic, message } of messages) void service.broker.publish(topic, [message]);
    await service.publish([earning('P1', 'crm|last', 99, ['1.00'])]);
    expect(await service.bonuses(['P1 2026-Q1 1.00 0.00'])).toEqual(['P1 2026-Q1 1.00 0.00']);
    expect((await service.events(['BonusDecided'])).length).toBe(1);
    expect((await service.events(['EarningsReceived'])).length).toBeLessThan(20);
  });
});

describe('eligibility', () => {
  const retail = { eligible: { channel: ['retail'] } };

  it('may begin after the earnings, end, and begin again with all earnings in between', async () => {
    const service = await start();
    await publishProgramme(service, retail);
    await service.publish([earning('P1', 'crm|D-1', 0, ['60000.00'])]);
    expect(await service.bonuses(['P1 2026-Q1 60000.00 0.00'])).toEqual(['P1 2026-Q1 60000.00 0.00']);
    await service.publish([partner('P1', 0, 'retail')]);
    expect(await service.bonuses(['P1 2026-Q1 60000.00 500.00'])).toEqual(['P1 2026-Q1 60000.00 500.00']);
    await service.publish([partner('P1', 1, 'direct')]);
    expect(await service.bonuses(['P1 2026-Q1 60000.00 0.00'])).toEqual(['P1 2026-Q1 60000.00 0.00']);
    await service.publish([earning('P1', 'crm|D-2', 1, ['40000.00'])]);
    await service.until('EarningsReceived', 2);
    await pauseMs(50);
    await service.publish([partner('P1', 2, 'retail')]);
    expect(await service.bonuses(['P1 2026-Q1 100000.00 1500.00'])).toEqual(['P1 2026-Q1 100000.00 1500.00']);
  });
});

describe('a closed period', () => {
  it('is published with its bonuses and a manifest that names them, after the commissions', async () => {
    const service = await start();
    await publishProgramme(service);
    for (const messages of quarter().slice(0, 3)) await service.publish(messages);
    expect(await service.published('2026-01')).toMatchObject([{ data: { page: 1, pages: 1, entries: [] } }]);
    const march = await service.published('2026-03');
    const bonuses = march
      .filter(({ type }) => type === 'tantieme.bonus-of-window.v1')
      .map(({ data }) => data)
      .sort((left, right) => compareText(left.payee ?? '', right.payee ?? ''));
    const [closing] = march.filter(({ type }) => type === 'tantieme.period-manifest.v1').map(({ data }) => data);
    expect(bonuses.map(({ payee }) => payee)).toEqual(['P2', 'P3', 'P4', 'P5']);
    expect(closing?.entries?.map(({ payee }) => payee)).toEqual(['P2', 'P3', 'P4', 'P5']);
    for (const [index, { lines = [] }] of bonuses.entries())
      expect(closing?.entries?.[index]).toMatchObject({ lines: lines.length, hash: ledgerLinesHash(lines) });
  });

  it('has the same lines for any order of arrival, with duplicates, and however closings and imports interleave', async () => {
    const variants: ((months: readonly TopicMessage[][], service: RewardsApplication) => Promise<void>)[] = [
      async (months, service) => {
        await publishProgramme(service);
        for (const messages of months) await service.publish(messages);
      },
      async (months, service) => {
        await publishProgramme(service);
        for (const messages of months) {
          await service.publish(shuffled([...messages.slice(0, -1), ...messages.slice(0, 20)], 7));
          await service.publish(messages.slice(-1));
        }
      },
      async (months, service) => {
        for (const [index, messages] of months.entries()) {
          if (index === 2) await publishProgramme(service);
          await service.publish(messages);
          await service.published(`2026-0${index + 1}`);
        }
      },
    ];
    const outcomes: string[] = [];
    for (const variant of variants) {
      const service = await start();
      await variant(quarter(), service);
      outcomes.push(JSON.stringify([await service.published('2026-03'), await service.published('2026-04')]));
    }
    expect(outcomes[0]).toContain('"amount":"1000.00"');
    for (const outcome of outcomes) expect(outcome).toBe(outcomes[0]);
  });

  it('is closed after a restart at any point', async () => {
    const reference = await start();
    await publishProgramme(reference);
    const all = quarter().flat();
    await reference.publish(all);
    const expected = [await reference.published('2026-03'), await reference.published('2026-04')];
    let service = await start();
    await publishProgramme(service);
    for (let from = 0; from < all.length; from += 12) {
      await service.publish(all.slice(from, from + 12));
      service = await restart(service);
    }
    expect([await service.published('2026-03'), await service.published('2026-04')]).toEqual(expected);
  });

  it('never changes: a programme that is published later pays in the first open one', async () => {
    const service = await start();
    const months = quarter();
    for (const messages of months.slice(0, 3)) await service.publish(messages);
    await service.published('2026-03');
    await publishProgramme(service);
    await service.until('CatchUpCompleted', 1);
    await service.publish(months[3] ?? []);
    const april = await service.published('2026-04');
    const lines = april.flatMap(({ data }): readonly LedgerLine[] => data.lines ?? []);
    expect(lines.length).toBeGreaterThan(3);
    for (const { period, origin, kind } of lines)
      expect([period, origin, kind]).toEqual(['2026-04', '2026-03', 'adjustment']);
  });

  it('that is reopened publishes withdrawn bonuses, and with its next closing what it has become', async () => {
    const service = await start();
    await publishProgramme(service);
    for (const messages of quarter().slice(0, 3)) await service.publish(messages);
    await service.published('2026-03');
    await service.publish([closingStep('2026-03', 'unsealed')]);
    await service.until('RewardsPeriodReopened', 1);
    // P2 was below the first tier of its quarter without this deal, which commission-calculation posts in March now.
    await service.publish([
      earning('P2', 'crm|late', 91, ['40000.00'], { period: '2026-03', origin: '2026-03' }),
      manifest('2026-03', [1, 1], 2),
    ]);
    await service.until('RewardsPeriodClosed', 4);
    const reference = await start();
    await publishProgramme(reference);
    const [january = [], february = [], march = []] = quarter();
    await reference.publish([
      ...january,
      ...february,
      ...march.slice(0, -1),
      earning('P2', 'crm|late', 91, ['40000.00'], { period: '2026-03', origin: '2026-03' }),
      ...march.slice(-1),
    ]);
    const entriesOf = async (of: RewardsApplication, closing: number): Promise<readonly unknown[]> =>
      (await of.published('2026-03')).flatMap(({ data }) => (data.closing === closing ? (data.entries ?? []) : []));
    expect((await entriesOf(service, 2)).length).toBeGreaterThan(0);
    expect(await entriesOf(service, 2)).toEqual(await entriesOf(reference, 1));
    expect(await entriesOf(service, 2)).not.toEqual(await entriesOf(service, 1));
  });

  it('replays without a difference', async () => {
    const service = await start();
    await publishProgramme(service, { eligible: { channel: ['retail'] } });
    await service.publish([0, 1, 2, 3, 4].map((payee) => partner(`P${payee}`, 0, 'retail')));
    for (const messages of quarter()) await service.publish(messages);
    await service.published('2026-04');
    await service.application.close();
    const store = openSqliteEventStore(join(service.directory, 'events.sqlite'));
    const { differences, decisions } = await verifyLog({ store, replayables: await replayables(store) });
    await store.close();
    expect(differences).toEqual([]);
    expect(decisions).toBeGreaterThan(50);
  });
});

describe('a partner', () => {
  it('sees its own bonuses only', async () => {
    const service = await start();
    await publishProgramme(service);
    await service.publish([earning('P1', 'crm|D-1', 0, ['60000.00']), earning('P2', 'crm|D-2', 0, ['60000.00'])]);
    await service.bonuses(['P1 2026-Q1 60000.00 500.00', 'P2 2026-Q1 60000.00 500.00']);
    const own = await service.call<Page<Bonus>>('GET', '/bonuses', 'partner', { partner: 'P1' });
    expect(own.body.items.map(({ payee }) => payee)).toEqual(['P1']);
    expect((await service.call('GET', '/bonuses?payee=P2', 'partner', { partner: 'P1' })).status).toBe(403);
    expect(own.body.items[0]).toMatchObject({ calendar: CALENDAR, programme: 'volume', currency: 'EUR' });
  });
});
