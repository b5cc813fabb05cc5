/** An internal service as anybody writes one: `node outside-producer.fixture.mjs BROKERS TOPIC` sends the messages of its input, a JSON object a line. */
import { createInterface } from 'node:readline';
import { Kafka, logLevel, Partitioners } from 'kafkajs';

const [brokers, topic] = process.argv.slice(2);
const kafka = new Kafka({ brokers: brokers.split(','), clientId: 'outside', logLevel: logLevel.NOTHING });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect();
let messages = [];
for await (const line of createInterface({ input: process.stdin })) {
  messages.push(JSON.parse(line));
  if (messages.length >= 500) await send();
}
await send();
await producer.disconnect();

async function send() {
  if (messages.length > 0) await producer.send({ topic, messages });
  messages = [];
}
