/**
 * Compares the system with the limits of the machine, in one run: deals posted over HTTP until every statement is
 * issued, against bare inserts of the same bytes; verification against reading and parsing; peak memory for two sizes.
 * With an EventStoreDB in `TANTIEME_EVENT_STORE`, it compares the event store with the bare client instead.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { printFigures } from '@tantieme/commission-engine/bench/figures';
import { measureClientRate } from '@tantieme/event-store/esdb/testing/client-rate';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { verifyFile } from '../verify/verify-file.js';
import { measureBareInserts } from './bare-inserts.js';
import { measureClosedYears } from './closed-years.js';
import { startServerProcess } from './server-process.js';
import { measureStart } from './start.js';
import { CALENDAR, dealsOf, partnersOf, PERIOD, PLAN } from './history.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    deals: { type: 'string', default: '100000' },
    growth: { type: 'string', default: '10' },
    /** Payees of the closing that is compared with reading and parsing its log. */
    accounts: { type: 'string', default: '10000' },
    events: { type: 'string', default: '20000' },
    'closed-lines': { type: 'string', default: '1000000' },
  },
});

const eventStore = process.env['TANTIEME_EVENT_STORE'];
if (eventStore) {
  printFigures({ ...(await measureClientRate(eventStore, Number(options.events))) }, options.json);
  process.exit();
}

interface Run {
  readonly directory: string;
  readonly seconds: number;
  readonly events: number;
  readonly eventsPerDeal: number;
  readonly closingSeconds: number;
  readonly peakBytes: number;
}

/** Posts all deals, waits until they are processed, closes the month, and waits for the statements. */
async function run(deals: number, payees: number): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'tantieme-bench-'));
  const { driver, stop } = await startServerProcess(directory);
  const count = async (): Promise<number> => {
    const store = openSqliteEventStore(join(directory, 'events.sqlite'));
    const head = Number(await store.head());
    await store.close();
    return head;
  };

  const people = partnersOf(payees);
  for (let at = 0; at < people.length; at += 1000)
    await driver.registerPartners(people.slice(at, at + 1000).join('\n'));
  await driver.publishPlan(PLAN, '2026-01-01');
  await driver.awaitIdle();

  const before = await count();
  const started = performance.now();
  for (const chunk of dealsOf(deals, payees)) await driver.import(chunk);
  await driver.awaitIdle();
  const calculated = await count();
  const closingStarted = performance.now();
  await driver.close(CALENDAR, PERIOD);
  const closed = performance.now();
  const seconds = (closed - started) / 1000;
  const events = (await count()) - before;

  return {
    directory,
    seconds,
    events,
    eventsPerDeal: (calculated - before) / deals,
    closingSeconds: (closed - closingStarted) / 1000,
    peakBytes: (await stop()).peakBytes,
  };
}

/** Reads and parses all events. */
async function readAndParse(path: string): Promise<{ seconds: number; bytes: number; events: number }> {
  const store = openSqliteEventStore(path);
  let [bytes, events] = [0, 0];
  const startedMs = performance.now();
  for (let after = 0n, end = false; !end;) {
    const page = await store.readAll({ after, limit: 1000 });
    for (const event of page.events) {
      JSON.parse(event.dataText);
      JSON.parse(event.metadataText);
      bytes += Buffer.byteLength(event.dataText) + Buffer.byteLength(event.metadataText);
    }
    events += page.events.length;
    after = page.through;
    end = page.end;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  await store.close();
  return { seconds, bytes, events };
}

/** Verifies all events as `tantieme verify` does, but in one thread, as they are read and parsed in one. */
async function verifySeconds(path: string): Promise<number> {
  const startedMs = performance.now();
  const { differenceCount } = await verifyFile(path, { threads: 1 });
  if (differenceCount > 0) throw new Error(`verification found ${differenceCount} differences`);
  return (performance.now() - startedMs) / 1000;
}

const closedYears = await measureClosedYears(Number(options['closed-lines']));
const deals = Number(options.deals);
const startSeconds = await measureStart();
const accounts = Number(options.accounts);
const growth = Number(options.growth);
const small = await run(deals, Math.max(20, deals / 100));
const path = join(small.directory, 'events.sqlite');
const bare = measureBareInserts(path, join(small.directory, 'bare.sqlite'));
const read = await readAndParse(path);
const verified = await verifySeconds(path);
rmSync(small.directory, { recursive: true });
const closing = await run(deals, accounts);
const closingRead = await readAndParse(join(closing.directory, 'events.sqlite'));
rmSync(closing.directory, { recursive: true });
const large = growth > 1 ? await run(deals * growth, Math.max(20, (deals * growth) / 100)) : undefined;
if (large) rmSync(large.directory, { recursive: true });

printFigures(
  {
    deals,
    startSeconds,
    dealsPerSecond: deals / small.seconds,
    eventsPerSecond: small.events / small.seconds,
    bareInsertsPerSecond: bare.events / bare.seconds,
    pipelineToRawAppend: small.events / small.seconds / (bare.events / bare.seconds),
    eventsPerDeal: small.eventsPerDeal,
    bytesPerDeal: read.bytes / deals,
    readParsePerSecond: read.events / read.seconds,
    verifyPerSecond: read.events / verified,
    verifyDealsPerSecond: deals / verified,
    verifyToReadParse: read.seconds / verified,
    accounts,
    closingSeconds: closing.closingSeconds,
    closingToReadParse: closing.closingSeconds / closingRead.seconds,
    peakMemoryBytes: small.peakBytes,
    ...closedYears,
    ...(large
      ? {
          largeDeals: deals * growth,
          largeDealsPerSecond: (deals * growth) / large.seconds,
          largePeakMemoryBytes: large.peakBytes,
          memoryGrowth: large.peakBytes / small.peakBytes,
        }
      : {}),
  },
  options.json,
);
