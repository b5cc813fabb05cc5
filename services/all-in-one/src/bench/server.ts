/** The all-in-one in a process of its own, so that its peak memory is its own: tells its parent its address and, asked, its peak. */
import { loadConfig } from '@tantieme/service-kit/config';
import { mintToken } from '@tantieme/service-kit/development-issuer';
import { ROLES } from '@tantieme/service-kit/auth';
import { startAllInOne } from '../start.js';

const config = loadConfig(process.env, { port: 0, logLevel: 'error' });
const server = await startAllInOne(config);
const tokens = Object.fromEntries(
  await Promise.all(
    ROLES.filter((role) => role !== 'partner').map(async (role) => [
      role,
      await mintToken({ dataDirectory: config.dataDirectory, roles: [role], subject: `bench-${role}` }),
    ]),
  ),
);
process.on('message', async (message) => {
  if (message !== 'stop') return;
  await server.stop();
  // maxRSS is in KiB on Linux.
  process.send?.({ peakBytes: process.resourceUsage().maxRSS * 1024 });
  process.disconnect?.();
});
process.send?.({ url: server.url, tokens });
