/**
 * A typical internal service: `node outside-producer.fixture.mjs BROKERS` sends the messages of its standard input, one
 * `{ topic, key, value }` per line.
 */
import { createInterface } from 'node:readline';
import { Kafka, logLevel, Partitioners } from 'kafkajs';

const [brokers] = process.argv.slice(2);
const kafka = new Kafka({ brokers: brokers.split(','), clientId: 'outside', logLevel: logLevel.NOTHING });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect();
let waiting = [];
for await (const line of createInterface({ input: process.stdin })) {
  waiting.push(JSON.parse(line));
  if (waiting.length >= 500) await send();
}
await send();
await producer.disconnect();

async function send() {
  const byTopic = Map.groupBy(waiting, ({ topic }) => topic);
  waiting = [];
  await producer.sendBatch({ topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })) });
}
