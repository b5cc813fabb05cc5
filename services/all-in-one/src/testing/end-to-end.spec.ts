import { fork, type ChildProcess } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { DealFact } from '@tantieme/contracts/deal';
import type { Statement } from '@tantieme/contracts/payout';
import { openEventStore } from '@tantieme/service-kit/runtime/event-store';
import { Driver } from '../driver.js';
import {
  CALENDAR,
  embeddedStatements,
  history,
  MONTHS,
  ndjson,
  prepare,
  shuffled,
  statementsOf,
  TestServers,
  verifyStore,
} from './end-to-end.fixture.js';

const FACTS = history(120);
/** Timeout of tests that start several processes, on a busy machine. */
const PROCESSES_MS_MAX = 180_000;
const SERVER = new URL('../../dist/bench/server.js', import.meta.url);

const servers = new TestServers();
afterEach(() => servers.end());

/** Starts the built server in a separate process, with its background work in threads. */
async function forkIn(
  dataDirectory: string,
): Promise<{ readonly driver: Driver; readonly child: ChildProcess; readonly ended: Promise<number | null> }> {
  const env = { ...process.env, TANTIEME_DATA: dataDirectory, NODE_OPTIONS: '' };
  const child = fork(SERVER, { env, execArgv: [] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const { url } = await new Promise<{ url: string }>((resolve) =>
    child.once('message', (message) => resolve(message as { url: string })),
  );
  return { driver: new Driver(url, dataDirectory), child, ended };
}

/** Exit code and output of a server that fails to start. */
async function failingIn(dataDirectory: string): Promise<{ readonly code: number | null; readonly errors: string }> {
  const env = { ...process.env, TANTIEME_DATA: dataDirectory, NODE_OPTIONS: '' };
  const child = fork(SERVER, { env, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let errors = '';
  child.stderr?.on('data', (text: Buffer) => (errors += text.toString()));
  return { code: await new Promise((resolve) => child.once('exit', resolve)), errors };
}

const cents = (amount: string): bigint => BigInt(amount.replace('.', ''));

describe('a history', () => {
  it('results in the same statements in any order and with repetitions, byte for byte', async () => {
    const inOrder = await embeddedStatements(servers, FACTS);
    expect(await embeddedStatements(servers, shuffled(FACTS, 1))).toBe(inOrder);
    expect(await embeddedStatements(servers, shuffled(FACTS, 2, 10))).toBe(inOrder);
  });

  it('results in the same statements when partners and plan come after the deals', async () => {
    const before = await embeddedStatements(servers, FACTS);
    const driver = await servers.start(servers.configuration());
    await driver.import(ndjson(FACTS));
    await driver.awaitIdle();
    await prepare(driver);
    await driver.awaitIdle();
    expect(await statementsOf(driver, [])).toBe(before);
  });

  it('records only the import itself when it is imported again', async () => {
    const config = servers.configuration();
    const driver = await servers.start(config);
    await prepare(driver);
    expect(await driver.import(ndjson(FACTS))).toMatchObject({ accepted: FACTS.length, repeated: 0, refused: 0 });
    await driver.awaitIdle();
    const count = async (): Promise<bigint> => {
      const store = await openEventStore(config);
      const head = await store.head();
      await store.close();
      return head;
    };
    const events = await count();
    expect(await driver.import(ndjson(shuffled(FACTS, 3)))).toMatchObject({ accepted: 0, repeated: FACTS.length });
    await driver.awaitIdle();
    // `ImportStarted`, `ImportBatchRecorded` and `ImportEnded`, for the list of imports.
    expect(await count()).toBe(events + 3n);
  });

  it('continues after a restart', async () => {
    const whole = await embeddedStatements(servers, FACTS);
    const config = servers.configuration();
    const driver = await servers.start(config);
    await prepare(driver);
    await driver.import(ndjson(FACTS.slice(0, 60)));
    await servers.stop();
    expect(await statementsOf(await servers.start(config), FACTS)).toBe(whole);
  });
});

describe('a process killed during the import', () => {
  it(
    'results in the same statements after a restart and a repeated import',
    async () => {
      const whole = await embeddedStatements(servers, FACTS);
      const config = servers.configuration();
      const killed = async (afterMs: number): Promise<void> => {
        const { driver, child, ended } = await forkIn(config.dataDirectory);
        await prepare(driver);
        setTimeout(() => child.kill('SIGKILL'), afterMs);
        // The connection breaks with the process.
        await driver.import(ndjson(FACTS)).catch(() => undefined);
        await ended;
      };
      for (const afterMs of [5, 25, 60, 120]) await killed(afterMs);
      expect(await statementsOf(await servers.start(config), FACTS)).toBe(whole);
      expect(await verifyStore(config)).toMatchObject({ differenceCount: 0 });
    },
    PROCESSES_MS_MAX,
  );
});

describe('a server with background work in threads', () => {
  it(
    'results in the same statements, reports all work and its metrics, stops, and continues after a restart',
    async () => {
      const whole = await embeddedStatements(servers, FACTS);
      const config = servers.configuration();
      const first = await forkIn(config.dataDirectory);
      await prepare(first.driver);
      await first.driver.import(ndjson(FACTS.slice(0, 60)));
      expect(JSON.parse(await first.driver.text('operator', 'GET', '/health/ready'))).toMatchObject({
        status: 'ready',
      });
      const worksOf = async (driver: Driver): Promise<string[]> => {
        const { items } = JSON.parse(await driver.text('operator', 'GET', '/health/lag')) as {
          items: { name: string }[];
        };
        return items.map(({ name }) => name).sort();
      };
      expect(await worksOf(first.driver)).toEqual(await worksOf(await servers.start(servers.configuration())));
      first.child.send('stop');
      expect(await first.ended).toBe(0);
      const again = await forkIn(config.dataDirectory);
      expect(await statementsOf(again.driver, FACTS)).toBe(whole);
      // Counted in the threads, served by the main thread.
      expect(await again.driver.text('operator', 'GET', '/metrics')).toMatch(
        /^tantieme_messages_consumed_total\{topic="commissions",group="payouts"\} [1-9]/m,
      );
      again.child.send('stop');
      expect(await again.ended).toBe(0);
      expect(await verifyStore(config)).toMatchObject({ differenceCount: 0 });
    },
    PROCESSES_MS_MAX,
  );

  it('exits where another process uses its data directory', async () => {
    const config = servers.configuration();
    await servers.start(config);
    const { code, errors } = await failingIn(config.dataDirectory);
    expect(code).toBe(1);
    expect(errors).toContain('already runs on the data directory');
  });
});

describe('the payouts', () => {
  it('add up to the statement lines less the carried balances, which add up to all earnings', async () => {
    const driver = await servers.start(servers.configuration());
    await prepare(driver);
    const all = await statementsOf(driver, FACTS);
    for (const period of MONTHS)
      await driver.text('approver', 'POST', '/statements/approve', JSON.stringify({ calendar: CALENDAR, period }));
    await driver.awaitIdle();
    const statements = all
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Statement);
    const sum = (amounts: readonly string[]): bigint => amounts.reduce((total, amount) => total + cents(amount), 0n);
    const lines = statements.flatMap((statement) => statement.lines);
    const carried = new Map(statements.map(({ payee, carried }) => [payee, carried]));
    const listed = async (path: string): Promise<{ amount: string }[]> => {
      const items: { amount: string }[] = [];
      for (let cursor: string | undefined = ''; cursor !== undefined;) {
        const page = JSON.parse(
          await driver.text(
            'finance',
            'GET',
            `${path}${path.includes('?') ? '&' : '?'}limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
          ),
        ) as { items: { amount: string }[]; next?: string };
        items.push(...page.items);
        cursor = page.next;
      }
      return items;
    };
    const payouts = await listed('/payouts');
    expect(sum(lines.map(({ amount }) => amount))).toBe(
      sum(payouts.map(({ amount }) => amount)) + sum([...carried.values()]),
    );
    const earnings = [...(await listed('/earnings')), ...(await listed('/bonuses'))];
    expect(sum(lines.map(({ amount }) => amount))).toBe(sum(earnings.map(({ amount }) => amount)));
  });
});

describe('reopening the last closing', () => {
  it('and closing it again after a correction gives the amounts of a history that had the correction from the start', async () => {
    const correction: DealFact = {
      source: 'crm',
      deal: 'D-late',
      kind: 'booked',
      occurredAt: '2026-03-10T09:00:00Z',
      terms: {
        currency: 'EUR',
        lines: [{ id: '1', category: 'hardware', quantity: '1', net: '500.00' }],
        partners: [{ role: 'seller', partner: 'anna' }],
      },
    };
    const [, , last = ''] = MONTHS;
    const place = `/periods/${encodeURIComponent(CALENDAR)}/${last}`;
    const reopen = (driver: Driver): Promise<string> =>
      driver.text('finance', 'POST', `${place}/reopen`, JSON.stringify({ reason: 'a deal is missing' }));
    /** Without ids, which are new with each closing, and hashes over them. */
    const amounts = (text: string): object[] =>
      text
        .trim()
        .split('\n')
        .map((statement) => ({ ...(JSON.parse(statement) as Statement), id: '', hash: '' }));

    const config = servers.configuration();
    const driver = await servers.start(config);
    await prepare(driver);
    await statementsOf(driver, FACTS);
    const before = await driver.statements(CALENDAR, last);
    const { id } = JSON.parse(await reopen(driver)) as { readonly id: string };
    await driver.text('approver', 'POST', `/commission-proposals/${encodeURIComponent(id)}/confirm`);
    await driver.until(place, 'reopened');
    expect(await driver.statements(CALENDAR, last)).toBe('');
    await driver.import(ndjson([correction]));
    await driver.awaitIdle();
    await driver.close(CALENDAR, last);
    await driver.awaitIdle();
    const again = await driver.statements(CALENDAR, last);
    expect(again).toContain(`${last}~2`);
    expect(amounts(again)).not.toEqual(amounts(before));
    await driver.text('approver', 'POST', '/statements/approve', JSON.stringify({ calendar: CALENDAR, period: last }));
    await driver.awaitIdle();
    await expect(reopen(driver)).rejects.toThrow('StatementsApproved');
    await servers.stop();
    expect(await verifyStore(config)).toMatchObject({ differenceCount: 0 });

    const reference = await servers.start(servers.configuration());
    await prepare(reference);
    await statementsOf(reference, [...FACTS, correction]);
    expect(amounts(again)).toEqual(amounts(await reference.statements(CALENDAR, last)));
  });
});

describe('verification', () => {
  it('finds nothing in an intact log, and names the event of a changed byte', async () => {
    const config = servers.configuration();
    const driver = await servers.start(config);
    await prepare(driver);
    await statementsOf(driver, FACTS);
    await servers.stop();
    expect(await verifyStore(config)).toMatchObject({ differenceCount: 0, differences: [] });

    const database = new DatabaseSync(join(config.dataDirectory, 'events.sqlite'));
    const victim = database
      .prepare(
        "SELECT e.position, s.name, e.revision, e.data FROM events e JOIN streams s ON s.key = e.stream WHERE s.name LIKE 'earning-%' ORDER BY e.position LIMIT 1 OFFSET 20",
      )
      .get();
    const changed = String(victim?.['data']).replace(
      /"amount":"(\d)/,
      (_, digit: string) => `"amount":"${(Number(digit) + 1) % 10}`,
    );
    database.prepare('UPDATE events SET data = ? WHERE position = ?').run(changed, Number(victim?.['position']));
    database.close();
    const { differences, differenceCount } = await verifyStore(config);
    expect(differenceCount).toBeGreaterThan(0);
    expect(differences[0]).toMatchObject({ stream: victim?.['name'], revision: Number(victim?.['revision']) });
  });
});
