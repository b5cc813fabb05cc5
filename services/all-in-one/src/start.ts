import { Inject, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApplication, listen, stopApplication } from '@tantieme/service-kit/application/application';
import { Background } from '@tantieme/service-kit/background/background';
import { BackgroundThread } from '@tantieme/service-kit/application/background-thread';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { API_MEMORY_SHARE, limitGarbage } from '@tantieme/service-kit/runtime/memory';
import { makeDataDirectory } from '@tantieme/service-kit/runtime/data-directory';
import { AllInOneModule } from './all-in-one.module.js';
import { runsInThread, THREADS } from './threads.js';

export interface RunningServer {
  readonly url: string;
  /** Accepts no more requests, finishes those in flight, closes the stores. */
  stop(): Promise<void>;
}

const WORKER_THREADS = Symbol('WORKER_THREADS');

/** The threads of the process: their work starts after the work of the main thread, and stops before it. */
@Module({})
class ThreadsModule {
  constructor(
    @Inject(Background) background: Background,
    @Inject(WORKER_THREADS) threads: ReadonlyMap<string, BackgroundThread>,
  ) {
    for (const thread of threads.values()) background.addThread(thread);
  }

  static of(threads: ReadonlyMap<string, BackgroundThread>): DynamicModule {
    return { module: ThreadsModule, providers: [{ provide: WORKER_THREADS, useValue: threads }] };
  }
}

/** Starts all services and listens. A start on a data directory that was used before continues from there. */
export async function startAllInOne(config: RuntimeConfig): Promise<RunningServer> {
  // Before the threads start, which would each fail at it.
  makeDataDirectory(config.dataDirectory);
  const threads = new Map(
    Array.from(THREADS.keys(), (thread) => [thread, new BackgroundThread(THREAD_PROGRAM, { config, thread })]),
  );
  try {
    const root = { module: AllInOneModule, imports: [ThreadsModule.of(threads)] };
    const api = { ...config, memoryMb: config.memoryMb * API_MEMORY_SHARE };
    const server = await listening(await createApplication(root, api, (work) => !runsInThread(work)), config);
    // Not earlier: while programs load, all heaps grow and little of them is garbage.
    limitGarbage();
    return server;
  } catch (error) {
    for (const thread of threads.values()) await thread.stop();
    throw error;
  }
}

/** Like {@link startAllInOne}, with all work in the caller's thread. */
export async function startInOneThread(config: RuntimeConfig): Promise<RunningServer> {
  return listening(await createApplication(AllInOneModule, config), config);
}

const THREAD_PROGRAM = new URL('./thread.js', import.meta.url);

async function listening(application: NestFastifyApplication, config: RuntimeConfig): Promise<RunningServer> {
  const url = await listen(application, config);
  return { url, stop: () => stopApplication(application, config.stopSeconds) };
}
