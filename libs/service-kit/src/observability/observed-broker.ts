/** Wraps a broker: counts and traces messages, and passes trace fields on to consumers. */
import type { Span } from '@opentelemetry/api';
import { Logger } from '@nestjs/common';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { TOPICS } from '@tantieme/contracts/topics';
import { ORIGIN_RECORDED_AT_HEADER, TRACEPARENT_HEADER } from '@tantieme/event-sourcing/process/publication';
import type { ObserveStep } from '@tantieme/event-sourcing/process/runner';
import type { Broker, Message, OutgoingMessage } from '@tantieme/messaging/broker';

import { traceContext } from './trace-context.js';
import type { TraceFields } from './trace-context.js';
import type { Metrics } from './metrics.js';
import { endFailed, SpanKind, traceparentOf } from './tracing.js';
import type { Tracing } from './tracing.js';

/** Topics on which other systems publish: a message without a trace begins one here. */
const INBOUND: readonly string[] = [TOPICS.dealsInbound, TOPICS.referencesInbound, TOPICS.paymentsInbound];

/**
 * @param tracing null for no traces.
 * @param onPublished called after each publication
 */
export function observedBroker(
  broker: Broker,
  metrics: Metrics,
  tracing: Tracing | null,
  onPublished: (topic: string) => Promise<void> = async () => undefined,
): Broker {
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
      await onPublished(topic);
      logger.debug({ topic, messages: messages.length }, 'published');
    },
    subscribe: (options) => {
      // Starts at 0: Prometheus sees no increase in a counter whose first value is 1.
      for (const counter of [metrics.messagesConsumed, metrics.batchFailures])
        for (const topic of options.topics) counter.inc({ topic, group: options.group }, 0);
      return broker.subscribe(options);
    },
    endPositions: (topic) => broker.endPositions(topic),
    committedPositions: (group, topic) => broker.committedPositions(group, topic),
    close: () => broker.close(),
  };
}

/** Starts a span for each message that belongs to a trace; its consumers continue it. */
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
    if (traceparent === undefined) return message;
    return { ...message, headers: { ...message.headers, [TRACEPARENT_HEADER]: traceparent } };
  });
  return { outgoing, spans };
}

/** Measures and traces the step of a batch of messages. */
export function observedStep(metrics: Metrics, tracing: Tracing | null): ObserveStep {
  return async (group, batch, step) => {
    const topic = batch[0]?.topic;
    if (topic === undefined) return step();
    const { fieldsOf, spans } = traceFieldsOf(batch, group, tracing);
    const stopTimer = metrics.batchDuration.startTimer({ topic, group });
    try {
      const result = await traceContext.run(fieldsOf, step);
      stopTimer();
      for (const span of spans) span.end();
      metrics.messagesConsumed.inc({ topic, group }, batch.length);
      for (const { originRecordedAt } of fieldsOf.values())
        if (originRecordedAt !== undefined) metrics.dealToEffect.observe({ group }, secondsSince(originRecordedAt));
      return result;
    } catch (error) {
      metrics.batchFailures.inc({ topic, group });
      for (const span of spans) endFailed(span, error);
      throw error;
    }
  };
}

/** The trace fields by message id, for the messages that have any, and the spans begun for them. */
function traceFieldsOf(
  batch: readonly Message[],
  group: string,
  tracing: Tracing | null,
): { readonly fieldsOf: ReadonlyMap<string, TraceFields>; readonly spans: readonly Span[] } {
  const fieldsOf = new Map<string, TraceFields>();
  const spans: Span[] = [];
  for (const message of batch) {
    const { topic, headers, partition, offset } = message;
    const header = headers?.[ORIGIN_RECORDED_AT_HEADER];
    const originRecordedAt = header !== undefined && Number.isFinite(Date.parse(header)) ? header : undefined;
    const parent = headers?.[TRACEPARENT_HEADER];
    const isTraced = tracing !== null && (parent !== undefined || INBOUND.includes(topic));
    const id = originRecordedAt === undefined && !isTraced ? undefined : idOf(message);
    if (id === undefined) continue;
    if (!isTraced) {
      fieldsOf.set(id, omitUndefined({ originRecordedAt }));
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
    fieldsOf.set(id, omitUndefined({ originRecordedAt, traceparent }));
  }
  return { fieldsOf, spans };
}

/** Attributes of OpenTelemetry's semantic conventions for messaging. */
function attributesOf(operation: 'send' | 'process', topic: string): Record<string, string> {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.type': operation,
    'messaging.operation.name': operation,
    'messaging.destination.name': topic,
  };
}

/** Undefined for an invalid message, which the consumer parks. */
function idOf({ content, value }: Message): string | undefined {
  try {
    const { id } = (content ?? JSON.parse(value)) as { readonly id?: unknown };
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}

/** Zero for an instant in the future: the clocks of two machines differ. */
function secondsSince(instant: string): number {
  return Math.max(0, (Date.now() - Date.parse(instant)) / 1000);
}
