import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import type { Proposal } from '@tantieme/service-kit/two-people/proposal';
import type { Proposals } from '@tantieme/service-kit/two-people/proposals';
import { PROPOSALS } from '../proposals.service.js';
import { WAIVE_DEAL } from './waive-deal.service.js';

/** Proposes that no closing waits any longer for what a deal is missing. */
@CommandRoles('finance')
export class WaiveDeal {
  constructor(
    /** `source|id` */
    readonly deal: string,
    readonly reason: string,
    readonly context: RequestContext,
  ) {}
}

@CommandHandler(WaiveDeal)
export class WaiveDealHandler implements ICommandHandler<WaiveDeal, Proposal> {
  constructor(@Inject(PROPOSALS) private readonly proposals: Proposals) {}

  /** @throws {DomainError} `NothingPending` */
  execute({ deal, reason, context }: WaiveDeal): Promise<Proposal> {
    return this.proposals.propose(WAIVE_DEAL, deal, { reason }, context);
  }
}
