import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { mintToken } from '../access/development-issuer.js';
import { Background } from '../background/background.js';
import { loadConfig } from '../runtime/config.js';
import { SampleModule } from '../testing/sample.fixture.js';
import { createApplication, stopApplication } from './application.js';
import { BackgroundThread } from './background-thread.js';

/** Starts, sends its metrics once, and then calculates while the file exists, deaf to every question. */
const busyWhile = (file: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { existsSync } from 'node:fs';
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ number, request }) => {
        parentPort.postMessage({ metrics: [] });
        parentPort.postMessage({ number });
        while (request === 'start' && existsSync(${JSON.stringify(file)}));
      });
    `)}`,
  );

describe('health and metrics', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tantieme-thread-'));
    file = join(directory, 'busy');
    writeFileSync(file, '');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('answer while a thread is busy', async () => {
    const config = loadConfig({}, { dataDirectory: directory, logLevel: 'silent' });
    const thread = new BackgroundThread(busyWhile(file), { config, thread: 'busy' });
    const application = await createApplication(SampleModule, config);
    application.get(Background).addThread(await thread.start());
    const token = await mintToken({ dataDirectory: directory, roles: ['operator'], subject: 'op' });
    const headers = { authorization: `Bearer ${token}` };

    for (const url of ['/health/live', '/health/ready', '/health/lag', '/metrics'])
      expect([url, (await application.inject({ method: 'GET', url, headers })).statusCode]).toEqual([url, 200]);

    rmSync(file);
    await stopApplication(application, config.stopSeconds);
  });
});
