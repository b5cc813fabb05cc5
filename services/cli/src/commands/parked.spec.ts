import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { prepare, TestServers } from '@tantieme/all-in-one/testing/end-to-end.fixture';
import type { Schemas } from '@tantieme/api-client/client';
import { TOPICS } from '@tantieme/contracts/topics';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { localTime } from '../output/time.js';
import { printedBy } from '../testing/printed-by.fixture.js';
import { parkedCommand } from './parked.js';
import { proposalCommand } from './proposal.js';

type Parked = Schemas['ParkedRead'];

const PROCESS = 'deal-ingestion-inbound';
const POLL_MS = 20;
/** Columns of a terminal on which nothing has to be left out. */
const WIDE = 200;

const servers = new TestServers();
const config = servers.configuration();
let url = '';

const here = (): readonly string[] => ['--url', url, '--data', config.dataDirectory];
const parked = (...args: readonly string[]) => printedBy(parkedCommand(), [...args, ...here()]);
const proposal = (...args: readonly string[]) => printedBy(proposalCommand(), [...args, ...here()]);

const listed = async (...args: readonly string[]): Promise<readonly Parked[]> =>
  JSON.parse(await parked('list', '--json', ...args)) as readonly Parked[];

describe('tantieme parked', () => {
  beforeAll(async () => {
    process.stdout.columns = WIDE;
    const broker = openEmbeddedBroker(join(config.dataDirectory, 'broker.sqlite'));
    await broker.publish(TOPICS.dealsInbound, [
      { key: 'x', value: 'no envelope' },
      { key: 'x', value: 'none either' },
    ]);
    await broker.close();
    const driver = await servers.start(config);
    url = driver.servers.urlOf('/parked');
    await prepare(driver);
    while ((await listed()).length < 2) await pause(POLL_MS);
  }, 60_000);
  afterAll(() => servers.end());

  it('lists origin, reason and local time of what was refused for good', async () => {
    const [item] = await listed('--limit', '1');
    expect(item).toMatchObject({ process: PROCESS, status: 'parked' });
    const zone = 'Asia/Tokyo';
    const printed = await parked('list', '--time-zone', zone);
    for (const cell of [item?.id.slice(0, 13), PROCESS, item?.origin, item?.reason, localTime(item?.parkedAt, zone)])
      expect(printed).toContain(cell);
  });

  it('filters by process and status', async () => {
    expect(await listed('--process', PROCESS, '--status', 'parked')).toHaveLength(2);
    expect(await listed('--process', 'payouts-inbound')).toEqual([]);
    expect(await parked('list', '--status', 'discarded')).toBe('nothing found\n');
  });

  it('retries what a short id names; what is refused again stays listed', async () => {
    const [first, second] = await listed();
    expect(await parked('retry', first?.id.slice(0, 13) ?? '')).toBe(`${first?.id}: retrying\n`);
    expect(await parked('retry', second?.id ?? '')).toBe(`${second?.id}: retrying\n`);
    while ((await listed('--status', 'parked')).length < 2) await pause(POLL_MS);
  });

  it('retries nothing if one of the ids names nothing', async () => {
    const [first] = await listed();
    await expect(parked('retry', first?.id.slice(0, 13) ?? '', 'zzz')).rejects.toThrow(
      'there is no open parked item "zzz"',
    );
    expect(await listed('--status', 'retrying')).toEqual([]);
  });

  it('proposes to discard an item; confirmed, it is listed with who and why', async () => {
    const [first] = await listed();
    const proposed = await parked('discard', first?.id.slice(0, 13) ?? '', '--reason', 'a test');
    expect(proposed).toContain(`tantieme proposal confirm "discard-parked|${first?.id}|1"`);
    expect(await proposal('list', '--state', 'open')).toContain(`discard-parked|${first?.id}|1`);
    expect(await proposal('confirm', first?.id ?? '')).toContain('is confirmed and done');
    while ((await listed()).length > 1) await pause(POLL_MS);
    expect(await parked('list', '--status', 'discarded')).toContain('a test (tantieme-cli-operator');
  });
});
