import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { CommissionCalculationModule } from '@tantieme/commission-calculation/commission-calculation.module';
import { DealIngestionModule } from '@tantieme/deal-ingestion/deal-ingestion.module';
import { PartnerRegistryModule } from '@tantieme/partner-registry/partner-registry.module';
import { PayoutsModule } from '@tantieme/payouts/payouts.module';
import { RewardsModule } from '@tantieme/rewards/rewards.module';
import { createApplication } from '@tantieme/service-kit/application/application';
import { routesOf } from '@tantieme/service-kit/access/route-roles';
import { SERVICE_NAMES, ServiceProcess, SERVICES, type ServiceName } from './service-processes.js';
import { configOf, temporaryDirectory } from './end-to-end.fixture.js';

const MODULES: Readonly<Record<ServiceName, Type>> = {
  'partner-registry': PartnerRegistryModule,
  'deal-ingestion': DealIngestionModule,
  'commission-calculation': CommissionCalculationModule,
  rewards: RewardsModule,
  payouts: PayoutsModule,
};

const directory = temporaryDirectory();
afterEach(() => directory.remove());

describe.each(SERVICE_NAMES)('%s', (name) => {
  it('answers the paths that a reverse proxy sends to it, and no others', async () => {
    const application = await createApplication(MODULES[name], configOf(directory.path));
    const segments = routesOf(application).map((route) => route.name.split(/[ /]+/)[1] ?? '');
    await application.close();
    // Operators read health and metrics at the service itself; what is parked is the same at every service.
    expect(new Set(segments)).toEqual(new Set(['health', 'metrics', 'parked', 'parked-proposals', ...SERVICES[name]]));
  });

  it('has these paths in the documentation', () => {
    const page = readFileSync(new URL('../../../../docs/separate-processes.md', import.meta.url), 'utf8');
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
    expect([...row.matchAll(/`\/([\w-]+)`/g)].map(([, segment]) => segment)).toEqual(SERVICES[name]);
  });

  it('exits with code 1 and one line for an invalid configuration', async () => {
    const service = new ServiceProcess(name, { TANTIEME_DATA: directory.path, TANTIEME_PARTITIONS: 'many' });
    service.start();
    await expect(service.untilListening()).rejects.toThrow(`${name} ended with code 1`);
    expect(service.output).toEqual([`${name}: TANTIEME_PARTITIONS: "many" is not a whole number from 1 to 1024`]);
  });

  it('prints its address, answers, and stops gracefully', async () => {
    const service = new ServiceProcess(name, { TANTIEME_DATA: directory.path, TANTIEME_LOG_LEVEL: 'warn' });
    service.start();
    await service.untilListening();
    expect(await (await fetch(`${service.url}/health/live`)).json()).toEqual({ status: 'live' });
    expect(await service.stop()).toBe(0);
    expect(service.output).toEqual([`${name} listens on ${service.url} (API: ${service.url}/docs)`]);
  });
});
