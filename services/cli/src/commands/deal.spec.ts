import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ndjson, prepare, TestServers } from '@tantieme/all-in-one/testing/end-to-end.fixture';
import type { Driver } from '@tantieme/all-in-one/driver';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { printedBy } from '../testing/printed-by.fixture.js';
import { dealCommand } from './deal.js';
import { importCommand } from './import.js';

/** Columns of a terminal on which nothing has to be left out. */
const WIDE = 200;

const directory = mkdtempSync(join(tmpdir(), 'tantieme-deal-'));
const servers = new TestServers();
const config = servers.configuration();
let driver: Driver;

const FACTS = [
  {
    source: 'crm',
    deal: 'D-1',
    kind: 'booked',
    occurredAt: '2026-01-05T09:00:00Z',
    terms: {
      currency: 'EUR',
      lines: [{ id: '1', category: 'hardware', quantity: '1', net: '100.00' }],
      partners: [{ role: 'seller', partner: 'anna' }],
    },
  },
  ...['150.00', '5.00'].map((net, index) => ({
    source: 'crm',
    deal: 'D-1',
    kind: 'returned',
    id: `R-${index + 1}`,
    occurredAt: '2026-01-06T09:00:00Z',
    lines: [{ line: '1', net }],
  })),
];

const printed = (command: Command, ...args: readonly string[]): Promise<string> =>
  printedBy(command, [...args, '--url', driver.servers.urlOf('/deals'), '--data', config.dataDirectory]);

async function overReturned(): Promise<readonly { readonly id: string }[]> {
  await driver.awaitIdle();
  const listed = await printed(dealCommand(), 'list', '--over-returned', '--json');
  return JSON.parse(listed) as readonly { readonly id: string }[];
}

describe('tantieme deal', () => {
  beforeAll(async () => {
    process.stdout.columns = WIDE;
    driver = await servers.start(config);
    await prepare(driver);
    await driver.import(ndjson(FACTS));
    await driver.awaitIdle();
  }, 60_000);
  afterAll(async () => {
    await servers.end();
    rmSync(directory, { recursive: true });
  });

  it('lists deals with returns of more than was sold, with by how much', async () => {
    expect(await overReturned()).toMatchObject([{ id: 'D-1' }]);
    expect(await printed(dealCommand(), 'list', '--over-returned')).toContain(
      'return R-1 exceeds line 1 (sold 100.00) by 50.00; return R-2 exceeds line 1 (sold 100.00) by 5.00',
    );
  });

  it('withdraws a fact by its name; a wrong name is answered with the nearest', async () => {
    await expect(printed(dealCommand(), 'withdraw', 'crm', 'D-1', 'returned:R1')).rejects.toThrow(
      'did you mean returned:R-1?',
    );
    expect(await printed(dealCommand(), 'withdraw', 'crm', 'D-1', 'returned:R-1')).toContain(
      'crm D-1: returned:R-1|withdrawn accepted',
    );
    expect(await overReturned()).toEqual([]);
  });

  it('withdraws what a file of other facts states, once', async () => {
    const file = join(directory, 'rates.ndjson');
    const rate = { base: 'EUR', quote: 'USD', date: '2026-01-05', rate: '1.1', source: 'ecb' };
    writeFileSync(file, JSON.stringify(rate));
    const imported = (...options: readonly string[]): Promise<string> =>
      printed(importCommand(), 'exchange-rates', file, ...options);
    expect(await imported()).toContain('1 new');
    expect(await imported('--withdraw')).toContain('1 withdrawn, 0 not there, 0 left as they are');
    expect(await imported('--withdraw')).toContain('0 withdrawn, 1 not there');
  });
});
