/** Independent clients for tests: what other systems see of a topic, and what they write to one. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { OutgoingMessage } from '../../broker.js';
import { KafkaMissing, kafkaLibraries } from './kafka-server.js';

export interface ForeignClient {
  readonly name: string;
  /** The first `count` messages of a topic, in order per key. @throws if there are fewer. */
  read(brokers: readonly string[], topic: string, count: number): Promise<readonly OutgoingMessage[]>;
}

const OUTPUT_BYTES_MAX = 512 * 1024 * 1024;
/** The console consumer gives up after this long without a message. */
const IDLE_MS_MAX = 20_000;
const CONSOLE_CONSUMER = 'org.apache.kafka.tools.consumer.ConsoleConsumer';

const run = promisify(execFile);

/**
 * kcat if it is installed, otherwise the console consumer of Kafka, on Java.
 * @returns undefined if neither can be had. @throws in that case in CI, where no test may be skipped.
 */
export async function findForeignClient(): Promise<ForeignClient | undefined> {
  if (hasKcat()) return clientOf('kcat', ['kcat'], kcatArguments);
  try {
    const command = ['java', '-XX:+UseSerialGC', '-cp', join(await kafkaLibraries(), '*'), CONSOLE_CONSUMER];
    return clientOf("Kafka's console consumer", command, consoleConsumerArguments);
  } catch (error) {
    if (process.env['CI'] || !(error instanceof KafkaMissing)) throw error;
    return undefined;
  }
}

type Arguments = (brokers: string, topic: string, count: number) => readonly string[];

/** Both print one line per message: headers, key and value, separated by tabs. */
const kcatArguments: Arguments = (brokers, topic, count) => {
  return ['-C', '-b', brokers, '-t', topic, '-c', String(count), '-e', '-q', '-f', '%h\t%k\t%s\n'];
};
const consoleConsumerArguments: Arguments = (brokers, topic, count) => [
  ...['--bootstrap-server', brokers, '--topic', topic, '--from-beginning'],
  ...['--max-messages', String(count), '--timeout-ms', String(IDLE_MS_MAX)],
  ...['--formatter-property', 'print.key=true', '--formatter-property', 'print.headers=true'],
];

function clientOf(name: string, [program = '', ...rest]: readonly string[], argumentsOf: Arguments): ForeignClient {
  return {
    name,
    read: async (brokers, topic, count) => {
      const { stdout } = await run(program, [...rest, ...argumentsOf(brokers.join(','), topic, count)], {
        maxBuffer: OUTPUT_BYTES_MAX,
      });
      const messages = stdout.trimEnd().split('\n').map(messageOf);
      if (messages.length !== count)
        throw new Error(`${name} read ${messages.length} of ${count} messages of ${topic}`);
      return messages;
    },
  };
}

function messageOf(line: string): OutgoingMessage {
  const [headers = '', key = '', ...value] = line.split('\t');
  // kcat prints `name=text`, the console consumer `name:text`.
  const entries = headers
    .split(',')
    .map((header): [string, string] => [header.replace(/[:=].*/, ''), header.replace(/^[^:=]*[:=]/, '')]);
  return { key, value: value.join('\t'), headers: Object.fromEntries(entries) };
}

function hasKcat(): boolean {
  try {
    execFileSync('kcat', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A message as Kafka accepts it, even without key or value. */
export interface ForeignMessage {
  readonly topic: string;
  readonly key: string | null;
  readonly value: string | null;
}

/** Sends messages from another process, like an internal service that uses kafkajs but none of our code. */
export async function produceOutside(brokers: readonly string[], messages: readonly ForeignMessage[]): Promise<void> {
  const program = fileURLToPath(new URL('./outside-producer.fixture.mjs', import.meta.url));
  // Without our patch, kafkajs makes Node warn of its timers.
  const child = spawn(process.execPath, ['--no-warnings', program, brokers.join(',')], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the producer ended with exit code ${String(code)}`);
}
