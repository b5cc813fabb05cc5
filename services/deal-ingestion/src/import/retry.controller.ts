import { Controller, HttpCode, HttpStatus, Inject, Param, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import { FactReceipt } from '../fact/fact.dto.js';
import { RefusalPath } from '../refusal/refusal.dto.js';
import { RetryRefusal } from './retry.commands.js';

/** Stands with the imports, because a refused row of a file is mapped as its import was. */
@ApiTags('refusals')
@Controller('refusals')
export class RetryController {
  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  @Post(':id/retry')
  @HttpCode(HttpStatus.OK)
  @RolesOf(RetryRefusal)
  @ApiOperation({
    summary: 'Retry a refusal',
    description:
      'Records the refused fact again, from what the refusal stores. If it is accepted, the refusal is resolved.',
  })
  @ApiOkResponse({ type: FactReceipt, description: 'The fact is recorded' })
  @ApiProblems({
    404: { RefusalUnknown: 'there is no refusal with this id' },
    409: {
      FactConflict: 'the same fact is still recorded with other content',
      ImportRunning: 'the import that brought the fact has not ended',
      RefusalIncomplete: 'the refusal does not store the whole fact',
      RefusalResolved: 'the refusal is already resolved',
    },
    422: { FactInvalid: 'the fact is still not valid; `errors` name each field' },
  })
  retry(@Param() { id }: RefusalPath, @Context() { actor, correlationId }: RequestContext): Promise<FactReceipt> {
    return this.commands.execute(new RetryRefusal(id, { actor, correlationId }));
  }
}
