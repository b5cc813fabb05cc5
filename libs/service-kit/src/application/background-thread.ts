/**
 * Background work in a thread of its own, over its own connections to the same files. The thread that has the API starts it, asks how far
 * it is, and stops it; between the two goes nothing else: what the works tell each other is in the event store and the broker.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';

import type { DynamicModule, INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { Background } from '../background/background.js';
import type { Runs } from '../background/background.js';
import type { BackgroundWork, MetricsJson, WorkStatus } from '../background/background-work.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { createLogger, PinoNestLogger } from '../observability/logging.js';
import { Metrics } from '../observability/metrics.js';
import { RuntimeModule } from './runtime.module.js';

/** What a thread is started with. */
export interface ThreadData {
  readonly config: RuntimeConfig;
  /** Which of the program's threads it is. */
  readonly thread: string;
}

type Question = 'start' | 'status' | 'failing' | 'metrics' | 'stop';

interface Answer {
  readonly number: number;
  readonly status?: readonly WorkStatus[];
  readonly metrics?: MetricsJson;
  readonly failing?: readonly string[];
  readonly failure?: Error;
}

/**
 * MiB that a thread's heap may grow to, several times of what the states in memory take. Below 2 GiB V8 also collects before the heap has grown to
 * four times of what is alive, on machines with much memory.
 */
const HEAP_MIB_MAX = 2000;

/** Loads the thread's program while the caller still opens its stores; the work begins with `start`. */
export class BackgroundThread implements BackgroundWork {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, PromiseWithResolvers<Answer>>();
  private asked = 0;
  private stopping = false;

  /** @param program a module that calls `serveBackgroundThread`. */
  constructor(program: URL, data: ThreadData) {
    this.worker = new Worker(program, {
      name: data.thread,
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
    });
    // Until it is started it keeps nobody alive, so that a start that fails elsewhere ends the process.
    this.worker.unref();
    this.worker.on('message', (answer: Answer) => {
      const waiting = this.waiting.get(answer.number);
      this.waiting.delete(answer.number);
      if (answer.failure === undefined) waiting?.resolve(answer);
      else waiting?.reject(answer.failure);
    });
    this.worker.on('error', (error) => {
      throw error;
    });
    this.worker.on('exit', (code) => {
      // As with any failure that nobody has foreseen: the process ends, and what follows a start is the way back.
      if (!this.stopping) throw new Error(`the thread ${data.thread} ended by itself with ${code}`);
    });
  }

  /** @throws what the thread's program fails with, `DirectoryLocked` for one. */
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

  /** Also where it was never started. */
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

  private ask(question: Question): Promise<Answer> {
    this.asked += 1;
    const waiting = Promise.withResolvers<Answer>();
    this.waiting.set(this.asked, waiting);
    this.worker.postMessage({ number: this.asked, question });
    return waiting.promise;
  }
}

/** What a thread runs: the services' modules, and which of their works. */
export interface ThreadWorks {
  readonly modules: NonNullable<DynamicModule['imports']>;
  readonly runs: Runs;
}

/** Joins the modules of a thread: they are what they are beside the API, without its routes. */
class ThreadModule {}

async function createBackground(
  { modules, runs }: ThreadWorks,
  config: RuntimeConfig,
): Promise<INestApplicationContext> {
  const root = { module: ThreadModule, imports: [RuntimeModule.forRoot(config, runs), ...modules] };
  const logger = new PinoNestLogger(createLogger(config.logLevel));
  return NestFactory.createApplicationContext(root, { logger, abortOnError: false });
}

/** Runs the background work of this thread, as the thread that has started it asks for it. */
export function serveBackgroundThread(works: (thread: string) => Promise<ThreadWorks>): void {
  const port = parentPort;
  if (port === null) throw new Error('this program runs in a thread of another one');
  const { config, thread }: ThreadData = workerData;
  // Loaded while the other thread opens the stores.
  const loading = works(thread);
  let application: INestApplicationContext | undefined;

  async function answer(question: Question): Promise<Omit<Answer, 'number'>> {
    switch (question) {
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
        return question satisfies never;
    }
  }

  port.on('message', ({ number, question }: { readonly number: number; readonly question: Question }) => {
    answer(question).then(
      (said) => port.postMessage({ number, ...said }),
      (failure: unknown) =>
        port.postMessage({ number, failure: failure instanceof Error ? failure : new Error(String(failure)) }),
    );
  });
}
