/** The command that records one fact. */
import { Inject } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { FactRecorder } from './fact-recorder.service.js';
import type { FactContext, FactResult } from './fact-recorder.service.js';

/** Records one fact, as it arrived. */
@CommandRoles('source', 'operator')
export class RecordFact extends Command<FactResult> {
  constructor(
    readonly fact: unknown,
    readonly context: FactContext,
  ) {
    super();
  }
}

@CommandHandler(RecordFact)
export class RecordFactHandler implements ICommandHandler<RecordFact> {
  constructor(@Inject(FactRecorder) private readonly recorder: FactRecorder) {}

  async execute({ fact, context }: RecordFact): Promise<FactResult> {
    const [result] = await this.recorder.record([{ fact, raw: () => JSON.stringify(fact) ?? '', context }]);
    if (result === undefined) throw new Error('the fact has no outcome');
    return result;
  }
}
