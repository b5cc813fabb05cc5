/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/application/serve';

await serve('partner-registry', async () => (await import('./partner-registry.module.js')).PartnerRegistryModule);
