/** Metrics, logs and traces of deals, in one thread; `end-to-end.spec` has a test with threads. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { CREDITS_TOPIC } from '@tantieme/commission-calculation/credit/credit.events-out';
import { CHANNELS } from '@tantieme/contracts/channels';
import { createKafkaTopics } from '@tantieme/messaging/kafka/topics';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { createLogger, PinoNestLogger } from '@tantieme/service-kit/observability/logging';
import type { Driver } from '../driver.js';
import { history, ndjson, prepare, TestServers } from './end-to-end.fixture.js';
import { ALL_TOPICS } from '../topics.js';
import { kafkaForTests, SETTLE_MS } from './distributed.fixture.js';
import { Collector } from './traces.fixture.js';

const kafka = await kafkaForTests();
afterAll(() => kafka?.stop());

/** Embedded, the topics are views of the log, to which nobody publishes; on Kafka relays publish them. */
const BROKERS = kafka === undefined ? (['embedded'] as const) : (['embedded', 'Kafka'] as const);

/** Topics of its own on the broker. */
async function brokerOf(name: (typeof BROKERS)[number]): Promise<Pick<RuntimeConfig, 'kafka'>> {
  if (name === 'embedded' || kafka === undefined) return {};
  const options = { brokers: kafka.brokers, prefix: `${randomUUID()}.` };
  await createKafkaTopics(options, ALL_TOPICS);
  return { kafka: options };
}

describe.each(BROKERS)('the metrics, %s', (broker) => {
  const servers = new TestServers();
  let text: string;
  beforeAll(async () => {
    const driver = await servers.start(
      servers.configuration(await brokerOf(broker)),
      broker === 'Kafka' ? SETTLE_MS : 0,
    );
    await prepare(driver);
    // A deal that comes before its partners is credited because of them, in their trace.
    await driver.awaitIdle();
    await driver.import(`${ndjson(history(20))}\n{"no":"fact"}`);
    await driver.awaitIdle();
    text = await (await fetch(`${driver.servers.urlOf('/metrics')}/metrics`)).text();
  });
  afterAll(() => servers.end());

  const value = (sample: string): number =>
    Number(new Map(text.split('\n').map((line) => [line.replace(/ \S+$/, ''), line.replace(/^.* /, '')])).get(sample));

  it('count events by type, refused facts among them', () => {
    expect(value('tantieme_events_appended_total{type="DealFactRecorded"}')).toBe(history(20).length);
    expect(value('tantieme_events_appended_total{type="FactRefused"}')).toBe(1);
    expect(value('tantieme_events_appended_total{type="Earned"}')).toBeGreaterThan(0);
  });

  it('count messages by topic and group', () => {
    if (broker === 'Kafka') expect(value('tantieme_messages_published_total{topic="deals"}')).toBe(history(20).length);
    expect(value('tantieme_messages_consumed_total{topic="deals",group="commission-credit"}')).toBe(history(20).length);
    expect(value('tantieme_messages_consumed_total{topic="commissions",group="payouts"}')).toBeGreaterThan(0);
  });

  it('start counters at 0, so that a first increase is visible', () => {
    expect(value('tantieme_parked')).toBe(0);
    expect(value('tantieme_batch_failures_total{topic="rewards",group="payouts"}')).toBe(0);
  });

  it('cover exactly the consumers that the AsyncAPI document names', () => {
    const consumed = Array.from(
      text.matchAll(/^tantieme_messages_consumed_total\{topic="(.+)",group="(.+)"\} /gm),
      ([, topic, group]) => `${topic} ${group}`,
    );
    const named = CHANNELS.flatMap(({ topic, consumers }) => consumers.map(({ group }) => `${topic} ${group}`));
    expect(consumed.filter((one) => !one.startsWith(`${CREDITS_TOPIC} `)).sort()).toEqual(named.sort());
  });

  it.each(['commission-credit', 'commission-earn', 'payouts'])(
    'measure the time from a deal to its effect in the group %s',
    (group) => {
      expect(value(`tantieme_deal_to_effect_seconds_count{group="${group}"}`)).toBeGreaterThan(0);
      expect(value(`tantieme_deal_to_effect_seconds_sum{group="${group}"}`)).toBeGreaterThan(0);
    },
  );

  it('show no lag after everything is processed', () => {
    const relays = broker === 'Kafka' ? ['deal-ingestion-relay', 'commission-credit-relay', 'commission-relay'] : [];
    for (const work of [...relays, 'commission-earn', 'payouts-consumer'])
      expect(value(`tantieme_work_lag{work="${work}"}`)).toBe(0);
  });
});

/** Posts one fact like its source, with additional headers. */
async function postFact(
  { servers }: Driver,
  { dataDirectory }: RuntimeConfig,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const token = await mintToken({ dataDirectory, roles: ['source'], subject: 'crm' });
  const answer = await fetch(`${servers.urlOf('/deals/facts')}/deals/facts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(history(1)[0]),
  });
  expect(answer.status).toBe(201);
}

describe.each(BROKERS)('the log of one deal, %s', (broker) => {
  const servers = new TestServers();
  const lines: Record<string, unknown>[] = [];
  beforeAll(async () => {
    const config = servers.configuration(await brokerOf(broker));
    const driver = await servers.start(config, broker === 'Kafka' ? SETTLE_MS : 0);
    const write = (line: string): unknown => lines.push(JSON.parse(line) as Record<string, unknown>);
    Logger.overrideLogger(new PinoNestLogger(createLogger('debug', { write })));
    await prepare(driver);
    // A deal that comes before its partners is credited because of them, in their trace.
    await driver.awaitIdle();
    await postFact(driver, config, { 'x-correlation-id': 'crm-4711' });
    await driver.awaitIdle();
  });
  afterAll(() => servers.end());

  const isOfTheDeal = ({ correlationId, correlationIds }: Record<string, unknown>): boolean =>
    correlationId === 'crm-4711' || (Array.isArray(correlationIds) && correlationIds.includes('crm-4711'));

  it.each(['DealFactRecorded', 'DealCredited', 'Earned', 'LedgerLinesReceived'])(
    'has its correlation id where %s is appended',
    (type) => {
      const ofType = lines.filter(({ appended }) => appended !== undefined && Object.hasOwn(appended as object, type));
      expect(ofType.filter(isOfTheDeal).length).toBeGreaterThan(0);
    },
  );

  if (broker === 'Kafka')
    it.each(['deals', 'commission-credits', 'commissions'])(
      'has its correlation id where a message is published to %s',
      (topic) => {
        const toTopic = lines.filter(({ msg, topic: published }) => msg === 'published' && published === topic);
        expect(toTopic.filter(isOfTheDeal).length).toBeGreaterThan(0);
      },
    );
});

describe.each(BROKERS)('the trace of one deal, %s', (broker) => {
  const servers = new TestServers();
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  let collector: Collector;
  beforeAll(async () => {
    collector = await Collector.start();
    const config = servers.configuration({ tracesEndpoint: collector.url, ...(await brokerOf(broker)) });
    const driver = await servers.start(config, broker === 'Kafka' ? SETTLE_MS : 0);
    await prepare(driver);
    // A deal that comes before its partners is credited because of them, in their trace.
    await driver.awaitIdle();
    await postFact(driver, config, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    await driver.awaitIdle();
    // The stop sends the remaining spans.
    await servers.stop();
  });
  afterAll(async () => {
    await collector.stop();
    await servers.end();
  });

  it('continues the trace of its source, to the earning and to the account in payouts', () => {
    const published = (topic: string): readonly string[] => (broker === 'Kafka' ? [`publish ${topic}`] : []);
    const paths = collector.spans.filter((span) => span.traceId === traceId).map((span) => collector.pathTo(span));
    expect(paths).toContainEqual([
      'POST /deals/facts',
      ...published('deals'),
      'process deals by commission-credit',
      ...published('commission-credits'),
      'process commission-credits by commission-earn',
      ...published('commissions'),
      'process commissions by payouts',
    ]);
  });

  it('has no spans of other requests', () => {
    const others = new Set(collector.spans.map((span) => span.traceId));
    expect(others.size).toBeGreaterThan(1);
    const own = collector.spans.filter((span) => span.traceId === traceId).map(({ name }) => name);
    expect(own.filter((name) => /^(POST|PUT|GET) /.test(name))).toEqual(['POST /deals/facts']);
  });

  it('has no spans for health and metrics', () => {
    expect(collector.spans.filter(({ name }) => /health|metrics/.test(name))).toEqual([]);
  });
});
