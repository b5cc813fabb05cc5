/** A thread of `verifyFile`: verifies its share of the file's streams and sends the result. */
import { parentPort, workerData } from 'node:worker_threads';
import { verifyShare } from '@tantieme/audit/share';
import type { ShareResult, ShareTask } from '@tantieme/audit/share';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { replayables } from '../replayables.js';

export interface ThreadData {
  readonly path: string;
  readonly task: ShareTask;
}

/** Any number of progress messages with the number of verified events, then the result. */
export type FromThread = { readonly events: number } | { readonly result: ShareResult };

const { path, task } = workerData as ThreadData;
const send = (message: FromThread): void => parentPort?.postMessage(message);
const store = openSqliteEventStore(path);
const result = await verifyShare({
  store,
  replayables: await replayables(store),
  task,
  onProgress: (events) => send({ events }),
});
await store.close();
send({ result });
