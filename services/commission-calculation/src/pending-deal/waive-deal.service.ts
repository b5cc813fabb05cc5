import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { JsonObject, Proposal } from '@tantieme/service-kit/two-people/proposal';
import type { TwoPersonAction } from '@tantieme/service-kit/two-people/proposals';
import type { Kysely } from 'kysely';
import { Crediting } from '../credit/crediting.service.js';
import type { Waiver } from '../credit/credit.js';
import { uncreditable, withoutQuota } from './pending-deals-touching.queries.js';
import type { PendingTables } from './pending-deals-touching.queries.js';
import { WAIVED_MAX } from '../limits.js';

export const WAIVE_DEAL = 'waive-deal';

/** Waiving what a deal waits for, as an action that needs two people: no closing waits for it any longer. */
@Injectable()
export class WaiveDealAction implements TwoPersonAction {
  readonly name = WAIVE_DEAL;
  readonly confirmers = ['approver', 'finance'] as const;

  constructor(
    @Inject(Crediting) private readonly crediting: Crediting,
    @Inject(DATABASE) private readonly db: Kysely<PendingTables>,
  ) {}

  /** @param subject `source|id` of the deal @throws {DomainError} `NothingPending` */
  async read(subject: string): Promise<JsonObject> {
    const nothing = new DomainError('NothingPending', `${subject} waits for nothing (GET /pending-deals)`, 'not-found');
    if ((await this.crediting.deal(subject)) === undefined) throw nothing;
    const [deals, quotas] = await Promise.all(
      [uncreditable(this.db, undefined), withoutQuota(this.db, undefined)].map((query) =>
        query
          .where('pending.deal', '=', subject)
          .select(['pending.code', 'pending.subject'])
          .distinct()
          .orderBy('pending.code')
          .orderBy('pending.subject')
          .limit(WAIVED_MAX)
          .execute(),
      ),
    );
    const waived = [...(deals ?? []), ...(quotas ?? [])].map(({ code, subject: of }) => ({ code, subject: of }));
    if (waived.length === 0) throw nothing;
    return { waived };
  }

  async carryOut({ subject, request, read, proposedBy, ...decided }: Proposal, context: CommandContext): Promise<void> {
    const { waived } = read as unknown as Pick<Waiver, 'waived'>;
    const { reason } = request as unknown as Pick<Waiver, 'reason'>;
    const { decidedBy: confirmedBy = '', decidedAt: at = '' } = decided;
    await this.crediting.waive(subject, { waived, reason, by: proposedBy, confirmedBy }, at, context);
  }
}
