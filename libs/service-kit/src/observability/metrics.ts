import { Injectable } from '@nestjs/common';
import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

import type { WorkStatus } from './work-status.js';

/** Values of a metrics registry, as a thread sends them to the thread with the API. */
export type MetricsJson = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Buckets for requests, appends and batches, which take milliseconds. */
const SHORT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Buckets for effects that may wait hours behind an import or a stopped service. */
const LONG_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200];

/**
 * The metrics of one application, in a registry of its own. Labels are names from the code: no ids, names of people or
 * amounts, since `/metrics` is public (ADR 15). Counters grow once per batch, not once per event.
 */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  private readonly registers = [this.registry];

  readonly httpRequestDuration = new Histogram({
    name: 'tantieme_http_request_duration_seconds',
    help: 'Time from receiving the head of a request to sending the end of its answer, by route',
    labelNames: ['method', 'route', 'status'],
    buckets: SHORT_SECONDS,
    registers: this.registers,
  });
  readonly eventsAppended = new Counter({
    name: 'tantieme_events_appended_total',
    help: 'Events appended to the event store; FactRefused counts refused facts',
    labelNames: ['type'],
    registers: this.registers,
  });
  readonly appendConflicts = new Counter({
    name: 'tantieme_append_conflicts_total',
    help: 'Appends that found another revision than the expected one, and were decided again',
    labelNames: ['category'],
    registers: this.registers,
  });
  readonly appendDuration = new Histogram({
    name: 'tantieme_append_duration_seconds',
    help: 'Time of one append call, for one event or many',
    buckets: SHORT_SECONDS,
    registers: this.registers,
  });
  readonly messagesPublished = new Counter({
    name: 'tantieme_messages_published_total',
    help: 'Messages stored by the broker',
    labelNames: ['topic'],
    registers: this.registers,
  });
  readonly messagesConsumed = new Counter({
    name: 'tantieme_messages_consumed_total',
    help: 'Messages whose effect is stored, or that were parked',
    labelNames: ['topic', 'group'],
    registers: this.registers,
  });
  readonly batchDuration = new Histogram({
    name: 'tantieme_batch_duration_seconds',
    help: 'Time to store the effect of a batch of messages',
    labelNames: ['topic', 'group'],
    buckets: SHORT_SECONDS,
    registers: this.registers,
  });
  readonly batchFailures = new Counter({
    name: 'tantieme_batch_failures_total',
    help: 'Batches of messages that failed and are retried',
    labelNames: ['topic', 'group'],
    registers: this.registers,
  });
  readonly dealToEffect = new Histogram({
    name: 'tantieme_deal_to_effect_seconds',
    help:
      'Time from recording a deal fact to storing its effect in a consumer group (commission-earn: its earning), ' +
      'for the first fact of each publication',
    labelNames: ['group'],
    buckets: LONG_SECONDS,
    registers: this.registers,
  });
  private readonly workLag = new Gauge({
    name: 'tantieme_work_lag',
    help: 'Backlog of a piece of background work: messages of its topics, or positions in the log',
    labelNames: ['work'],
    registers: this.registers,
  });
  private readonly workFailing = new Gauge({
    name: 'tantieme_work_failing',
    help: '1 while a piece of background work is failing',
    labelNames: ['work'],
    registers: this.registers,
  });
  private readonly parked = new Gauge({
    name: 'tantieme_parked',
    help: 'Messages and events that were refused for good and wait for somebody to retry them',
    registers: this.registers,
  });
  /** Metrics of the process; separate, since they are not summed over threads. */
  private processRegistry: Registry | undefined;

  /**
   * All metrics in Prometheus' text format.
   * @param threads the metrics of the threads of this process.
   */
  async text(works: readonly WorkStatus[], parked: number, threads: readonly MetricsJson[]): Promise<string> {
    this.workLag.reset();
    this.workFailing.reset();
    for (const { name, lag, lastError } of works) {
      if (lag !== undefined) this.workLag.set({ work: name }, Number(lag));
      this.workFailing.set({ work: name }, lastError === undefined ? 0 : 1);
    }
    this.parked.set(parked);
    const own = await this.registry.getMetricsAsJSON();
    const all = AggregatorRegistry.aggregate([own, ...threads].map((part) => [...part]));
    return `${await all.metrics()}${await this.ofProcess().metrics()}`;
  }

  /** Created with the first scrape: it observes the process from then on and cannot be stopped. */
  private ofProcess(): Registry {
    if (this.processRegistry === undefined)
      collectDefaultMetrics({ register: (this.processRegistry = new Registry()) });
    return this.processRegistry;
  }
}
