/** Proposes to discard a refusal. */
import { Inject } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import type { Proposal } from '@tantieme/service-kit/two-people/proposal';
import type { Proposals } from '@tantieme/service-kit/two-people/proposals';
import { DISCARD_REFUSAL, PROPOSALS } from './discard-refusal.service.js';

@CommandRoles('operator', 'finance')
export class ProposeDiscard extends Command<Proposal> {
  constructor(
    readonly id: string,
    readonly reason: string,
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(ProposeDiscard)
export class ProposeDiscardHandler implements ICommandHandler<ProposeDiscard> {
  constructor(@Inject(PROPOSALS) private readonly proposals: Proposals) {}

  /** @throws {DomainError} `RefusalUnknown`, `RefusalResolved` */
  execute({ id, reason, context }: ProposeDiscard): Promise<Proposal> {
    return this.proposals.propose(DISCARD_REFUSAL, id, { reason }, context);
  }
}
