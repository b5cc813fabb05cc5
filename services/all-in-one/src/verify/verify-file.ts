/** Verifies the file of an event store with one thread per core, each with its own connection and deciders (ADR 11). */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ShareResult } from '@tantieme/audit/share';
import { verifyLog } from '@tantieme/audit/verify';
import type { Helper, Verification } from '@tantieme/audit/verify';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { replayables } from '../replayables.js';
import type { FromThread, ThreadData } from './verify-thread.js';

/** Every thread reads the whole log for its share: more threads would hardly be faster. */
const THREADS_MAX = 8;

export interface VerifyFileOptions {
  /** The head that an earlier verification returned. */
  readonly expect?: string | undefined;
  /** Called with the number of verified events, of all events of the file. */
  readonly onProgress?: ((progress: { readonly events: number; readonly of: number }) => void) | undefined;
  /** Including this one; by default one per core. The result does not depend on it. */
  readonly threads?: number | undefined;
}

/** @throws where there is no file. @throws {InvalidHead} for an `expect` that is not a head. */
export async function verifyFile(path: string, options: VerifyFileOptions = {}): Promise<Verification> {
  if (!existsSync(path)) throw new Error(`${path}: there is no event store; check the data directory`);
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
    thread.on('exit', (code) => reject(new Error(`a verification thread ended with code ${code}`)));
  });
}
