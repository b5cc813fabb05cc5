import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';

import { compileProgramme, programmeStream } from './programme.js';
import type { ProgrammeDocument } from './programme.js';
import { Runtimes } from '../runtimes.service.js';

@CommandRoles('plan-designer')
export class PublishProgramme {
  constructor(
    readonly document: ProgrammeDocument,
    readonly context: CommandContext,
  ) {}
}

export interface ProgrammePublished {
  readonly programme: string;
  /** SHA-256, hex, of the canonical JSON of the document. */
  readonly hash: string;
  /** False where the same document was published before. */
  readonly isNew: boolean;
}

@CommandHandler(PublishProgramme)
export class PublishProgrammeHandler implements ICommandHandler<PublishProgramme, ProgrammePublished> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `ProgrammeInvalid`, `ProgrammePublished` */
  async execute({ document, context }: PublishProgramme): Promise<ProgrammePublished> {
    const { id, hash } = compileProgramme(document);
    const { events } = await this.runtimes.programmes.handle(
      programmeStream(id),
      { type: 'publish', at: new Date().toISOString(), document, by: context.actor },
      context,
    );
    return { programme: id, hash, isNew: events.length > 0 };
  }
}
