import { Body, Controller, Get, HttpStatus, Inject, Post, Query, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { PaymentRecorded } from '@tantieme/contracts/payout';
import { schemaOf } from '@tantieme/contracts/schemas';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { StatusReply } from '@tantieme/service-kit/http/status-reply';

import { Payment, PAYMENT_EXAMPLES, PaymentReceipt, PaymentsQuery } from './payment.dto.js';
import { ListPayments } from './payment.queries.js';
import { RecordPayment } from './record-payment.commands.js';

@ApiTags('payouts')
@Controller('payments')
export class PaymentsController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Get()
  @Roles('finance', 'auditor')
  @ApiOperation({
    summary: 'List payments',
    description: 'Every recorded revision of every payment, in the order in which they were recorded.',
  })
  @ApiPage(Payment)
  list(@Query() query: PaymentsQuery): Promise<Page<PaymentRecorded>> {
    const { limit, cursor, ...filter } = query;
    return this.queries.execute(new ListPayments(filter, limit, cursor));
  }

  @Post()
  @RolesOf(RecordPayment)
  @ApiOperation({
    summary: 'Record a payment',
    description:
      'Reports that a payout was settled in full, or that its payment failed. If it was paid out of another currency, `exchange` gives the rate, and the answer holds the exchange difference to book. A correction has a higher `revision`.',
  })
  @ApiBody({ schema: schemaOf('payment'), examples: PAYMENT_EXAMPLES })
  @ApiCreatedResponse({ type: PaymentReceipt, description: 'The payment is new' })
  @ApiOkResponse({ type: PaymentReceipt, description: 'The payment, or a later revision of it, was recorded before' })
  @ApiProblems({
    404: { PayoutUnknown: 'no payout has this id' },
    409: { PaymentConflict: 'another payment is recorded for the same payout and revision' },
    422: { PaymentInvalid: 'a field is missing or wrong, or differs from the payout' },
  })
  async record(
    @Body() payment: unknown,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<PaymentReceipt> {
    const receipt: PaymentReceipt = await this.commands.execute(new RecordPayment(payment, context));
    reply.status(receipt.outcome === 'accepted' ? HttpStatus.CREATED : HttpStatus.OK);
    return receipt;
  }
}
