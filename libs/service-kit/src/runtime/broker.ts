/** The broker that the configuration names. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { Logger } from '@nestjs/common';
import type { Broker } from '@tantieme/messaging/broker';
import { openSqliteBroker } from '@tantieme/messaging/embedded/broker';

import type { RuntimeConfig } from './config.js';

export type BrokerConfig = Pick<RuntimeConfig, 'dataDirectory' | 'kafka' | 'partitions'>;

/** Opens without waiting for a Kafka: whether it can be reached is seen with the first call. */
export async function openBroker({ dataDirectory, kafka, partitions }: BrokerConfig): Promise<Broker> {
  if (kafka === undefined) {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    return openSqliteBroker(join(dataDirectory, 'broker.sqlite'), partitions === undefined ? {} : { partitions });
  }
  // Only who uses Kafka loads its client.
  const { openKafkaBroker } = await import('@tantieme/messaging/kafka/broker');
  const logger = new Logger('Kafka');
  return openKafkaBroker({
    ...kafka,
    ...(partitions === undefined ? {} : { partitions }),
    log: (level, message, details) => logger[level === 'info' ? 'log' : level](details, message),
  });
}
