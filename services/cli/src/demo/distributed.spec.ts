/**
 * The demo's sales through five separate processes with a real Kafka and PostgreSQL: produced from outside, shuffled
 * and repeated, and consumed by an independent client.
 */
import { createReadStream, readFileSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  publishedPayouts,
  createDistributedSystem,
  verificationDifferences,
  kafkaForTests,
  produceFacts,
  distinctContents,
  type DistributedSystem,
} from '@tantieme/all-in-one/testing/distributed.fixture';
import { Driver } from '@tantieme/all-in-one/driver';
import { SERVICE_NAMES } from '@tantieme/all-in-one/testing/service-processes';
import { startInOneThread } from '@tantieme/all-in-one/start';
import { configOf, ndjson, shuffled, temporaryDirectory } from '@tantieme/all-in-one/testing/end-to-end.fixture';
import type { DealFact } from '@tantieme/contracts/deal';
import { importFacts } from '@tantieme/deal-ingestion/import/import-facts.service';
import { TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import { storedPayouts } from '@tantieme/all-in-one/testing/stored-topic.fixture';
import { mapping, partners, periods, returns, SUPERSTORE_CSV } from './superstore.js';

/** The four years are calculated twice. */
jest.setTimeout(1_200_000);

const CALENDAR = 'monthly@America/New_York';

const kafka = await kafkaForTests();
const databases = new TestDatabases();
afterAll(async () => {
  await kafka?.stop();
  await databases.end();
});

/** The orders of the file and the derived returns, as facts. */
async function sales(): Promise<readonly DealFact[]> {
  const facts: DealFact[] = [];
  const staging = temporaryDirectory();
  await importFacts(
    createReadStream(SUPERSTORE_CSV),
    'csv',
    mapping(),
    async (batch) => {
      for (const { fact } of batch) facts.push(fact as DealFact);
      return batch.map(() => ({ outcome: 'accepted' }));
    },
    { stagingDirectory: staging.path },
  );
  staging.remove();
  return [...facts, ...(returns() as DealFact[])];
}

async function prepare(driver: Driver): Promise<void> {
  const document = (name: string): string => readFileSync(new URL(`../../demo/${name}`, import.meta.url), 'utf8');
  await driver.registerPartners(ndjson(partners()));
  for (const plan of ['resellers-us.yaml', 'direct-us.yaml']) await driver.publishPlan(document(plan), '2014-01-01');
  await driver.text('plan-designer', 'POST', '/programmes', document('volume-bonus-us.json'));
  await driver.awaitIdle();
}

/** Closes every month and approves its statements. @returns the canonical bytes of all statements */
async function closeAll(driver: Driver): Promise<string> {
  for (const period of periods()) {
    await driver.close(CALENDAR, period);
    await driver.text('approver', 'POST', '/statements/approve', JSON.stringify({ calendar: CALENDAR, period }));
  }
  await driver.awaitIdle();
  let statements = '';
  for (const period of periods()) statements += await driver.statements(CALENDAR, period);
  return statements;
}

async function runEmbedded(facts: readonly DealFact[]): Promise<{ statements: string; payouts: readonly string[] }> {
  const directory = temporaryDirectory();
  const server = await startInOneThread(configOf(directory.path));
  const driver = new Driver(server.url, directory.path);
  await prepare(driver);
  expect(await driver.import(ndjson(facts))).toMatchObject({ accepted: facts.length, refused: 0 });
  await driver.awaitIdle();
  const statements = await closeAll(driver);
  await server.stop();
  const payouts = distinctContents(await storedPayouts(directory.path));
  directory.remove();
  return { statements, payouts };
}

(kafka ? describe : describe.skip)(`four years of sales, on ${kafka?.name ?? 'no Kafka'}`, () => {
  let world: DistributedSystem | undefined;
  afterEach(() => world?.end());

  it('end in the same statements and payouts as the embedded run, to the byte', async () => {
    const facts = await sales();
    expect(facts.length).toBeGreaterThan(5_000);
    const expected = await runEmbedded(facts);
    world = await createDistributedSystem(kafka!, { TANTIEME_DATABASE: await databases.fresh('postgres') });
    await world.services.start();
    await prepare(world.driver);
    await produceFacts(world, shuffled(facts, 20_17, 10));
    await world.driver.awaitIdle();
    expect(await closeAll(world.driver)).toBe(expected.statements);
    expect(await publishedPayouts(world)).toEqual(expected.payouts);
    expect(await world.services.stop()).toEqual(SERVICE_NAMES.map(() => 0));
    expect(await verificationDifferences(world)).toBe(0);
  });
});
