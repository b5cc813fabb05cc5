import { Inject, Injectable } from '@nestjs/common';
import type { Quota } from '@tantieme/contracts/reference';
import { PlanCatalog } from '../../plan/plan-catalog.service.js';
import { partnerStream } from '../stream/reference-keys.js';
import { REFERENCE_RUNTIME } from '../stream/reference-runtime.service.js';
import type { ReferenceRuntime } from '../stream/reference-runtime.service.js';
import { quotaWarnings } from './warnings.js';
import type { Warning } from './warnings.js';

/** Looks up whether the names in a quota exist. */
@Injectable()
export class QuotaWarnings {
  constructor(
    @Inject(PlanCatalog) private readonly catalog: PlanCatalog,
    @Inject(REFERENCE_RUNTIME) private readonly references: ReferenceRuntime,
  ) {}

  async of(quota: Pick<Quota, 'payee' | 'plan' | 'component'>): Promise<readonly Warning[]> {
    await this.catalog.ensure([quota.plan]);
    // Another process may have drafted the plan, or a version with the component.
    if (this.catalog.componentsOf(quota.plan)?.includes(quota.component) !== true)
      await this.catalog.refresh([quota.plan]);
    const { partner } = (await this.references.load(partnerStream(quota.payee))).state;
    return quotaWarnings(quota, {
      plans: this.catalog.ids(),
      components: this.catalog.componentsOf(quota.plan),
      isPayeeKnown: partner !== undefined,
    });
  }
}
