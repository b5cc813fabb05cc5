/** Opens the configured broker. */
import { join } from 'node:path';

import { Logger } from '@nestjs/common';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Broker } from '@tantieme/messaging/broker';
import { PAGE_CACHE_BYTES_MAX } from '@tantieme/messaging/limits';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';
import type { TopicViews } from '@tantieme/messaging/embedded/topic-view';

import type { KafkaLog } from '@tantieme/messaging/kafka/options';

import type { RuntimeConfig } from './config.js';
import { makeDataDirectory } from './data-directory.js';
import { pageCacheBytesOf } from './memory.js';

export type BrokerConfig = Pick<RuntimeConfig, 'dataDirectory' | 'kafka' | 'partitions' | 'memoryMb'>;

/** The file of the embedded broker. */
export function brokerFile({ dataDirectory }: Pick<BrokerConfig, 'dataDirectory'>): string {
  return join(dataDirectory, 'broker.sqlite');
}

/**
 * Does not wait for Kafka: the first call shows whether it can be reached.
 * @param views topics that the embedded broker reads from the log; the services add theirs before anything is read
 */
export async function openBroker(
  { dataDirectory, kafka, partitions, memoryMb }: BrokerConfig,
  views: TopicViews = new Map(),
): Promise<Broker> {
  if (kafka === undefined) {
    makeDataDirectory(dataDirectory);
    return openEmbeddedBroker(brokerFile({ dataDirectory }), {
      views,
      pageCacheBytes: pageCacheBytesOf(memoryMb, PAGE_CACHE_BYTES_MAX),
    });
  }
  // Loaded only where it is used.
  const { openKafkaBroker } = await import('@tantieme/messaging/kafka/broker');
  const logger = new Logger('Kafka');
  const log: KafkaLog = (level, message, details) => logger[level === 'info' ? 'log' : level](details, message);
  return openKafkaBroker(omitUndefined({ ...kafka, partitions, log }));
}
