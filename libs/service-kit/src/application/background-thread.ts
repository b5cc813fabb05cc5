/**
 * Background work in a thread of its own, with its own connections to the same stores. The thread with the API starts
 * it, asks for its status, and stops it. Nothing else passes between the two: the work exchanges its data through event
 * store and broker.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';

import type { DynamicModule, INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { Background } from '../background/background.js';
import type { WorkFilter } from '../background/background.js';
import type { BackgroundWork, MetricsJson, WorkStatus } from '../background/background-work.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { threadHeapMib } from '../runtime/memory.js';
import { createLogger, PinoNestLogger } from '../observability/logging.js';
import { Metrics } from '../observability/metrics.js';
import { RuntimeModule } from './runtime.module.js';

/** Start data of a thread. */
export interface ThreadData {
  readonly config: RuntimeConfig;
  /** Name of the thread within its program. */
  readonly thread: string;
}

type Request = 'start' | 'status' | 'failing' | 'metrics' | 'stop';

interface Reply {
  readonly number: number;
  readonly status?: readonly WorkStatus[];
  readonly metrics?: MetricsJson;
  readonly failing?: readonly string[];
  readonly failure?: Error;
}

/** Loads the thread's program while the caller opens its stores; the work begins with `start`. */
export class BackgroundThread implements BackgroundWork {
  private readonly worker: Worker;
  private readonly pending = new Map<number, PromiseWithResolvers<Reply>>();
  private requests = 0;
  private stopping = false;

  /** @param program a module that calls `serveBackgroundThread`. */
  constructor(program: URL, data: ThreadData) {
    this.worker = new Worker(program, {
      name: data.thread,
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: threadHeapMib(data.config.memoryMb) },
    });
    // Not yet started, it must not keep the process alive: a start may fail elsewhere.
    this.worker.unref();
    this.worker.on('message', (reply: Reply) => {
      const pending = this.pending.get(reply.number);
      this.pending.delete(reply.number);
      if (reply.failure === undefined) pending?.resolve(reply);
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

  async parts(): Promise<readonly WorkStatus[]> {
    return (await this.ask('status')).status ?? [];
  }

  async metrics(): Promise<MetricsJson> {
    return (await this.ask('metrics')).metrics ?? [];
  }

  async failingParts(): Promise<readonly string[]> {
    return (await this.ask('failing')).failing ?? [];
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

  private ask(request: Request): Promise<Reply> {
    this.requests += 1;
    const reply = Promise.withResolvers<Reply>();
    this.pending.set(this.requests, reply);
    this.worker.postMessage({ number: this.requests, request });
    return reply.promise;
  }
}

/** The services' modules of a thread, and which of their work it runs. */
export interface ThreadProgram {
  readonly modules: NonNullable<DynamicModule['imports']>;
  readonly runsHere: WorkFilter;
}

/** Joins the modules of a thread; their routes are not served. */
class ThreadModule {}

async function createBackground(
  { modules, runsHere }: ThreadProgram,
  config: RuntimeConfig,
): Promise<INestApplicationContext> {
  const root = { module: ThreadModule, imports: [RuntimeModule.forRoot(config, runsHere), ...modules] };
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

  async function handle(request: Request): Promise<Omit<Reply, 'number'>> {
    switch (request) {
      case 'start':
        application = await createBackground(await loading, config);
        return {};
      case 'status':
        return { status: (await application?.get(Background).status()) ?? [] };
      case 'metrics':
        return { metrics: (await application?.get(Metrics).registry.getMetricsAsJSON()) ?? [] };
      case 'failing':
        return { failing: (await application?.get(Background).failing()) ?? [] };
      case 'stop':
        await application?.close();
        return {};
      default:
        return request satisfies never;
    }
  }

  port.on('message', ({ number, request }: { readonly number: number; readonly request: Request }) => {
    handle(request).then(
      (reply) => port.postMessage({ number, ...reply }),
      (failure: unknown) =>
        port.postMessage({ number, failure: failure instanceof Error ? failure : new Error(String(failure)) }),
    );
  });
}
