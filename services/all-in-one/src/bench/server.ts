/** The all-in-one in a process of its own, so that its peak memory is its own: tells its parent its address and, asked, its peak. */
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { startAllInOne } from '../start.js';

const server = await startAllInOne(loadConfig(process.env, { port: 0, logLevel: 'error' }));
process.on('message', async (message) => {
  if (message !== 'stop') return;
  await server.stop();
  // maxRSS is in KiB on Linux.
  process.send?.({ peakBytes: process.resourceUsage().maxRSS * 1024 });
  process.disconnect?.();
});
process.send?.({ url: server.url });
