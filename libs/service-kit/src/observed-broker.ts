/** A broker whose messages are counted; consumers know of their messages what goes along with them. */
import { BEGUN_AT_HEADER } from '@tantieme/event-sourcing/relay';
import type { Broker, ConsumeOptions, DeadLetter, Message } from '@tantieme/messaging/broker';

import { causes } from './causes.js';
import type { Trail } from './causes.js';
import type { Metrics } from './metrics.js';

export function observedBroker(broker: Broker, metrics: Metrics): Broker {
  return {
    publish: async (topic, messages) => {
      await broker.publish(topic, messages);
      metrics.messagesPublished.inc({ topic }, messages.length);
    },
    consume: (options) => broker.consume({ ...options, handle: observedHandle(options, metrics) }),
    endPositions: (topic) => broker.endPositions(topic),
    committedPositions: (group, topic) => broker.committedPositions(group, topic),
    read: (topic, options) => broker.read(topic, options),
    close: () => broker.close(),
  };
}

function observedHandle({ group, handle }: ConsumeOptions, metrics: Metrics): ConsumeOptions['handle'] {
  return async (batch) => {
    const topic = batch[0]?.topic ?? '';
    const trails = trailsOf(batch);
    const ended = metrics.batchDuration.startTimer({ topic, group });
    let deadLetters: readonly DeadLetter[] | void;
    try {
      deadLetters = await causes.run(trails, () => handle(batch));
    } catch (error) {
      metrics.batchFailures.inc({ topic, group });
      throw error;
    }
    ended();
    metrics.messagesConsumed.inc({ topic, group }, batch.length);
    if (deadLetters && deadLetters.length > 0) metrics.deadLetters.inc({ topic, group }, deadLetters.length);
    for (const { begunAt } of trails.values())
      if (begunAt !== undefined) metrics.dealToEffect.observe({ group }, secondsSince(begunAt));
    return deadLetters;
  };
}

/** By the ids of the messages: of the few that have any. */
function trailsOf(batch: readonly Message[]): ReadonlyMap<string, Trail> {
  const trails = new Map<string, Trail>();
  for (const { headers, value } of batch) {
    const begunAt = headers?.[BEGUN_AT_HEADER];
    const id = begunAt === undefined ? undefined : idOf(value);
    if (id !== undefined && begunAt !== undefined && Number.isFinite(Date.parse(begunAt))) trails.set(id, { begunAt });
  }
  return trails;
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
