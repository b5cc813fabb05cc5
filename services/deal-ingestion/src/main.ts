/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/application/serve';

await serve('deal-ingestion', async () => (await import('./deal-ingestion.module.js')).DealIngestionModule);
