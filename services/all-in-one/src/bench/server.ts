/**
 * The all-in-one in a separate process, to measure what it uses: sends its URL to its parent, and on `use` and `stop`
 * its memory and processor time.
 */
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { startAllInOne } from '../start.js';

/** Of all threads, since the start. */
export interface ServerUse {
  readonly peakBytes: number;
  readonly cpuSeconds: number;
}

const server = await startAllInOne(loadConfig(process.env, { port: 0, logLevel: 'error' }));

function sendUse(): void {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  // maxRSS is in KiB on Linux.
  const use: ServerUse = { peakBytes: maxRSS * 1024, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6 };
  process.send?.(use);
}

async function stop(): Promise<void> {
  await server.stop();
  sendUse();
  process.disconnect?.();
}

process.on('message', (message) => {
  if (message === 'use') sendUse();
  else if (message === 'stop') void stop();
});
// Whoever started it has ended, perhaps with an error.
process.once('disconnect', () => process.exit());
process.send?.({ url: server.url });
