/** A broker whose messages are counted and traced; consumers know of their messages what goes along with them. */
import type { Span } from '@opentelemetry/api';
import { Logger } from '@nestjs/common';
import { TOPICS } from '@tantieme/contracts/topics';
import { ORIGIN_RECORDED_AT_HEADER, TRACEPARENT_HEADER } from '@tantieme/event-sourcing/process/relay';
import type { Broker, ConsumeOptions, DeadLetter, Message, OutgoingMessage } from '@tantieme/messaging/broker';

import { traceContext } from './trace-context.js';
import type { Trail } from './trace-context.js';
import type { Metrics } from './metrics.js';
import { endFailed, SpanKind, traceparentOf } from './tracing.js';
import type { Tracing } from './tracing.js';

/** Where the world publishes: a trace begins here, if it has not before. */
const INBOUND: readonly string[] = [TOPICS.dealsInbound, TOPICS.referencesInbound, TOPICS.paymentsInbound];

/** @param tracing null where nothing is traced. */
export function observedBroker(broker: Broker, metrics: Metrics, tracing: Tracing | null): Broker {
  const logger = new Logger('Broker');
  return {
    publish: async (topic, messages) => {
      const { outgoing, spans } =
        tracing === null ? { outgoing: messages, spans: [] } : traced(tracing, topic, messages);
      try {
        await broker.publish(topic, outgoing);
      } catch (error) {
        for (const span of spans) endFailed(span, error);
        throw error;
      }
      for (const span of spans) span.end();
      metrics.messagesPublished.inc({ topic }, messages.length);
      logger.debug({ topic, messages: messages.length }, 'published');
    },
    consume: (options) => {
      // From 0 on: what begins with 1 is no increase to Prometheus.
      for (const counter of [metrics.messagesConsumed, metrics.deadLetters, metrics.batchFailures])
        for (const topic of options.topics) counter.inc({ topic, group: options.group }, 0);
      return broker.consume({ ...options, handle: observedHandle(options, metrics, tracing) });
    },
    endPositions: (topic) => broker.endPositions(topic),
    committedPositions: (group, topic) => broker.committedPositions(group, topic),
    read: (topic, options) => broker.read(topic, options),
    close: () => broker.close(),
  };
}

/** A span for each message that belongs to a trace, which its consumers continue. */
function traced(
  tracing: Tracing,
  topic: string,
  messages: readonly OutgoingMessage[],
): { readonly outgoing: readonly OutgoingMessage[]; readonly spans: readonly Span[] } {
  const spans: Span[] = [];
  const outgoing = messages.map((message) => {
    const parent = message.headers?.[TRACEPARENT_HEADER];
    if (parent === undefined) return message;
    const span = tracing.start(`publish ${topic}`, SpanKind.PRODUCER, attributesOf('send', topic), parent);
    spans.push(span);
    const traceparent = traceparentOf(span);
    return traceparent === undefined
      ? message
      : { ...message, headers: { ...message.headers, [TRACEPARENT_HEADER]: traceparent } };
  });
  return { outgoing, spans };
}

function observedHandle(
  { group, handle }: ConsumeOptions,
  metrics: Metrics,
  tracing: Tracing | null,
): ConsumeOptions['handle'] {
  return async (batch) => {
    const topic = batch[0]?.topic ?? '';
    const { trails, spans } = trailsOf(batch, group, tracing);
    const ended = metrics.batchDuration.startTimer({ topic, group });
    let deadLetters: readonly DeadLetter[] | void;
    try {
      deadLetters = await traceContext.run(trails, () => handle(batch));
    } catch (error) {
      metrics.batchFailures.inc({ topic, group });
      for (const span of spans) endFailed(span, error);
      throw error;
    }
    ended();
    for (const span of spans) span.end();
    metrics.messagesConsumed.inc({ topic, group }, batch.length);
    if (deadLetters && deadLetters.length > 0) metrics.deadLetters.inc({ topic, group }, deadLetters.length);
    for (const { originRecordedAt } of trails.values())
      if (originRecordedAt !== undefined) metrics.dealToEffect.observe({ group }, secondsSince(originRecordedAt));
    return deadLetters;
  };
}

/** By the ids of the messages: of the few that have any. */
function trailsOf(
  batch: readonly Message[],
  group: string,
  tracing: Tracing | null,
): { readonly trails: ReadonlyMap<string, Trail>; readonly spans: readonly Span[] } {
  const trails = new Map<string, Trail>();
  const spans: Span[] = [];
  for (const { topic, headers, value, partition, offset } of batch) {
    const said = headers?.[ORIGIN_RECORDED_AT_HEADER];
    const origin = said !== undefined && Number.isFinite(Date.parse(said)) ? { originRecordedAt: said } : undefined;
    const parent = headers?.[TRACEPARENT_HEADER];
    const isTraced = tracing !== null && (parent !== undefined || INBOUND.includes(topic));
    const id = origin === undefined && !isTraced ? undefined : idOf(value);
    if (id === undefined) continue;
    if (!isTraced) {
      trails.set(id, { ...origin });
      continue;
    }
    const attributes = {
      ...attributesOf('process', topic),
      'messaging.consumer.group.name': group,
      'messaging.destination.partition.id': String(partition),
      'messaging.kafka.offset': Number(offset),
      'messaging.message.id': id,
    };
    const span = tracing.start(`process ${topic}`, SpanKind.CONSUMER, attributes, parent);
    spans.push(span);
    const traceparent = traceparentOf(span);
    trails.set(id, { ...origin, ...(traceparent === undefined ? {} : { traceparent }) });
  }
  return { trails, spans };
}

/** By OpenTelemetry's semantic conventions for messaging. */
function attributesOf(operation: 'send' | 'process', topic: string): Record<string, string> {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.type': operation,
    'messaging.operation.name': operation,
    'messaging.destination.name': topic,
  };
}

/** What is no message is the consumer's to set aside. */
function idOf(value: string): string | undefined {
  try {
    const { id }: { id?: unknown } = JSON.parse(value);
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}

/** Clocks of two machines differ: what seems to come from the future took no time. */
function secondsSince(instant: string): number {
  return Math.max(0, (Date.now() - Date.parse(instant)) / 1000);
}
