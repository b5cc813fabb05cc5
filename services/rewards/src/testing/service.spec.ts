import { join } from 'node:path';

import { afterEach, describe, expect, it } from '@jest/globals';
import { verifyLog } from '@tantieme/audit/verify';
import { compareText } from '@tantieme/contracts/compare-text';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { routesWithoutRoles } from '@tantieme/service-kit/access/route-roles';

import { CALENDAR, document } from '../bonus/bonus.fixture.js';
import { earning, manifest, partner, pauseMs, RewardsApplication } from './http.fixture.js';
import type { TopicMessage } from './http.fixture.js';
import { replayables } from '../replayables.js';

const running: RewardsApplication[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.end();
});

async function start(): Promise<RewardsApplication> {
  const one = await RewardsApplication.start();
  running.push(one);
  return one;
}

async function restart(one: RewardsApplication): Promise<RewardsApplication> {
  running.splice(running.indexOf(one), 1);
  const again = await one.restart();
  running.push(again);
  return again;
}

async function publishProgramme(one: RewardsApplication, parts = {}): Promise<void> {
  const { status } = await one.call('POST', '/programmes', 'plan-designer', { body: document(parts) });
  if (status !== 201) throw new Error(`the programme was answered ${status}`);
}

function shuffled<Item>(items: readonly Item[], seed: number): readonly Item[] {
  let state = seed;
  const next = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648);
  return items
    .map((item) => ({ item, at: next() }))
    .sort((left, right) => left.at - right.at)
    .map(({ item }) => item);
}

/** A quarter of several payees, corrected later, and closed month by month. */
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
  // A deal that is gone, and one that comes late for the quarter.
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
  it('is published by plan designers, once, and can be read', async () => {
    const one = await start();
    const post = (body: object, role: 'plan-designer' | 'finance' = 'plan-designer') =>
      one.call('POST', '/programmes', role, { body });
    expect((await post(document(), 'finance')).status).toBe(403);
    expect((await post(document())).status).toBe(201);
    expect((await post(document())).status).toBe(200);
    expect((await post(document({ title: 'Other' }))).status).toBe(409);
    await one.until('ProgrammePublished', 1);
    await pauseMs(50);
    expect((await one.call('GET', '/programmes')).body.items).toMatchObject([
      { programme: 'volume', document: document(), publishedBy: 'plan-designer-1' },
    ]);
    expect((await one.call('GET', '/programmes/volume')).status).toBe(200);
    expect((await one.call('GET', '/programmes/other')).status).toBe(404);
  });

  it('is of any calendar', async () => {
    const one = await start();
    const body = document({
      calendar: { periods: 'weekly', timeZone: 'Europe/Paris', fiscal: { yearStarts: '02-01', weeks: '4-4-5' } },
    });
    expect((await one.call('POST', '/programmes', 'plan-designer', { body })).status).toBe(201);
    const calendar = { ...body.calendar, starts: 'monday', fiscal: { yearStarts: '2-1', weeks: '4-4-6' } };
    const wrong = await one.call('POST', '/programmes', 'plan-designer', { body: { ...body, calendar } });
    expect(wrong.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
      'calendar.fiscal.weeks',
      'calendar.fiscal.yearStarts',
      'calendar.starts',
    ]);
  });

  it('that is wrong is refused with every field', async () => {
    const one = await start();
    const shape = await one.call('POST', '/programmes', 'plan-designer', {
      body: { ...document(), tiers: [{ from: 5, pay: '1.00' }], odd: true },
    });
    expect(shape.status).toBe(422);
    expect(shape.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
      'odd',
      'tiers.0.from',
      'tiers.0.from',
    ]);
    const meaning = await one.call('POST', '/programmes', 'plan-designer', {
      body: document({ currency: 'XXQ', from: '2026-02-30' }),
    });
    expect(meaning.status).toBe(422);
    expect(meaning.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual(['currency', 'from']);
  });

  it('that is published after the earnings still sees them', async () => {
    const one = await start();
    await one.publish([
      earning('P1', 'crm|D-1', 0, ['30000.00']),
      earning('P1', 'crm|D-2', 1, ['25000.00']),
      earning('P1', 'crm|D-1', 2, ['40000.00']),
      earning('P2', 'crm|D-3', 0, ['10.00']),
    ]);
    await one.until('EarningsKept', 1);
    await pauseMs(100);
    await publishProgramme(one);
    const expected = ['P1 2026-Q1 65000.00 500.00', 'P2 2026-Q1 10.00 0.00'];
    expect(await one.bonuses(expected)).toEqual(expected);
    expect((await one.until('CatchUpCompleted', 1)).length).toBe(1);
    await one.publish([earning('P1', 'crm|D-4', 3, ['35000.00'])]);
    const after = ['P1 2026-Q1 100000.00 1500.00', 'P2 2026-Q1 10.00 0.00'];
    expect(await one.bonuses(after)).toEqual(after);
  });

  it('costs no event for a deal that does not concern it', async () => {
    const one = await start();
    await publishProgramme(one, { eligible: { channel: ['retail'] } });
    await one.publish([partner('P1', 0, 'retail'), partner('P2', 0, 'direct')]);
    await one.until('ParticipantTaken', 2);
    const messages: TopicMessage[] = [];
    for (let deal = 0; deal < 50; deal += 1) {
      messages.push(earning('P1', `crm|A-${deal}`, deal, ['900.00'], { component: 'services' }));
      messages.push(earning('P2', `crm|B-${deal}`, deal, ['900.00']));
    }
    for (const { topic, message } of messages) void one.broker.publish(topic, [message]);
    await one.publish([earning('P1', 'crm|last', 99, ['1.00'])]);
    expect(await one.bonuses(['P1 2026-Q1 1.00 0.00'])).toEqual(['P1 2026-Q1 1.00 0.00']);
    expect((await one.events(['BonusDecided'])).length).toBe(1);
    expect((await one.events(['EarningsKept'])).length).toBeLessThan(20);
  });
});

describe('eligibility', () => {
  const retail = { eligible: { channel: ['retail'] } };

  it('may be known after the earnings, change, and come back with all that went by meanwhile', async () => {
    const one = await start();
    await publishProgramme(one, retail);
    await one.publish([earning('P1', 'crm|D-1', 0, ['60000.00'])]);
    expect(await one.bonuses(['P1 2026-Q1 60000.00 0.00'])).toEqual(['P1 2026-Q1 60000.00 0.00']);
    await one.publish([partner('P1', 0, 'retail')]);
    expect(await one.bonuses(['P1 2026-Q1 60000.00 500.00'])).toEqual(['P1 2026-Q1 60000.00 500.00']);
    await one.publish([partner('P1', 1, 'direct')]);
    expect(await one.bonuses(['P1 2026-Q1 60000.00 0.00'])).toEqual(['P1 2026-Q1 60000.00 0.00']);
    await one.publish([earning('P1', 'crm|D-2', 1, ['40000.00'])]);
    await one.until('EarningsKept', 2);
    await pauseMs(50);
    await one.publish([partner('P1', 2, 'retail')]);
    expect(await one.bonuses(['P1 2026-Q1 100000.00 1500.00'])).toEqual(['P1 2026-Q1 100000.00 1500.00']);
  });
});

describe('a closed period', () => {
  it('is told with its bonuses and a manifest that names them, after the commissions', async () => {
    const one = await start();
    await publishProgramme(one);
    for (const messages of quarter().slice(0, 3)) await one.publish(messages);
    expect(await one.published('2026-01')).toMatchObject([{ data: { page: 1, pages: 1, entries: [] } }]);
    const march = await one.published('2026-03');
    const bonuses = march
      .filter(({ type }) => type === 'tantieme.bonus-of-window.v1')
      .map(({ data }) => data)
      .sort((left, right) => compareText(left.payee, right.payee));
    const [closing] = march.filter(({ type }) => type === 'tantieme.period-manifest.v1').map(({ data }) => data);
    expect(bonuses.map(({ payee }) => payee)).toEqual(['P2', 'P3', 'P4', 'P5']);
    expect(closing.entries.map(({ payee }: { payee: string }) => payee)).toEqual(['P2', 'P3', 'P4', 'P5']);
    for (const [index, { lines }] of bonuses.entries())
      expect(closing.entries[index]).toMatchObject({ lines: lines.length, hash: ledgerLinesHash(lines) });
  });

  it('has the same lines for any order of arrival, with duplicates, and however closings and imports interleave', async () => {
    const variants: ((months: readonly TopicMessage[][], one: RewardsApplication) => Promise<void>)[] = [
      async (months, one) => {
        await publishProgramme(one);
        for (const messages of months) await one.publish(messages);
      },
      async (months, one) => {
        await publishProgramme(one);
        for (const messages of months) {
          await one.publish(shuffled([...messages.slice(0, -1), ...messages.slice(0, 20)], 7));
          await one.publish(messages.slice(-1));
        }
      },
      async (months, one) => {
        for (const [index, messages] of months.entries()) {
          if (index === 2) await publishProgramme(one);
          await one.publish(messages);
          await one.published(`2026-0${index + 1}`);
        }
      },
    ];
    const outcomes: string[] = [];
    for (const variant of variants) {
      const one = await start();
      await variant(quarter(), one);
      outcomes.push(JSON.stringify([await one.published('2026-03'), await one.published('2026-04')]));
    }
    expect(outcomes[0]).toContain('"amount":"1000.00"');
    for (const outcome of outcomes) expect(outcome).toBe(outcomes[0]);
  });

  it('is closed after a restart, wherever it was broken off', async () => {
    const reference = await start();
    await publishProgramme(reference);
    const all = quarter().flat();
    await reference.publish(all);
    const expected = [await reference.published('2026-03'), await reference.published('2026-04')];
    let one = await start();
    await publishProgramme(one);
    for (let from = 0; from < all.length; from += 12) {
      await one.publish(all.slice(from, from + 12));
      one = await restart(one);
    }
    expect([await one.published('2026-03'), await one.published('2026-04')]).toEqual(expected);
  });

  it('never moves: a programme that comes later pays in the first open one', async () => {
    const one = await start();
    const months = quarter();
    for (const messages of months.slice(0, 3)) await one.publish(messages);
    await one.published('2026-03');
    await publishProgramme(one);
    await one.until('CatchUpCompleted', 1);
    await one.publish(months[3] ?? []);
    const april = await one.published('2026-04');
    const lines = april.flatMap(({ data }): LedgerLine[] => data.lines ?? []);
    expect(lines.length).toBeGreaterThan(3);
    for (const { period, origin, kind } of lines)
      expect([period, origin, kind]).toEqual(['2026-04', '2026-03', 'adjustment']);
  });

  it('replays without a difference', async () => {
    const one = await start();
    await publishProgramme(one, { eligible: { channel: ['retail'] } });
    await one.publish([0, 1, 2, 3, 4].map((payee) => partner(`P${payee}`, 0, 'retail')));
    for (const messages of quarter()) await one.publish(messages);
    await one.published('2026-04');
    await one.application.close();
    const store = openSqliteEventStore(join(one.directory, 'events.sqlite'));
    const { differences, decisions } = await verifyLog({ store, replayables: await replayables(store) });
    await store.close();
    expect(differences).toEqual([]);
    expect(decisions).toBeGreaterThan(50);
  });
});

describe('a partner', () => {
  it('sees its own bonuses only', async () => {
    const one = await start();
    await publishProgramme(one);
    await one.publish([earning('P1', 'crm|D-1', 0, ['60000.00']), earning('P2', 'crm|D-2', 0, ['60000.00'])]);
    await one.bonuses(['P1 2026-Q1 60000.00 500.00', 'P2 2026-Q1 60000.00 500.00']);
    const own = await one.call('GET', '/bonuses', 'partner', { partner: 'P1' });
    expect(own.body.items.map(({ payee }: { payee: string }) => payee)).toEqual(['P1']);
    expect((await one.call('GET', '/bonuses?payee=P2', 'partner', { partner: 'P1' })).status).toBe(403);
    expect(own.body.items[0]).toMatchObject({ calendar: CALENDAR, programme: 'volume', currency: 'EUR' });
  });
});
