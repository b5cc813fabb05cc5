/**
 * Processes in a thread of their own, with their own connections to the same stores. The thread with the API starts and
 * stops it. What the processes do comes over the channel of all threads, and their metrics every second, so that health
 * and metrics never wait for a busy thread.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';

import type { DynamicModule, INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Publication } from '@tantieme/event-sourcing/process/publication';
import { systemTimers } from '@tantieme/time/timers';

import { Background } from '../background/background.js';
import type { WorkFilter, WorkThread } from '../background/background.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { threadHeapMib, YOUNG_GENERATION_MIB } from '../runtime/memory.js';
import { createLogger, PinoNestLogger } from '../observability/logging.js';
import { Metrics } from '../observability/metrics.js';
import type { MetricsJson } from '../observability/metrics.js';
import { RuntimeModule } from './runtime.module.js';

/** Start data of a thread. */
export interface ThreadData {
  readonly config: RuntimeConfig;
  /** Name of the thread within its program. */
  readonly thread: string;
}

type Request = 'start' | 'stop';

type Reply = { readonly number: number; readonly failure?: Error } | { readonly metrics: MetricsJson };

/** How often a thread sends its metrics. */
const METRICS_MS = 1000;

/** Loads the thread's program while the caller opens its stores; the work begins with `start`. */
export class BackgroundThread implements WorkThread {
  private readonly worker: Worker;
  private readonly pending = new Map<number, PromiseWithResolvers<void>>();
  private requests = 0;
  private stopping = false;
  private lastMetrics: MetricsJson = [];

  /** @param program a module that calls `serveBackgroundThread`. */
  constructor(program: URL, data: ThreadData) {
    this.worker = new Worker(program, {
      name: data.thread,
      workerData: data,
      resourceLimits: {
        maxOldGenerationSizeMb: threadHeapMib(data.config.memoryMb),
        maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB,
      },
    });
    // Not yet started, it must not keep the process alive: a start may fail elsewhere.
    this.worker.unref();
    this.worker.on('message', (reply: Reply) => {
      if ('metrics' in reply) {
        this.lastMetrics = reply.metrics;
        return;
      }
      const pending = this.pending.get(reply.number);
      this.pending.delete(reply.number);
      if (reply.failure === undefined) pending?.resolve();
      else pending?.reject(reply.failure);
    });
    this.worker.on('error', (error) => {
      throw error;
    });
    this.worker.on('exit', (code) => {
      // Like any unforeseen failure this ends the process; a restart recovers.
      if (!this.stopping) throw new Error(`the thread ${data.thread} ended unexpectedly with code ${code}`);
    });
  }

  /** @throws the error of the thread's program, such as `DirectoryLocked`. */
  async start(): Promise<this> {
    this.worker.ref();
    await this.ask('start');
    return this;
  }

  metrics(): MetricsJson {
    return this.lastMetrics;
  }

  /** Also works on a thread that was never started. */
  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    this.worker.ref();
    try {
      await this.ask('stop');
    } finally {
      await this.worker.terminate();
    }
  }

  private ask(request: Request): Promise<void> {
    this.requests += 1;
    const reply = Promise.withResolvers<void>();
    this.pending.set(this.requests, reply);
    this.worker.postMessage({ number: this.requests, request });
    return reply.promise;
  }
}

/** The services' modules of a thread, and which of their work it runs. */
export interface ThreadProgram {
  readonly modules: NonNullable<DynamicModule['imports']>;
  readonly runsHere: WorkFilter;
  /** What all services of the process publish. */
  readonly publications: readonly Publication[];
}

/** Joins the modules of a thread; their routes are not served. */
class ThreadModule {}

async function createBackground(
  { modules, runsHere, publications }: ThreadProgram,
  config: RuntimeConfig,
): Promise<INestApplicationContext> {
  const root = {
    module: ThreadModule,
    imports: [RuntimeModule.forRoot(config, runsHere), ...modules],
    providers: [
      {
        provide: 'views',
        useFactory: (background: Background) => background.view(...publications),
        inject: [Background],
      },
    ],
  };
  const logger = new PinoNestLogger(createLogger(config.logLevel));
  return NestFactory.createApplicationContext(root, { logger, abortOnError: false });
}

/** Runs the background work of this thread, on request of the thread that started it. */
export function serveBackgroundThread(programOf: (thread: string) => Promise<ThreadProgram>): void {
  const port = parentPort;
  if (port === null) throw new Error('this program must be started as a worker thread');
  const { config, thread } = workerData as ThreadData;
  // Loads while the other thread opens the stores.
  const loading = programOf(thread);
  let application: INestApplicationContext | undefined;

  const stopping = new AbortController();

  async function handle(request: Request): Promise<void> {
    if (request === 'start') {
      application = await createBackground(await loading, config);
      void sendMetrics(application.get(Metrics));
    } else {
      stopping.abort();
      await application?.close();
    }
  }

  async function sendMetrics({ registry }: Metrics): Promise<void> {
    while (!stopping.signal.aborted) {
      port?.postMessage({ metrics: await registry.getMetricsAsJSON() } satisfies Reply);
      await systemTimers.wait(METRICS_MS, stopping.signal);
    }
  }

  port.on('message', ({ number, request }: { readonly number: number; readonly request: Request }) => {
    handle(request).then(
      () => port.postMessage({ number }),
      (failure: unknown) =>
        port.postMessage({ number, failure: failure instanceof Error ? failure : new Error(String(failure)) }),
    );
  });
}
