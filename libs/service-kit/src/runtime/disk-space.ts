import { statfs } from 'node:fs/promises';

import { StorageFull } from '@tantieme/event-store/event-store';

import { EMBEDDED } from './config.js';
import type { RuntimeConfig } from './config.js';
import { FREE_BYTES_MIN } from '../limits.js';

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
