import { Body, Controller, HttpStatus, Inject, Post, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { schemaOf } from '@tantieme/contracts/schemas';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { StatusReply } from '@tantieme/service-kit/http/status-reply';
import { FACT_EXAMPLE, FactReceipt } from './fact.dto.js';
import { RecordFact } from './fact.commands.js';
import { receiptOf } from './receipt.js';

@ApiTags('deals')
@Controller('deals/facts')
export class FactsController {
  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  @Post()
  @RolesOf(RecordFact)
  @ApiOperation({
    summary: 'Record a fact of a deal',
    description:
      'Registered, booked, invoiced, paid, sold through, amended, returned, cancelled, or the status of a registration. ' +
      'Facts may arrive in any order, late, and more than once. What is refused is stored as a refusal.',
  })
  @ApiBody({ schema: schemaOf('deal-fact'), examples: { booked: { summary: 'A booking', value: FACT_EXAMPLE } } })
  @ApiCreatedResponse({ type: FactReceipt, description: 'The fact is new' })
  @ApiOkResponse({ type: FactReceipt, description: 'The same fact was recorded before' })
  @ApiProblems({
    409: { FactConflict: 'the same fact is recorded with other content' },
    422: {
      FactInvalid: 'the fact is not valid; `errors` name each field',
      DealTooLarge: 'the deal has as many facts as a deal may have',
    },
  })
  async record(
    @Body() fact: unknown,
    @Context() { actor, correlationId }: RequestContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<FactReceipt> {
    const receipt = receiptOf(await this.commands.execute(new RecordFact(fact, { actor, correlationId })));
    reply.status(receipt.outcome === 'accepted' ? HttpStatus.CREATED : HttpStatus.OK);
    return receipt;
  }
}
