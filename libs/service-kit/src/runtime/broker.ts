/** Opens the configured broker. */
import { join } from 'node:path';

import { Logger } from '@nestjs/common';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Broker } from '@tantieme/messaging/broker';
import { openSqliteBroker } from '@tantieme/messaging/embedded/broker';

import type { KafkaLog } from '@tantieme/messaging/kafka/options';

import type { RuntimeConfig } from './config.js';
import { makeDataDirectory } from './data-directory.js';

export type BrokerConfig = Pick<RuntimeConfig, 'dataDirectory' | 'kafka' | 'partitions'>;

/** Does not wait for Kafka: the first call shows whether it can be reached. */
export async function openBroker({ dataDirectory, kafka, partitions }: BrokerConfig): Promise<Broker> {
  if (kafka === undefined) {
    return openSqliteBroker(join(makeDataDirectory(dataDirectory), 'broker.sqlite'), omitUndefined({ partitions }));
  }
  // Loaded only where it is used.
  const { openKafkaBroker } = await import('@tantieme/messaging/kafka/broker');
  const logger = new Logger('Kafka');
  const log: KafkaLog = (level, message, details) => logger[level === 'info' ? 'log' : level](details, message);
  return openKafkaBroker(omitUndefined({ ...kafka, partitions, log }));
}
