/** The service as a process of its own. */
import { serve } from '@tantieme/service-kit/application/serve';

await serve(
  'commission-calculation',
  async () => (await import('./commission-calculation.module.js')).CommissionCalculationModule,
);
