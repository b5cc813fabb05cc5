/** The commands of partners. */
import { Inject } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { Registry } from './registry.service.js';
import type { ChangedPartner } from './registry.service.js';
import type { RequestedChange } from './requested-change.js';

@CommandRoles('plan-designer', 'operator')
export class ChangePartner extends Command<ChangedPartner> {
  constructor(
    readonly id: string,
    readonly change: RequestedChange,
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(ChangePartner)
export class ChangePartnerHandler implements ICommandHandler<ChangePartner> {
  constructor(@Inject(Registry) private readonly registry: Registry) {}

  execute({ id, change, context }: ChangePartner): Promise<ChangedPartner> {
    return this.registry.change({ id, change }, context);
  }
}
