/** A thread of `verifyFile`: verifies one share of the file's streams and tells what it found. */
import { parentPort, workerData } from 'node:worker_threads';
import { verifyShare } from '@tantieme/audit/share';
import type { ShareResult, ShareTask } from '@tantieme/audit/share';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { replayables } from '../replayables.js';

export interface ThreadData {
  readonly path: string;
  readonly task: ShareTask;
}

/** How many events are verified, as often as it likes; then the result. */
export type FromThread = { readonly events: number } | { readonly result: ShareResult };

const { path, task }: ThreadData = workerData;
const tell = (message: FromThread): void => parentPort?.postMessage(message);
const store = openSqliteEventStore(path);
const result = await verifyShare({
  store,
  replayables: await replayables(store),
  task,
  onProgress: (events) => tell({ events }),
});
await store.close();
tell({ result });
