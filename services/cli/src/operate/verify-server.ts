import { verifyLog } from '@tantieme/audit/verify';
import type { Verification } from '@tantieme/audit/verify';
import { openEventStore } from '@tantieme/service-kit/runtime/event-store';
import type { EventStoreConfig } from '@tantieme/service-kit/runtime/event-store';
import { replayables } from '@tantieme/all-in-one/replayables';
import { startProgress } from '../output/progress.js';

/** Verifies the event store of a database server. Its number of events is only known at the end. */
export async function verifyServer(config: EventStoreConfig, expect?: string): Promise<Verification> {
  const store = await openEventStore(config);
  const progress = startProgress('verify', 0, 'events');
  try {
    return await verifyLog({
      store,
      replayables: await replayables(store),
      onProgress: ({ events }) => progress.update(events, events),
      expect,
    });
  } finally {
    progress.stop();
    await store.close();
  }
}
