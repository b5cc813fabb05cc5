/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/application/serve';
import { PartnerRegistryModule } from './partner-registry.module.js';

await serve('partner-registry', PartnerRegistryModule);
