/** What can be asked of this service to do. */
import { Inject } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { Registry } from './registry.service.js';
import type { Changed, Imported, RequestedChange } from './registry.service.js';

@CommandRoles('plan-designer', 'operator')
export class ChangePartner extends Command<Changed> {
  constructor(
    readonly id: string,
    readonly change: RequestedChange,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(ChangePartner)
export class ChangePartnerHandler implements ICommandHandler<ChangePartner> {
  constructor(@Inject(Registry) private readonly registry: Registry) {}

  execute({ id, change, context }: ChangePartner): Promise<Changed> {
    return this.registry.change(id, change, context);
  }
}

@CommandRoles('plan-designer', 'operator')
export class ImportPartners extends Command<readonly Imported[]> {
  constructor(
    readonly documents: readonly unknown[],
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(ImportPartners)
export class ImportPartnersHandler implements ICommandHandler<ImportPartners> {
  constructor(@Inject(Registry) private readonly registry: Registry) {}

  execute({ documents, context }: ImportPartners): Promise<readonly Imported[]> {
    return this.registry.importAll(documents, context);
  }
}
