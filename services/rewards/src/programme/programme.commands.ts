import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';

import type { ProgrammeReceipt } from './programme.dto.js';
import { compileProgramme, programmeStream } from './programme.js';
import type { ProgrammeDocument } from './programme.js';
import { PROGRAMMES } from './programmes.service.js';
import type { Programmes } from './programmes.service.js';

@CommandRoles('plan-designer')
export class PublishProgramme {
  constructor(
    readonly document: ProgrammeDocument,
    readonly context: RequestContext,
  ) {}
}

@CommandHandler(PublishProgramme)
export class PublishProgrammeHandler implements ICommandHandler<PublishProgramme, ProgrammeReceipt> {
  constructor(@Inject(PROGRAMMES) private readonly programmes: Programmes) {}

  /** @throws {DomainError} `ProgrammeInvalid`, `ProgrammePublished` */
  async execute({ document, context }: PublishProgramme): Promise<ProgrammeReceipt> {
    const { id, hash } = compileProgramme(document);
    const { events } = await this.programmes.handle(
      programmeStream(id),
      { type: 'publish', at: new Date().toISOString(), document, by: context.actor },
      context,
    );
    return { programme: id, hash, isNew: events.length > 0 };
  }
}
