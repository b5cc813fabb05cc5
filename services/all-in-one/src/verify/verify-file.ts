/** Verification of an event store's file, by a thread a core: each has a connection and deciders of its own (ADR 11). */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ShareResult } from '@tantieme/audit/share';
import { verifyLog } from '@tantieme/audit/verify';
import type { Helper, Verification } from '@tantieme/audit/verify';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { replayables } from '../replayables.js';
import type { FromThread, ThreadData } from './verify-thread.js';

/** Every thread reads the whole log for its share: beyond these, more of them would hardly end sooner. */
const THREADS_MAX = 8;

export interface VerifyFileOptions {
  /** The head that an earlier verification gave. */
  readonly expect?: string;
  /** Told how many of the file's events are verified. */
  readonly onProgress?: (progress: { readonly events: number; readonly of: number }) => void;
  /** This one included; one a core where it is left out. What is found is the same with any number. */
  readonly threads?: number;
}

/** @throws where there is no file. @throws {InvalidHead} for an `expect` that is none. */
export async function verifyFile(path: string, options: VerifyFileOptions = {}): Promise<Verification> {
  if (!existsSync(path)) throw new Error(`${path}: there is no event store`);
  const { threads = Math.min(availableParallelism(), THREADS_MAX), expect, onProgress } = options;
  const started: Worker[] = [];
  const help: Helper = (task, onProgress) => {
    const data: ThreadData = { path, task };
    const thread = new Worker(new URL('./verify-thread.js', import.meta.url), { workerData: data });
    started.push(thread);
    return resultOf(thread, onProgress);
  };
  const store = openSqliteEventStore(path);
  try {
    const of = Number(await store.head());
    return await verifyLog({
      store,
      replayables: await replayables(store),
      helpers: Array.from({ length: threads - 1 }, () => help),
      onProgress: ({ events }) => onProgress?.({ events, of }),
      ...(expect === undefined ? {} : { expect }),
    });
  } finally {
    await Promise.all(started.map((thread) => thread.terminate()));
    await store.close();
  }
}

function resultOf(thread: Worker, onProgress: (events: number) => void): Promise<ShareResult> {
  return new Promise((resolve, reject) => {
    thread.on('message', (message: FromThread) => {
      if ('result' in message) resolve(message.result);
      else onProgress(message.events);
    });
    thread.on('error', reject);
    thread.on('exit', (code) => reject(new Error(`a thread of the verification ended with ${code}`)));
  });
}
