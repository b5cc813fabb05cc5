/** How the adapter's kafkajs clients are made: address, identity, patience, and where their log lines go. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel, type LogEntry, type RetryOptions, type SASLOptions } from 'kafkajs';
import { backoffMs } from '@tantieme/time/backoff';
import type { KafkaLogLevel, KafkaOptions, TlsOptions } from './options.js';

const CONNECT_MS_MAX = 5_000;

/**
 * The patience of kafkajs itself: one and a half seconds in four tries, and less than ten where such tries are nested. Whoever
 * called then hears of it, and tries again for ever with a pause of its own: so a process can say what it waits for.
 */
export const RETRY: RetryOptions = {
  initialRetryTime: 100,
  multiplier: 2,
  factor: 0.2,
  maxRetryTime: 2_000,
  retries: 4,
};

/** A client of its own for every use: consumers of one group that share one mix up their positions (kafkajs keeps them by group). */
export function newKafka(options: KafkaOptions): Kafka {
  const { brokers, clientId = 'tantieme', tls, sasl, log } = options;
  return new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECT_MS_MAX,
    retry: RETRY,
    logLevel: log === undefined ? logLevel.NOTHING : logLevel.INFO,
    logCreator: () => (entry) => log?.(levelOf(entry), `kafkajs: ${entry.log.message}`, detailsOf(entry)),
    ...(tls === undefined ? {} : { ssl: readTls(tls) }),
    // kafkajs has a type for each mechanism; these three have the same fields.
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as SASLOptions }),
  });
}

function readTls({ caFile, certFile, keyFile }: TlsOptions): { ca?: string[]; cert?: string; key?: string } {
  return {
    ...(caFile === undefined ? {} : { ca: [readFileSync(caFile, 'utf8')] }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile, 'utf8') }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile, 'utf8') }),
  };
}

/**
 * What happens whenever members come and go, or a broker does: kafkajs calls it an error, and gets over it by itself or throws it. What is
 * thrown is told by whoever called, once and not at every try.
 */
const USUAL =
  /rebalanc|coordinator|not aware of this member|connection|connect to|Crash: |not the leader|does not host|Limiting retries for the idempotent producer/i;

/** One level below what kafkajs thinks of it. */
function levelOf({ level, log }: LogEntry): KafkaLogLevel {
  if (USUAL.test(log.message) || USUAL.test(String(log['error'] ?? ''))) return 'debug';
  if (level === logLevel.ERROR) return 'warn';
  return level === logLevel.WARN ? 'info' : 'debug';
}

function detailsOf({ namespace, log }: LogEntry): Record<string, unknown> {
  const { message: _message, timestamp: _timestamp, stack: _stack, ...rest } = log;
  return { namespace, ...rest };
}

/** kafkajs's queue of the requests of one connection; `throttledUntil` is -1 where the broker asked for no pause. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

const CHECK_MS = 10;

/**
 * kafkajs 2.2.4 looks for requests to send again in "-1 less now" milliseconds, which Node makes 1: every connection wakes a thousand
 * times a second for nothing, also when it is closed long since (its issue 1751). It has to look only where something waits.
 */
function mendRequestQueue(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue');
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId) return;
    const throttledMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : CHECK_MS,
    );
  };
}
mendRequestQueue();

/** Pauses before something is asked again, in milliseconds: from the first, doubled up to the last. */
const PATIENCE = { firstMs: 50, maxMs: 3_200 };
const TRIES_MAX = 8;

/** Asks again, for about six seconds, where the answer is that a coordinator or a leader is about to begin: every new group and topic has it. */
export async function patiently<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1)
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES_MAX || !isStarting(error)) throw error;
      await pause(backoffMs(PATIENCE, tries), undefined, { signal });
    }
}

/** By name: Node does not find the class among the exports of a CommonJS module that spreads them. */
function isStarting(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Where no partition of a topic has a leader yet, kafkajs asks nobody for offsets, and trips over having no answer.
  if (error.name === 'TypeError' && /'partitions' of '(?:low|high)\.pop\(/.test(error.message)) return true;
  return error.name === 'KafkaJSProtocolError' && 'retriable' in error && error.retriable === true;
}

/** What can be connected, and given up. */
interface Connectable {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

/** A client that is connected when it is first needed. After a failure it is given up, and the next use connects a new one. */
export class Connection<Client extends Connectable> {
  private current: Promise<Client> | undefined;
  private closed = false;

  constructor(private readonly create: () => Client) {}

  /** @throws what connecting or the work throws. */
  async use<T>(work: (client: Client) => Promise<T>): Promise<T> {
    if (this.closed) throw new Error('the broker is closed');
    const mine = (this.current ??= this.connect());
    try {
      const client = await mine;
      return await patiently(() => work(client));
    } catch (error) {
      if (this.current === mine) this.current = undefined;
      void disconnect(mine);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    const last = this.current;
    this.current = undefined;
    if (last) await disconnect(last);
  }

  private async connect(): Promise<Client> {
    const client = this.create();
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.disconnect().catch(() => undefined);
      throw error;
    }
  }
}

/** What cannot be closed orderly is gone already. */
async function disconnect(client: Promise<Connectable>): Promise<void> {
  await client.then((one) => one.disconnect()).catch(() => undefined);
}
