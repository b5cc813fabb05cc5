/** `tantieme topics`: creates the topics in Kafka. */
import { Command } from 'commander';
import { ALL_TOPICS } from '@tantieme/all-in-one/topics';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
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
    .description('create missing topics in the Kafka that TANTIEME_KAFKA names; existing topics stay unchanged')
    .option('--partitions <count>', 'partitions per topic (TANTIEME_PARTITIONS; default: 4)')
    .option(
      '--replication <count>',
      'replicas per partition (TANTIEME_KAFKA_REPLICATION; default: the setting of the cluster)',
    )
    .option(
      '--retention-days <days>',
      'days for which messages are retained (TANTIEME_KAFKA_RETENTION_DAYS; default: 30)',
    )
    .option('--json', 'print JSON')
    .action(async (options: CreateOptions) => {
      const { kafka, partitions } = loadConfig({ ...process.env, ...variablesOf(options) });
      if (kafka === undefined)
        throw new Error(
          'TANTIEME_KAFKA is not set: set it to the brokers, such as TANTIEME_KAFKA=localhost:9092. ' +
            'The embedded broker needs no topics to be created.',
        );
      // Loaded here, since every other command starts without the Kafka client.
      const { createKafkaTopics } = await import('@tantieme/messaging/kafka/topics');
      const states = await createKafkaTopics({ ...kafka, partitions }, ALL_TOPICS);
      if (options.json) printJson(states);
      else
        print(
          table(
            [
              { title: 'topic', of: ({ topic }) => topic },
              { title: 'partitions', of: (one) => one.partitions, align: 'right' },
              { title: 'state', of: ({ created }) => (created ? 'created' : 'existed before') },
            ],
            states,
          ),
        );
    });
  return new Command('topics').description('create the topics in Kafka').addCommand(create);
}

/** The options as environment variables, so that both follow the same rules. */
function variablesOf({ partitions, replication, retentionDays }: CreateOptions): Readonly<Record<string, string>> {
  return omitUndefined({
    TANTIEME_PARTITIONS: partitions,
    TANTIEME_KAFKA_REPLICATION: replication,
    TANTIEME_KAFKA_RETENTION_DAYS: retentionDays,
  });
}
