/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/application/serve';
import { DealIngestionModule } from './deal-ingestion.module.js';

await serve('deal-ingestion', DealIngestionModule);
