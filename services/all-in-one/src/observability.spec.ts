/** What an operator sees of a deal's way: in one thread here, with threads in `whole-way.spec`. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CHANNELS } from '@tantieme/contracts/channels';
import { Driver } from './driver.js';
import { startInOneThread, type RunningServer } from './start.js';
import { configOf, history, ndjson, prepare, temporaryDirectory } from './whole-way.fixture.js';

describe('the metrics of a deal’s way', () => {
  const directory = temporaryDirectory();
  let server: RunningServer;
  let text: string;
  beforeAll(async () => {
    server = await startInOneThread(configOf(directory.path));
    const driver = new Driver(server.url, directory.path);
    await prepare(driver);
    await driver.import(`${ndjson(history(20))}\n{"no":"fact"}`);
    await driver.settled();
    text = await (await fetch(`${server.url}/metrics`)).text();
  });
  afterAll(async () => {
    await server.stop();
    directory.remove();
  });

  const value = (sample: string): number =>
    Number(new Map(text.split('\n').map((line) => [line.replace(/ \S+$/, ''), line.replace(/^.* /, '')])).get(sample));

  it('count events by type, and facts in quarantine among them', () => {
    expect(value('tantieme_events_appended_total{type="DealFactRecorded"}')).toBe(history(20).length);
    expect(value('tantieme_events_appended_total{type="FactRefused"}')).toBe(1);
    expect(value('tantieme_events_appended_total{type="Earned"}')).toBeGreaterThan(0);
  });

  it('count messages by topic and group', () => {
    expect(value('tantieme_messages_published_total{topic="deals"}')).toBe(history(20).length);
    expect(value('tantieme_messages_consumed_total{topic="deals",group="commission-credit"}')).toBe(history(20).length);
    expect(value('tantieme_messages_consumed_total{topic="commissions",group="payouts"}')).toBeGreaterThan(0);
  });

  it('know no consumer of a topic of the world that the AsyncAPI document does not', () => {
    const consumed = Array.from(text.matchAll(/^tantieme_messages_consumed_total\{topic="(.+)",group="(.+)"\} /gm));
    const named = consumed.filter(([, topic]) => CHANNELS.some((channel) => channel.topic === topic));
    expect(named.length).toBeGreaterThanOrEqual(5);
    for (const [, topic, group] of named)
      expect(CHANNELS.find((channel) => channel.topic === topic)?.consumers.map((one) => one.group)).toContain(group);
  });

  it.each(['commission-credit', 'commission-earn', 'payouts'])(
    'measure the time from a deal to its effect in the group %s',
    (group) => {
      expect(value(`tantieme_deal_to_effect_seconds_count{group="${group}"}`)).toBeGreaterThan(0);
      expect(value(`tantieme_deal_to_effect_seconds_sum{group="${group}"}`)).toBeGreaterThan(0);
    },
  );

  it('say that nothing is left to do', () => {
    for (const work of ['deal-ingestion-relay', 'commission-earn', 'payouts-intake'])
      expect(value(`tantieme_work_lag{work="${work}"}`)).toBe(0);
  });
});
