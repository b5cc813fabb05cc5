import { statfs } from 'node:fs/promises';

import { StorageFull } from '@tantieme/event-store/event-store';

import { EMBEDDED } from './config.js';
import type { RuntimeConfig } from './config.js';

/** A few of the largest appends, and the growth of the write-ahead logs' indexes. */
const FREE_BYTES_MIN = 8 * 1024 * 1024;

/**
 * Checks that the embedded stores have space left on their disk.
 * @throws {StorageFull}
 */
export async function requireDiskSpace(
  config: Pick<RuntimeConfig, 'dataDirectory' | 'eventStore' | 'database' | 'kafka'>,
): Promise<void> {
  if (config.eventStore !== EMBEDDED && config.database !== EMBEDDED && config.kafka !== undefined) return;
  const { bavail, bsize } = await statfs(config.dataDirectory);
  const freeBytes = bavail * bsize;
  if (freeBytes < FREE_BYTES_MIN)
    throw new StorageFull(
      `the disk of ${config.dataDirectory} is full, ${Math.floor(freeBytes / 1024)} KiB are left: free some space`,
    );
}
