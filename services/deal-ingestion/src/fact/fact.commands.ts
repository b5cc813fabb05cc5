/** What can be asked of this service to do. */
import { join } from 'node:path';
import { Inject } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { CONFIG } from '@tantieme/service-kit/runtime/runtime-tokens';
import { FactIntake } from './fact-recorder.service.js';
import type { IntakeContext, Taken } from './fact-recorder.service.js';
import { importFacts } from '../import/import-facts.service.js';
import type { ImportFormat, ImportProgress, ImportResult } from '../import/import-facts.service.js';

/** Takes one fact, as it came in. */
@CommandRoles('source', 'operator')
export class TakeFact extends Command<Taken> {
  constructor(
    readonly fact: unknown,
    readonly context: IntakeContext,
  ) {
    super();
  }
}

@CommandHandler(TakeFact)
export class TakeFactHandler implements ICommandHandler<TakeFact> {
  constructor(@Inject(FactIntake) private readonly intake: FactIntake) {}

  async execute({ fact, context }: TakeFact): Promise<Taken> {
    const [taken] = await this.intake.take([{ fact, raw: () => JSON.stringify(fact) ?? '', context }]);
    if (taken === undefined) throw new Error('a fact was given, and nothing became of it');
    return taken;
  }
}

/** Takes a stream of facts: see `importing/import-facts.ts`. */
@CommandRoles('source', 'operator')
export class ImportFacts extends Command<ImportResult> {
  constructor(
    readonly stream: AsyncIterable<Uint8Array | string>,
    readonly format: ImportFormat,
    readonly mapping: unknown,
    readonly context: IntakeContext,
    readonly onProgress: (progress: ImportProgress) => void,
  ) {
    super();
  }
}

@CommandHandler(ImportFacts)
export class ImportFactsHandler implements ICommandHandler<ImportFacts> {
  constructor(
    @Inject(FactIntake) private readonly intake: FactIntake,
    @Inject(CONFIG) private readonly config: RuntimeConfig,
  ) {}

  execute({ stream, format, mapping, context, onProgress }: ImportFacts): Promise<ImportResult> {
    return importFacts(
      stream,
      format,
      mapping,
      (batch) => this.intake.take(batch.map((candidate) => ({ ...candidate, context }))),
      { stagingDirectory: stagingDirectory(this.config), onProgress },
    );
  }
}

export function stagingDirectory({ dataDirectory }: RuntimeConfig): string {
  return join(dataDirectory, 'import-staging');
}
