/**
 * Compares five processes on a real Kafka with kafkajs alone, in one run: deals produced on `deals.inbound` until all
 * their effects are stored, against producing and consuming the same messages and nothing else. Names the bottleneck.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { printFigures } from '@tantieme/commission-engine/bench/figures';
import { encode } from '@tantieme/contracts/envelope';
import type { DealFact } from '@tantieme/contracts/deal';
import { TOPICS } from '@tantieme/contracts/topics';
import type { Broker, OutgoingMessage } from '@tantieme/messaging/broker';
import { openKafkaBroker } from '@tantieme/messaging/kafka/broker';
import { startKafkaServer } from '@tantieme/messaging/kafka/testing/kafka-server';
import { measureRawKafka } from '@tantieme/messaging/kafka/testing/raw-rate';
import { createKafkaTopics } from '@tantieme/messaging/kafka/topics';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import { Driver } from '../driver.js';
import { SERVICE_NAMES, ServiceProcesses, type ServiceName } from '../testing/service-processes.js';
import { ALL_TOPICS } from '../topics.js';
import { dealsOf, partnersOf, PLAN } from './history.js';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, deals: { type: 'string', default: '20000' } },
});

/** How often the lag of each piece of work is read. */
const POLL_MS = 500;
/** Unit of Linux for the processor time of a process. */
const TICKS_PER_SECOND = 100;
/** A process that used this share of one core was limited by its only thread. */
const BUSY = 0.8;

function messagesOf(chunk: string): OutgoingMessage[] {
  return chunk
    .trimEnd()
    .split('\n')
    .map((line) => {
      const fact = JSON.parse(line) as DealFact;
      const key = `${fact.source}|${fact.deal}`;
      const id = randomUUID();
      const attributes = { id, time: fact.occurredAt, source: '/bench', subject: key, key, correlationId: id };
      return { key, value: encode('deal-fact', { ...attributes, actor: 'bench' }, fact) };
    });
}

async function everyMessage(broker: Broker): Promise<OutgoingMessage[]> {
  const messages: OutgoingMessage[] = [];
  for (const topic of ALL_TOPICS) messages.push(...(await readTopic(broker, topic)));
  return messages;
}

async function countMessages(broker: Broker): Promise<number> {
  let count = 0n;
  for (const topic of ALL_TOPICS) for (const end of (await broker.endPositions(topic)).values()) count += end;
  return Number(count);
}

/** Processor seconds that a process has used; NaN where the system does not report them. */
function secondsOf(pid: number | undefined): number {
  try {
    // The name, in parentheses, may contain blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return Number.NaN;
  }
}

/** Seconds that all cores of the machine were busy, added up. */
function busySeconds(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0) / 1000;
}

const found = await startKafkaServer();
if (found.server === undefined) throw new Error(found.missing);
const { server } = found;
// The client does not keep this process alive by itself.
const alive = setInterval(() => undefined, 1000);
const directory = mkdtempSync(join(tmpdir(), 'tantieme-bench-'));
const prefix = `${randomUUID()}.`;
const broker = openKafkaBroker({ brokers: server.brokers, prefix });
const services = new ServiceProcesses(() => ({
  TANTIEME_DATA: directory,
  TANTIEME_KAFKA: server.brokers.join(','),
  TANTIEME_KAFKA_PREFIX: prefix,
  TANTIEME_LOG_LEVEL: 'error',
}));

/** Samples of the lag of each service, in events and messages. */
const lagSamples = new Map<ServiceName, number[]>(SERVICE_NAMES.map((name) => [name, []]));
async function watch(driver: Driver, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const [index, lag] of (await driver.lags()).entries()) {
      const name = SERVICE_NAMES[index];
      if (name !== undefined && Number.isFinite(lag)) lagSamples.get(name)?.push(lag);
    }
    await pause(POLL_MS);
  }
}

try {
  const deals = Number(options.deals);
  await createKafkaTopics({ brokers: server.brokers, prefix }, ALL_TOPICS);
  await services.start();
  const driver = new Driver(services, directory);
  const payees = Math.max(20, deals / 100);
  const people = partnersOf(payees);
  for (let at = 0; at < people.length; at += 1000)
    await driver.registerPartners(people.slice(at, at + 1000).join('\n'));
  await driver.publishPlan(PLAN, '2026-01-01');
  await driver.awaitIdle();

  const chunks = [...dealsOf(deals, payees)].map(messagesOf);
  const pids = SERVICE_NAMES.map((name) => services.get(name).pid);
  const messagesBefore = await countMessages(broker);
  const usedBefore = pids.map(secondsOf);
  const busyBefore = busySeconds();
  const watching = new AbortController();
  const started = performance.now();
  const watched = watch(driver, watching.signal);
  for (const chunk of chunks) await broker.publish(TOPICS.dealsInbound, chunk);
  await driver.awaitIdle();
  const seconds = (performance.now() - started) / 1000;
  const coresOfMachine = (busySeconds() - busyBefore) / seconds;
  const cores = pids.map((pid, index) => (secondsOf(pid) - (usedBefore[index] ?? 0)) / seconds);
  const messages = (await countMessages(broker)) - messagesBefore;
  watching.abort();
  await watched;
  await services.stop();

  const raw = await measureRawKafka(server.brokers, `${prefix}raw`, await everyMessage(broker));
  const meanOf = (lags: readonly number[]): number =>
    lags.reduce((sum, lag) => sum + lag, 0) / Math.max(1, lags.length);
  const lags = SERVICE_NAMES.map((name) => meanOf(lagSamples.get(name) ?? []));
  const busiest = SERVICE_NAMES[cores.indexOf(Math.max(...cores))];
  const last = SERVICE_NAMES[lags.indexOf(Math.max(...lags))];
  const limit = cores.some((used) => used >= BUSY)
    ? `the one thread of ${busiest}`
    : coresOfMachine >= BUSY * availableParallelism()
      ? `the cores of the machine, of which ${busiest} used most`
      : `waiting, most of it for ${last}`;
  const byService = (values: readonly number[]): Record<string, number> =>
    Object.fromEntries(SERVICE_NAMES.map((name, index) => [name, values[index] ?? Number.NaN]));
  const figures = {
    deals,
    dealsPerSecond: deals / seconds,
    messagesPerSecond: messages / seconds,
    rawMessagesPerSecond: raw.messages / raw.seconds,
    pipelineToRawKafka: messages / seconds / (raw.messages / raw.seconds),
    messagesPerDeal: messages / deals,
    bytesPerMessage: raw.bytes / raw.messages,
    cores: availableParallelism(),
    coresUsed: { ...byService(cores), machine: coresOfMachine },
    meanLag: byService(lags),
    limit,
  };
  printFigures(figures, options.json);
} finally {
  await services.kill();
  await broker.close();
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
  clearInterval(alive);
}
