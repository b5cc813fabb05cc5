/**
 * The all-in-one in a separate process, to measure its peak memory: sends its URL to its parent, and on `stop` its
 * peak.
 */
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { startAllInOne } from '../start.js';

const server = await startAllInOne(loadConfig(process.env, { port: 0, logLevel: 'error' }));
async function stop(): Promise<void> {
  await server.stop();
  // maxRSS is in KiB on Linux.
  process.send?.({ peakBytes: process.resourceUsage().maxRSS * 1024 });
  process.disconnect?.();
}

process.on('message', (message) => {
  if (message === 'stop') void stop();
});
process.send?.({ url: server.url });
