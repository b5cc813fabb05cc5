/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/application/serve';
import { PayoutsModule } from './payouts.module.js';

await serve('payouts', PayoutsModule);
