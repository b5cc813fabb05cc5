/** Creates the adapter's kafkajs clients: addresses, TLS, SASL, retries and logging. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ConnectionOptions } from 'node:tls';
import { setTimeout as pause } from 'node:timers/promises';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { backoffMs } from '@tantieme/time/backoff';
import { Kafka, logLevel, type LogEntry, type RetryOptions, type SASLOptions } from 'kafkajs';
import type { KafkaLogLevel, KafkaOptions, TlsOptions } from './options.js';

const CONNECT_MS_MAX = 5_000;

/**
 * Retries of kafkajs itself: four within one and a half seconds, or less than ten seconds when nested. The caller then
 * receives the error and retries with its own pauses, so that a process can report what it waits for.
 */
export const RETRY: RetryOptions = {
  initialRetryTime: 100,
  multiplier: 2,
  factor: 0.2,
  maxRetryTime: 2_000,
  retries: 4,
};

/** Use one client per consumer: consumers of one group that share a client confuse their positions. */
export function newKafka(options: KafkaOptions): Kafka {
  const { brokers, clientId = 'tantieme', tls, sasl, log } = options;
  // kafkajs has a type per mechanism; these three have the same fields.
  const credentials = sasl as SASLOptions | undefined;
  return new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECT_MS_MAX,
    retry: RETRY,
    logLevel: log === undefined ? logLevel.NOTHING : logLevel.INFO,
    logCreator: () => (entry) => log?.(levelOf(entry), `kafkajs: ${entry.log.message}`, detailsOf(entry)),
    ...omitUndefined({ ssl: tls && readTls(tls), sasl: credentials }),
  });
}

function readTls({ caFile, certFile, keyFile }: TlsOptions): ConnectionOptions {
  const read = (file: string | undefined): string | undefined => file && readFileSync(file, 'utf8');
  return omitUndefined({ ca: read(caFile), cert: read(certFile), key: read(keyFile) });
}

/**
 * Routine events when a member or broker comes or goes. kafkajs logs them as errors, and recovers or throws; the caller
 * reports what is thrown, once and not for every attempt.
 */
const ROUTINE =
  /rebalanc|coordinator|not aware of this member|connection|connect to|Crash: |not the leader|does not host|Limiting retries for the idempotent producer/i;

/** One level below that of kafkajs. */
function levelOf({ level, log }: LogEntry): KafkaLogLevel {
  if (ROUTINE.test(log.message) || ROUTINE.test(String(log['error'] ?? ''))) return 'debug';
  if (level === logLevel.ERROR) return 'warn';
  return level === logLevel.WARN ? 'info' : 'debug';
}

function detailsOf({ namespace, log }: LogEntry): Record<string, unknown> {
  const { message: _message, timestamp: _timestamp, stack: _stack, ...rest } = log;
  return { namespace, ...rest };
}

/** kafkajs's queue of requests of one connection; `throttledUntil` is -1 unless the broker asked for a pause. */
export interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const CHECK_MS = 10;

/**
 * Patches a bug of kafkajs 2.2.4 (issue 1751): it checks for pending requests after "-1 minus now" milliseconds, which
 * Node turns into 1, so every connection, even a closed one, wakes a thousand times a second. A check is needed only
 * while requests are pending.
 */
function patchRequestQueue(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue;
  };
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
patchRequestQueue();

/** The pause before the next attempt while a coordinator or leader starts. */
const START_BACKOFF = { firstMs: 50, maxMs: 3_200 };
const TRIES_MAX = 8;

/** Retries for about six seconds while a coordinator or leader starts, as it does for every new group and topic. */
export async function retryWhileStarting<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1)
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES_MAX || !isStarting(error)) throw error;
      await pause(backoffMs(START_BACKOFF, tries), undefined, { signal });
    }
}

/** Checks the name: the class is not exported in a way that Node finds in a CommonJS module. */
function isStarting(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // While no partition of a topic has a leader, kafkajs asks no broker for offsets and fails on the missing answer.
  if (error.name === 'TypeError' && /'partitions' of '(?:low|high)\.pop\(/.test(error.message)) return true;
  return error.name === 'KafkaJSProtocolError' && 'retriable' in error && error.retriable === true;
}

interface Connectable {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

/** Connects a client when it is first used. After a failure it is discarded, and the next use connects a new one. */
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
      return await retryWhileStarting(() => work(client));
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

/** Ignores errors: a client that cannot disconnect has no connection any more. */
async function disconnect(client: Promise<Connectable>): Promise<void> {
  await client.then((one) => one.disconnect()).catch(() => undefined);
}
