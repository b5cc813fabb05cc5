/**
 * Compares the system with the limits of the machine, in one run: deals posted over HTTP until every statement is
 * issued, against bare inserts of the same bytes; verification against reading and parsing; peak memory for two sizes.
 * With an EventStoreDB in `TANTIEME_EVENT_STORE`, it compares the event store with the bare client instead.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureClientRate } from '@tantieme/event-store/esdb/testing/client-rate';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { Driver } from '../driver.js';
import { verifyFile } from '../verify/verify-file.js';
import { measureBareInserts } from './bare-inserts.js';
import { measureClosedYears } from './closed-years.js';
import { measureStart } from './start.js';
import { CALENDAR, dealsOf, partnersOf, PERIOD, PLAN } from './history.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    deals: { type: 'string', default: '100000' },
    growth: { type: 'string', default: '10' },
    events: { type: 'string', default: '20000' },
    'closed-lines': { type: 'string', default: '1000000' },
  },
});

function print(figures: Readonly<Record<string, number>>): void {
  if (options.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  else
    for (const [name, value] of Object.entries(figures))
      process.stdout.write(`${name.padEnd(24)} ${value < 100 ? value.toFixed(3) : Math.round(value)}\n`);
}

const eventStore = process.env['TANTIEME_EVENT_STORE'];
if (eventStore) {
  print({ ...(await measureClientRate(eventStore, Number(options.events))) });
  process.exit();
}

interface Run {
  readonly directory: string;
  readonly seconds: number;
  readonly events: number;
  readonly eventsPerDeal: number;
  readonly peakBytes: number;
}

/** Posts all deals, waits until they are processed, closes the month, and waits for the statements. */
async function run(deals: number, payees: number): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'tantieme-bench-'));
  const child = fork(new URL('./server.js', import.meta.url), { env: { ...process.env, TANTIEME_DATA: directory } });
  const next = <Answer>(): Promise<Answer> =>
    new Promise((resolve, reject) => {
      child.once('message', (message) => resolve(message as Answer));
      child.once('exit', (code) => reject(new Error(`the server ended with code ${code}`)));
    });
  const driver = new Driver((await next<{ url: string }>()).url, directory);
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
  await driver.close(CALENDAR, PERIOD);
  const seconds = (performance.now() - started) / 1000;
  const events = (await count()) - before;

  const stopped = next<{ peakBytes: number }>();
  child.send('stop');
  return {
    directory,
    seconds,
    events,
    eventsPerDeal: (calculated - before) / deals,
    peakBytes: (await stopped).peakBytes,
  };
}

/** Measures reading and parsing all events, and verifying them as `tantieme verify` does. */
async function readAndVerify(
  path: string,
): Promise<{ readSeconds: number; verifySeconds: number; bytes: number; events: number }> {
  const store = openSqliteEventStore(path);
  let [bytes, events] = [0, 0];
  const readStarted = performance.now();
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
  await store.close();
  const verifyStarted = performance.now();
  const { differenceCount } = await verifyFile(path);
  const ended = performance.now();
  if (differenceCount > 0) throw new Error(`verification found ${differenceCount} differences`);
  return {
    readSeconds: (verifyStarted - readStarted) / 1000,
    verifySeconds: (ended - verifyStarted) / 1000,
    bytes,
    events,
  };
}

const closedYears = await measureClosedYears(Number(options['closed-lines']));
const deals = Number(options.deals);
const startSeconds = await measureStart();
const growth = Number(options.growth);
const small = await run(deals, Math.max(20, deals / 100));
const path = join(small.directory, 'events.sqlite');
const bare = measureBareInserts(path, join(small.directory, 'bare.sqlite'));
const replay = await readAndVerify(path);
rmSync(small.directory, { recursive: true });
const large = growth > 1 ? await run(deals * growth, Math.max(20, (deals * growth) / 100)) : undefined;
if (large) rmSync(large.directory, { recursive: true });

print({
  deals,
  startSeconds,
  dealsPerSecond: deals / small.seconds,
  eventsPerSecond: small.events / small.seconds,
  bareInsertsPerSecond: bare.events / bare.seconds,
  pipelineToRawAppend: small.events / small.seconds / (bare.events / bare.seconds),
  eventsPerDeal: small.eventsPerDeal,
  bytesPerDeal: replay.bytes / deals,
  readParsePerSecond: replay.events / replay.readSeconds,
  verifyPerSecond: replay.events / replay.verifySeconds,
  verifyToReadParse: replay.readSeconds / replay.verifySeconds,
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
});
