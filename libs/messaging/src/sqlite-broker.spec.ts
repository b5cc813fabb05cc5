import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerContract } from './contract-suite.js';
import { openSqliteBroker } from './sqlite-broker.js';

brokerContract('the embedded adapter', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tantieme-broker-'));
  return {
    open: async () => openSqliteBroker(join(directory, 'broker.sqlite'), { partitions: 4 }),
    destroy: async () => rmSync(directory, { recursive: true }),
  };
});
