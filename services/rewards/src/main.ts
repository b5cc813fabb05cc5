/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/application/serve';

await serve('rewards', async () => (await import('./rewards.module.js')).RewardsModule);
