/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/runtime/serve';
import { PartnerRegistryModule } from './partner-registry.module.js';

await serve('partner-registry', PartnerRegistryModule);
