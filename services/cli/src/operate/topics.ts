import { Command } from 'commander';
import { ALL_TOPICS } from '@tantieme/all-in-one/topics';
import { createKafkaTopics } from '@tantieme/messaging/kafka/topics';
import { loadConfig, type Environment } from '@tantieme/service-kit/runtime/config';
import { print, printJson } from '../output/print.js';
import { table } from '../output/table.js';

interface CreateOptions {
  readonly partitions?: string;
  readonly replication?: string;
  readonly retentionDays?: string;
  readonly json?: boolean;
}

export function topicsCommand(): Command {
  const create = new Command('create')
    .description(
      'create the topics that are missing on the Kafka that TANTIEME_KAFKA names; those that exist stay as they are',
    )
    .option('--partitions <count>', 'partitions of a topic (TANTIEME_PARTITIONS)')
    .option(
      '--replication <count>',
      'replicas of a partition (TANTIEME_KAFKA_REPLICATION; default: what the cluster has set)',
    )
    .option('--retention-days <days>', 'how long messages are kept (TANTIEME_KAFKA_RETENTION_DAYS; default: 30)')
    .option('--json', 'print JSON')
    .action(async (options: CreateOptions) => {
      const { kafka, partitions } = loadConfig(environmentOf(options));
      if (kafka === undefined)
        throw new Error('TANTIEME_KAFKA names no brokers; the embedded broker makes its topics by itself');
      const states = await createKafkaTopics(
        { ...kafka, ...(partitions === undefined ? {} : { partitions }) },
        ALL_TOPICS,
      );
      if (options.json) printJson(states);
      else
        print(
          table(
            [
              { title: 'topic', of: ({ topic }) => topic },
              { title: 'partitions', of: ({ partitions: count }) => count, align: 'right' },
              { title: 'state', of: ({ created }) => (created ? 'created' : 'existed before') },
            ],
            states,
          ),
        );
    });
  return new Command('topics').description('work on the topics of a Kafka').addCommand(create);
}

/** Options before variables, under the same rules. */
function environmentOf({ partitions, replication, retentionDays }: CreateOptions): Environment {
  return {
    ...process.env,
    ...(partitions === undefined ? {} : { TANTIEME_PARTITIONS: partitions }),
    ...(replication === undefined ? {} : { TANTIEME_KAFKA_REPLICATION: replication }),
    ...(retentionDays === undefined ? {} : { TANTIEME_KAFKA_RETENTION_DAYS: retentionDays }),
  };
}
