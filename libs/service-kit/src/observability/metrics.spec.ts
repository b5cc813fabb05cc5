import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Metrics } from './metrics.js';
import { Sample } from '../testing/sample.fixture.js';

const scrape = async ({ application }: Sample): Promise<string> => (await application.inject('/metrics')).body;

describe('the metrics endpoint', () => {
  let sample: Sample;
  let other: Sample;
  beforeAll(async () => {
    sample = await Sample.start();
    other = await Sample.start();
  });
  afterAll(async () => {
    await sample.stop();
    await other.stop();
  });

  it('is public and answers in the text format', async () => {
    const answer = await sample.application.inject('/metrics');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('labels requests by route, never by address', async () => {
    const { application } = sample;
    await application.inject('/orders/secret-7');
    await application.inject('/nowhere/secret-8');
    const text = await scrape(sample);
    expect(text).toContain(
      'tantieme_http_request_duration_seconds_count{method="GET",route="/orders/:id",status="401"} 1',
    );
    expect(text).toContain('tantieme_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1');
    expect(text).not.toContain('secret');
  });

  it('covers one application where a process has two', async () => {
    await other.application.inject('/orders/7');
    expect(await scrape(other)).toContain('route="/orders/:id",status="401"} 1');
    expect(await scrape(other)).not.toContain('route="none",status="404"');
  });

  it('includes metrics of the process', async () => {
    const text = await scrape(sample);
    expect(text).toMatch(/^process_cpu_seconds_total [\d.]+$/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  });

  it('shows the lag of background work, and which work is failing', async () => {
    const text = await scrape(sample);
    expect(text).toContain('tantieme_work_lag{work="sample-first"} 0');
    expect(text).toContain('tantieme_work_failing{work="sample-second"} 0');
  });

  it('follows the naming conventions: counters end in _total, durations in _seconds', async () => {
    const types = await new Metrics().registry.getMetricsAsJSON();
    expect(types.length).toBeGreaterThan(5);
    for (const { name, type } of types) {
      expect(name).toMatch(/^tantieme_[a-z]+(_[a-z]+)*$/);
      expect(String(type) === 'counter').toBe(name.endsWith('_total'));
      if (String(type) === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  });

  it('sums the metrics of threads', async () => {
    const main = new Metrics();
    const thread = new Metrics();
    main.eventsAppended.inc({ type: 'Earned' }, 2);
    thread.eventsAppended.inc({ type: 'Earned' }, 3);
    thread.dealToEffect.observe({ group: 'commission-earn' }, 0.2);
    const text = await main.text([], 2, [await thread.registry.getMetricsAsJSON()]);
    expect(text).toContain('tantieme_events_appended_total{type="Earned"} 5');
    expect(text).toContain('tantieme_parked 2');
    expect(text).toContain('tantieme_deal_to_effect_seconds_count{group="commission-earn"} 1');
  });
});
