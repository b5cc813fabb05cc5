/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/application/serve';
import { CommissionCalculationModule } from './commission-calculation.module.js';

await serve('commission-calculation', CommissionCalculationModule);
