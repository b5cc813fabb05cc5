/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/application/serve';

await serve('payouts', async () => (await import('./payouts.module.js')).PayoutsModule);
