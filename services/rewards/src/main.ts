/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/application/serve';
import { RewardsModule } from './rewards.module.js';

await serve('rewards', RewardsModule);
