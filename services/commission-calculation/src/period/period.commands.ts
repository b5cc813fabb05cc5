import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import type { Proposal } from '@tantieme/service-kit/two-people/proposal';
import type { Proposals } from '@tantieme/service-kit/two-people/proposals';
import { PROPOSALS } from '../proposals.service.js';
import { CLOSE_PERIOD, periodSubject } from './close-period.service.js';

/** Proposes the closing of a period. It starts when another person confirms it. */
@CommandRoles('finance')
export class ClosePeriod {
  constructor(
    readonly calendar: string,
    readonly period: string,
    /** Reason to close although something is outstanding. */
    readonly force: string | undefined,
    readonly context: RequestContext,
  ) {}
}

@CommandHandler(ClosePeriod)
export class ClosePeriodHandler implements ICommandHandler<ClosePeriod, Proposal> {
  constructor(@Inject(PROPOSALS) private readonly proposals: Proposals) {}

  /** @throws {DomainError} see `ClosePeriodAction.read` */
  execute({ calendar, period, force, context }: ClosePeriod): Promise<Proposal> {
    return this.proposals.propose(CLOSE_PERIOD, periodSubject(calendar, period), omitUndefined({ force }), context);
  }
}
